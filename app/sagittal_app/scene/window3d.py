"""The native window that VTK draws into, with clicks told apart from turns."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QWidget

from sagittal_app.scene import preload  # noqa: F401  (tells VTK which Qt there is)
from sagittal_app.scene.guard import Card, read_card
from sagittal_app.scene.letters import letter_cube

from vtkmodules.util.numpy_support import vtk_to_numpy  # isort: skip
from vtkmodules.qt.QVTKRenderWindowInteractor import QVTKRenderWindowInteractor  # isort: skip
from vtkmodules.vtkInteractionStyle import vtkInteractorStyleTrackballCamera  # isort: skip
from vtkmodules.vtkInteractionWidgets import vtkOrientationMarkerWidget  # isort: skip
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkWindowToImageFilter  # isort: skip

CLICK = 3.0
"""A press and release within this many pixels is a click, not a turn."""
CUBE_PART, CUBE_LARGEST = 0.24, 110
"""The cube of letters takes this part of the window's shorter side, and no more points than that."""
FLUID_RATE, STILL_RATE = 20.0, 8.0
"""Drawings per second that VTK aims at while the mouse turns the scene and at rest, where the processor draws."""
PICTURE_RATE = 0.01
"""The same for a picture that is kept: it takes the time it needs."""


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
        self._cube: Any = None
        self._renderer: Any = None
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

    # What is drawn -------------------------------------------------------------------------------------------------

    def show_stage(self, renderer: vtkRenderer) -> None:
        """Draws a renderer's scene from now on, with the cube of letters in the corner."""
        window = self.GetRenderWindow()
        window.SetMultiSamples(0)
        window.AddRenderer(renderer)
        interactor = window.GetInteractor()
        interactor.Initialize()
        self._cube = vtkOrientationMarkerWidget()
        self._cube.SetOrientationMarker(letter_cube())
        self._cube.SetInteractor(interactor)
        self._place_cube()
        self._cube.SetEnabled(1)
        self._cube.InteractiveOff()
        self._renderer = renderer

    def show_cube(self, visible: bool) -> None:
        """Shows the cube of letters, or hides it where it is not known how the scan lies in the patient."""
        self._cube.SetEnabled(visible)

    def _place_cube(self) -> None:
        width, height = max(self.width(), 1), max(self.height(), 1)
        side = min(CUBE_PART * min(width, height), CUBE_LARGEST)
        self._cube.SetViewport(1 - side / width, 0.0, 1.0, side / height)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if self._cube is not None:
            self._place_cube()

    def read_card(self) -> Card:
        """What draws here."""
        self.GetRenderWindow().Render()
        return read_card(self.GetRenderWindow())

    def draw_coarsely(self) -> None:
        """Casts fewer rays, so that a drawing takes a fraction of a second where the processor draws."""
        window = self.GetRenderWindow()
        window.GetInteractor().SetDesiredUpdateRate(FLUID_RATE)
        window.GetInteractor().SetStillUpdateRate(STILL_RATE)
        window.SetDesiredUpdateRate(STILL_RATE)

    def picture(self) -> QImage:
        """What is seen, at its best."""
        window = self.GetRenderWindow()
        rate = window.GetDesiredUpdateRate()
        window.SetDesiredUpdateRate(PICTURE_RATE)
        grab = vtkWindowToImageFilter()
        grab.SetInput(window)
        grab.ReadFrontBufferOff()
        grab.Update()
        window.SetDesiredUpdateRate(rate)
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].copy()
        return QImage(pixels.data, width, height, width * 3, QImage.Format.Format_RGB888).copy()

    def release(self) -> None:
        """Gives the drawing context back; nothing may be drawn afterwards."""
        if self._alive:
            self._alive = False
            if self._cube is not None:
                self._cube.SetEnabled(0)
                self._cube.SetInteractor(None)
                self.GetRenderWindow().RemoveRenderer(self._renderer)
            self.Finalize()
