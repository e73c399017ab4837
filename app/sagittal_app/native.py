"""Widgets that reach the screen on their own, past the drawing of the slice views.

Once a window holds one OpenGL widget (napari's canvas), even a hidden one, Qt sends everything of that window to the
screen through OpenGL, the whole of it for every change: where the processor does the drawing that takes 25 ms on two
cores, against 1 ms. A widget with a native window of its own is sent as ever. Widgets that float over such a one need
one too, or they would lie beneath it.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
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
