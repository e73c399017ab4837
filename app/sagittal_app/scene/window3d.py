"""The native window that VTK draws into, with clicks told apart from turns."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from sagittal_app.scene import preload  # noqa: F401  (tells VTK which Qt there is)

from vtkmodules.qt.QVTKRenderWindowInteractor import QVTKRenderWindowInteractor  # isort: skip
from vtkmodules.vtkInteractionStyle import vtkInteractorStyleTrackballCamera  # isort: skip

CLICK = 3.0
"""A press and release within this many pixels is a click, not a turn."""


class Window3D(QVTKRenderWindowInteractor):
    """Left drag turns, middle drag pans, right drag zooms, a click points, a double-click maximises."""

    clicked = Signal(int, int)
    """Pixels from the bottom left, as VTK counts them."""
    double_clicked = Signal()
    key_pressed = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        # Made without a parent: VTK asks for the native window at once, and Qt would make every ancestor a native one
        # with it, in which the slice views' OpenGL widgets are no longer drawn.
        super().__init__(None)
        self.setAttribute(Qt.WidgetAttribute.WA_DontCreateNativeAncestors)
        self.setParent(parent)
        self.GetRenderWindow().SetWindowInfo(str(int(self.winId())))
        self.setObjectName("scene_window")
        self._pressed_at: QPointF | None = None
        self._alive = True
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._draw)
        style = vtkInteractorStyleTrackballCamera()
        self.GetRenderWindow().GetInteractor().SetInteractorStyle(style)
        # The keys are the page's; VTK would quit on "q" and stop the interaction on "e".
        style.RemoveObservers("CharEvent")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = event.position()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        at, self._pressed_at = self._pressed_at, None
        if at is not None and (event.position() - at).manhattanLength() <= CLICK:
            ratio = self.devicePixelRatioF()
            self.clicked.emit(
                round(event.position().x() * ratio), round((self.height() - 1 - event.position().y()) * ratio)
            )

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self.double_clicked.emit()

    def keyPressEvent(self, event: Any) -> None:
        self.key_pressed.emit(event)

    def keyReleaseEvent(self, event: Any) -> None:
        event.accept()

    def paintEvent(self, event: Any) -> None:
        """Draws in a turn of its own: where a page comes to the front, the slices are drawn in this one."""
        self._soon.start()

    def _draw(self) -> None:
        if self._alive and self.isVisible():
            self.GetRenderWindow().GetInteractor().Render()

    def release(self) -> None:
        """Gives the drawing context back; nothing may be drawn afterwards."""
        if self._alive:
            self._alive = False
            self.Finalize()
