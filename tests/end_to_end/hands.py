"""What a user does in the real window, for tests and for the pictures of the guide: click, choose, type, drop, wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QEvent, QEventLoop, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QPushButton, QWidget

from sagittal_app.canvas.slice_view import SliceView
from sagittal_app.window import Window

W = TypeVar("W", bound=QWidget)
LEFT = Qt.MouseButton.LeftButton
NO_KEYS = Qt.KeyboardModifier.NoModifier
LONG = 150.0
"""Seconds within which anything must be seen, also on a machine that is busy with other work."""


class Hands:
    """A user's hands and eyes on one window."""

    def __init__(self, window: Window) -> None:
        self.window = window

    def wait(self, seconds: float) -> None:
        """Looks on while the program's event loop runs."""
        loop = QEventLoop()
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()

    def until(self, seen: Callable[[], object], what: str = "what was waited for", limit: float = LONG) -> None:
        """Looks on until something is seen; raises TimeoutError where it is not within `limit` seconds."""
        end = time.monotonic() + limit
        while not seen():
            self.wait(0.02)
            if time.monotonic() > end:
                raise TimeoutError(f"{what} was not seen within {limit:.0f} seconds")

    def find(self, kind: type[W], name: str) -> W:
        self.until(lambda: self.window.findChild(kind, name) is not None, name)
        return self.window.findChild(kind, name)

    def click(self, name: str, kind: type[QWidget] = QPushButton) -> None:
        # Looked for anew each time: panels rebuild their rows, and a row may be on its way out.
        def ready() -> list[QWidget]:
            return [one for one in self.window.findChildren(kind, name) if one.isVisible() and one.isEnabled()]

        self.until(lambda: bool(ready()), name)
        QTest.mouseClick(ready()[-1], LEFT)

    def choose(self, name: str, text: str) -> None:
        box = self.find(QComboBox, name)
        self.until(lambda: box.findText(text) >= 0, f"{text} in {name}")
        box.setCurrentIndex(box.findText(text))
        box.activated.emit(box.currentIndex())

    def shortcut(self, key: Qt.Key) -> None:
        """Ctrl and a key. A display without window manager gives the focus to any new native window: take it back."""
        self.window.activateWindow()
        self.until(self.window.isActiveWindow, "the window in front")
        QTest.keyClick(self.window, key, Qt.KeyboardModifier.ControlModifier)

    def go_to(self, page: str, key: Qt.Key) -> None:
        self.shortcut(key)
        self.until(lambda: self.window.stack.currentWidget() is self.window.pages[page], f"the page {page}")

    def drop(self, path: Path) -> None:
        """Drops a file or folder on the window."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        event = QDropEvent(QPointF(400, 400), Qt.DropAction.CopyAction, data, LEFT, NO_KEYS)
        self.window.dropEvent(event)

    def drag(
        self,
        widget: QWidget,
        *points: QPoint,
        button: Qt.MouseButton = LEFT,
        keys: Qt.KeyboardModifier = NO_KEYS,
    ) -> None:
        """Presses at the first point, moves over the others and lets go at the last."""
        QTest.mousePress(widget, button, keys, points[0])
        for point in points[1:]:
            # QTest's own move forgets buttons and keys.
            at = QPointF(point)
            move = QMouseEvent(
                QEvent.Type.MouseMove, at, QPointF(widget.mapToGlobal(point)), Qt.MouseButton.NoButton, button, keys
            )
            QApplication.sendEvent(widget, move)
        QTest.mouseRelease(widget, button, keys, points[-1])


def point_of(view: SliceView, voxel: tuple[float, float, float]) -> QPoint:
    """Where a voxel's centre is on a view."""
    return view.canvas.to_widget(*view.view.to_screen(voxel)).toPoint()
