"""Widgets that reach the screen on their own, past the drawing of the slice views.

Once a window holds one OpenGL widget (napari's canvas), even a hidden one, Qt sends everything of that window to the
screen through OpenGL, the whole of it for every change: where the processor does the drawing that takes 25 ms on two
cores, against 1 ms. A widget with a native window of its own is sent as ever. Widgets that float over such a one need
one too, or they would lie beneath it.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget


def own_window(widget: QWidget) -> None:
    """Gives `widget` a native window. Call it once the widget has the parent it keeps.

    On X11 alone: elsewhere the drawing through OpenGL is shared with the desktop's own and cheap.
    """
    if QGuiApplication.platformName() == "xcb":
        # Its ancestors must stay as they are: a native one is drawn with all that it holds.
        widget.setAttribute(Qt.WidgetAttribute.WA_DontCreateNativeAncestors)
        widget.setAttribute(Qt.WidgetAttribute.WA_NativeWindow)
        widget.installEventFilter(_Returning(widget))


class _Returning(QObject):
    """Has a native widget come back where Qt made its window anew.

    The window of the whole program is made anew for its first OpenGL widget, also for one in a dialog before it. Qt
    hides the native widgets in it and shows again only the window itself. What is so hidden loses its window in the
    same breath; what somebody hides does not.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._just_hidden = self._lost = False

    def eventFilter(self, widget: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.HideToParent:
            self._just_hidden = True
            QCoreApplication.postEvent(self, QEvent(QEvent.Type.User))
        elif kind == QEvent.Type.ShowToParent:
            self._just_hidden = self._lost = False
        elif kind == QEvent.Type.WinIdChange and isinstance(widget, QWidget):
            if not widget.internalWinId():
                self._lost = self._just_hidden
            elif self._lost:
                self._lost = False
                widget.show()
        return False

    def customEvent(self, _event: QEvent) -> None:
        """The event loop has come round since the widget was hidden."""
        self._just_hidden = False
