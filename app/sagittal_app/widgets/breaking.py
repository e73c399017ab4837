"""Paths and long ids that break over lines where they are put together, and are copied as they are."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QClipboard, QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QMenu

from sagittal_app import messages
from sagittal_app.widgets.basics import Wrapped

BREAK = "\u200b"
"""A space of no width: a label's only way to be told where a line may end."""
_DOTTED = re.compile(r"[\w.]{20,}")
"""The name of a DICOM file: numbers between points, longer than a line."""
LONG = 16
"""Letters beyond which a name may break at its hyphens."""


def breakable(text: str) -> str:
    """Lets paths and long ids break where they are put together; numbers stay whole."""
    for mark in "/\\_-" if len(text) > LONG else "/\\_":
        text = text.replace(mark, f"{mark}{BREAK}")
    return _DOTTED.sub(lambda name: name.group().replace(".", f".{BREAK}"), text)


class Breaking(Wrapped):
    """A paragraph that can be selected. Whatever way it is copied, the copy is the text, without the breaks."""

    def __init__(self, text: str) -> None:
        super().__init__(breakable(text))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def copy(self, mode: QClipboard.Mode = QClipboard.Mode.Clipboard) -> None:
        """Puts what is selected on the clipboard."""
        if self.hasSelectedText():
            QGuiApplication.clipboard().setText(self.selectedText().replace(BREAK, ""), mode)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(messages.COPY, self.copy).setEnabled(self.hasSelectedText())
        menu.addAction(messages.SELECT_ALL, lambda: self.setSelection(0, len(self.text())))
        menu.popup(event.globalPos())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        # A press within what is selected would drag it away as it stands, breaks and all.
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSelection(0, 0)
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        # X11's second clipboard takes whatever is selected.
        if QGuiApplication.clipboard().supportsSelection():
            self.copy(QClipboard.Mode.Selection)
