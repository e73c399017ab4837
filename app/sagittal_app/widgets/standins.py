"""What stands where a page will be: while it is prepared, where it failed, and while something is dragged over."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from sagittal_app import messages
from sagittal_app.desk import Desk
from sagittal_app.pages.page import Page
from sagittal_app.widgets.basics import UNIT, EmptyState, column, label


class PreparingPage(QWidget):
    """A sentence in the middle while something is prepared."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("preparing")
        self._text = label("", "soft")
        self._text.setObjectName("preparing_text")
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setLayout(column(None, self._text, None))

    def say(self, sentence: str) -> None:
        self._text.setText(sentence)
        # Painted at once: what follows may keep the event loop busy for a moment.
        self.repaint()


class BrokenPage(Page):
    """A page that could not be made: says so, and folds nothing else down with it."""

    icon = "mdi6.alert-outline"
    shortcut = ""
    name = "broken"
    title = "Broken"

    def __init__(self, desk: Desk, name: str, sentence: str, detail: str) -> None:
        self.name = name
        self.title = name.capitalize()
        super().__init__(desk)
        self._words = (sentence, detail)

    def build(self) -> None:
        sentence, detail = self._words
        state = EmptyState("mdi6.alert-octagon-outline", messages.PAGE_FAILED.format(page=self.title))
        text = QPlainTextEdit(detail or sentence)
        text.setObjectName("page_failure_detail")
        text.setReadOnly(True)
        text.setStyleSheet("font-family: monospace; font-size: 12px;")
        body = column(state, text)
        body.setContentsMargins(2 * UNIT, 0, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)


class Curtain(QFrame):
    """Covers the window while files are dragged over it and says what a drop does."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("drop_curtain")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setLayout(column(EmptyState("mdi6.tray-arrow-down", messages.DROP_HERE)))
        self.hide()

    def draw(self) -> None:
        self.setGeometry(self.parentWidget().rect().adjusted(UNIT, UNIT, -UNIT, -UNIT))
        self.show()
        self.raise_()
