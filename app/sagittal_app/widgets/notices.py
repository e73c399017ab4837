"""Toasts that pass by and banners that stay, with a detail to fold out."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent
from PySide6.QtWidgets import QFrame, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from sagittal_app import messages, theme
from sagittal_app.actions import Command
from sagittal_app.widgets.basics import UNIT, button, column, label, row, tool

TOAST_MS = 6000
ABOVE_MS = 250
LIFTED = 11 * UNIT
"""Pixels from a passing sentence to the window's lower edge: it must not cover the last row of a page's buttons."""
ICONS = {"info": "mdi6.information-outline", "warning": "mdi6.alert-outline", "error": "mdi6.alert-octagon-outline"}
COLOURS = {"info": "accent", "warning": "warning", "error": "danger"}
KEPT = 4
"""Banners shown at once; older ones go."""


class Banner(QFrame):
    """One sentence that stays until closed, with the button that does something about it."""

    def __init__(self, level: str, text: str, detail: str = "", action: Command | None = None) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setProperty("level", level)
        self.text = text
        mark = QLabel()
        theme.set_icon(mark, ICONS[level], COLOURS[level])
        sentence = label(text, wrap=True, selectable=True)
        sentence.setObjectName("banner_text")
        top = row(mark, sentence)
        top.setStretch(1, 1)
        top.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
        if action is not None:
            top.addWidget(button(action.title, f"banner_{action.id}", lambda: self._act(action)))
        body = column(top)
        body.setContentsMargins(2 * UNIT, UNIT, UNIT, UNIT)
        if detail:
            self._detail = QPlainTextEdit(detail)
            self._detail.setObjectName("banner_detail")
            self._detail.setReadOnly(True)
            self._detail.setFixedHeight(160)
            self._detail.setStyleSheet("font-family: monospace; font-size: 12px;")
            self._detail.hide()
            fold = button(
                messages.DETAIL_BUTTON, "banner_fold", lambda: self._detail.setVisible(self._detail.isHidden())
            )
            copy = tool(
                "mdi6.content-copy",
                messages.COPY_DETAIL,
                "banner_copy",
                lambda: QGuiApplication.clipboard().setText(f"{text}\n\n{detail}"),
            )
            top.addWidget(fold)
            top.addWidget(copy)
            body.addWidget(self._detail)
        top.addWidget(tool("mdi6.close", messages.CLOSE, "banner_close", self.deleteLater))
        self.setLayout(body)

    def _act(self, action: Command) -> None:
        self.hide()
        self.deleteLater()
        action.run()


class Banners(QWidget):
    """The stack of banners above a page."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banners")
        self._body = QVBoxLayout(self)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.setSpacing(UNIT)

    def add(self, level: str, text: str, detail: str = "", action: Command | None = None) -> None:
        """Adds a banner; one that says the same already is replaced, the oldest makes room."""
        shown = self.banners()
        for old in [one for one in shown if one.text == text] + shown[: max(0, len(shown) - KEPT + 1)]:
            old.setParent(None)
            old.deleteLater()
        self._body.addWidget(Banner(level, text, detail, action))

    def drop(self, text: str) -> None:
        """Takes away the banner that says `text`: it is no longer true."""
        for old in self.banners():
            if old.text == text:
                old.setParent(None)
                old.deleteLater()

    def put(self, widget: QWidget) -> None:
        """Adds a question of the window's own."""
        self._body.addWidget(widget)

    def banners(self) -> list[Banner]:
        items = (self._body.itemAt(i).widget() for i in range(self._body.count()))
        return [one for one in items if isinstance(one, Banner)]


class Toast(QFrame):
    """A sentence that passes by at the bottom of the window, with at most one button."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("toast")
        self._text = label("")
        self._text.setObjectName("toast_text")
        self._action: Command | None = None
        self._button = button("", "toast_button", self._act)
        body = row(self._text, self._button, tool("mdi6.close", messages.CLOSE, "toast_close", self.hide))
        body.setContentsMargins(2 * UNIT, UNIT, UNIT, UNIT)
        self.setLayout(body)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        # The 3D scene is a native window that may come up while a sentence is shown, and would lie over it.
        self._above = QTimer(self)
        self._above.setInterval(ABOVE_MS)
        self._above.timeout.connect(self.raise_)
        parent.installEventFilter(self)
        self.hide()

    def say(self, text: str, action: Command | None = None) -> None:
        self._text.setText(text)
        self._action = action
        self._button.setVisible(action is not None)
        if action is not None:
            self._button.setText(action.title)
        self.adjustSize()
        self._place()
        self.show()
        self.raise_()
        self._timer.start(TOAST_MS * (2 if action else 1))
        self._above.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._above.stop()

    def text(self) -> str:
        return self._text.text() if self.isVisible() else ""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        parent = self.parentWidget()
        self.move((parent.width() - self.width()) // 2, parent.height() - self.height() - LIFTED)

    def _act(self) -> None:
        self.hide()
        if self._action is not None:
            self._action.run()
