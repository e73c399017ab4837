"""The line below the scene: what is wrong, or what was done to the volume and what can be had instead."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sagittal_app.scene import words
from sagittal_app.widgets.basics import UNIT, button, label, row, tool


class SceneNote(QWidget):
    """Hidden while there is nothing to say."""

    detail_asked = Signal(object)
    """The list of sizes is wanted, below this widget."""

    def __init__(self) -> None:
        super().__init__()
        self._text = label("", "quiet", wrap=True)
        self._text.setObjectName("scene_note")
        detail = button(words.DETAIL, "scene_note_detail", lambda: self.detail_asked.emit(detail))
        close = tool("mdi6.close", words.CLOSE, "scene_note_close", lambda: self.say(""))
        self._offer = [detail, close]
        inner = row(self._text, detail, close)
        inner.setStretch(0, 1)
        inner.setContentsMargins(UNIT, UNIT // 2, UNIT, UNIT // 2)
        self.setLayout(inner)

    @property
    def text(self) -> str:
        return self._text.text()

    def say(self, text: str, offer: bool = False) -> None:
        """Shows a sentence; with `offer` also the way to the list of sizes, and one to close the note."""
        self._text.setText(text)
        for made in self._offer:
            made.setVisible(offer)
        self.setVisible(bool(text))
