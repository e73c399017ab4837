"""The gallery of methods: a card each, from what the method says of itself; broken ones as a red row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from sagittal.method import MethodCard, Needs
from sagittal_app import messages
from sagittal_app.widgets.basics import UNIT, Fold, clear, column, label, scrolled, set_role


def needs_in_words(needs: Needs) -> str:
    """ "2 scans or more · labels"."""
    parts = [messages.NEEDS_SCANS.format(count=messages.count(needs.scans, "scan"))]
    if needs.meta_labels:
        parts.append(messages.NEEDS_META)
    if needs.domains:
        parts.append(messages.NEEDS_DOMAINS)
    if needs.segmenter:
        parts.append(messages.NEEDS_SEGMENTER)
    parts.append(messages.NEEDS_LABELS if needs.labels else messages.NEEDS_NOTHING)
    return " · ".join(parts)


class Card(QFrame):
    """One method: name, one sentence, what it needs, its paper."""

    chosen = Signal(str)

    def __init__(self, card: MethodCard) -> None:
        super().__init__()
        self.setObjectName(f"method_{card.name}")
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(card.title)
        self._name = card.name
        parts = [label(card.title, "heading", wrap=True), label(card.summary, wrap=True)]
        if card.note:
            parts.append(label(card.note, "warning", wrap=True))
        parts.append(label(needs_in_words(card.needs), "quiet", wrap=True))
        parts.append(label(card.paper, "quiet", wrap=True))
        body = column(*parts, spacing=UNIT // 2)
        body.setContentsMargins(12, 12, 12, 12)
        self.setLayout(body)

    def mark(self, chosen: bool) -> None:
        set_role(self, "true" if chosen else "false", "selected")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self._name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Space):
            self.chosen.emit(self._name)
        else:
            super().keyPressEvent(event)


class MethodGallery(QWidget):
    """Cards in one column; `chosen` gives the method's name."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("method_gallery")
        self._cards: dict[str, Card] = {}
        self._body = QVBoxLayout()
        self._body.setContentsMargins(0, 0, UNIT, 0)
        self._body.setSpacing(UNIT)
        content = QWidget()
        content.setLayout(self._body)
        self.setLayout(column(label(messages.METHODS_HEADING, "heading"), scrolled(content, "gallery_scroll")))

    def show_methods(self, cards: Sequence[MethodCard], problems: Mapping[str, str]) -> None:
        clear(self._body)
        self._cards = {}
        for card in cards:
            made = Card(card)
            made.chosen.connect(self.chosen)
            self._cards[card.name] = made
            self._body.addWidget(made)
        for name, trace in problems.items():
            self._body.addWidget(self._broken(name, trace))
        self._body.addStretch(1)

    def mark(self, name: str) -> None:
        for other, card in self._cards.items():
            card.mark(other == name)

    def _broken(self, name: str, trace: str) -> QWidget:
        made = Fold(messages.METHOD_BROKEN.format(name=name), f"broken_{name}")
        made.findChild(QWidget, f"broken_{name}_toggle").setProperty("role", "danger")
        made.body.addWidget(label(trace.strip().splitlines()[-1] if trace.strip() else name, "danger", wrap=True))
        text = QPlainTextEdit(trace)
        text.setReadOnly(True)
        text.setFixedHeight(160)
        made.body.addWidget(text)
        return made
