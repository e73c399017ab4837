"""The gallery of methods: a card each, in groups by what they lead to, found by typing; broken ones as a red row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from sagittal.method import MethodCard
from sagittal_app import messages
from sagittal_app.widgets.basics import UNIT, Elided, Fold, clear, column, label, scrolled, set_role

MANY = 6
"""Methods from which on a search is offered."""


def learns_from_labels(card: MethodCard) -> bool:
    """Whether somebody must have labelled something before it can be trained."""
    return card.needs.labels or card.needs.some_labels or "classifier" in card.capabilities


def needs_in_words(card: MethodCard) -> str:
    """ "2 scans or more · labels"."""
    needs = card.needs
    parts = [messages.NEEDS_SCANS.format(count=messages.count(needs.scans, "scan"))]
    if needs.meta_labels:
        parts.append(messages.NEEDS_META)
    if needs.domains:
        parts.append(messages.NEEDS_DOMAINS)
    if needs.segmenter:
        parts.append(messages.NEEDS_SEGMENTER)
    if needs.labels or needs.some_labels:
        parts.append(messages.NEEDS_LABELS if needs.labels else messages.NEEDS_SOME_LABELS)
    if "classifier" in card.capabilities:
        parts.append(messages.NEEDS_EXAMS)
    if not learns_from_labels(card):
        parts.append(messages.NEEDS_NOTHING)
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
        self._words = " ".join((card.name, card.title, card.summary, card.paper)).casefold()
        parts = [label(card.title, "heading", wrap=True), label(card.summary, wrap=True)]
        if card.note:
            parts.append(label(card.note, "warning", wrap=True))
        parts.append(label(needs_in_words(card), "quiet", wrap=True))
        parts.append(Elided(card.paper, "quiet"))
        body = column(*parts, spacing=UNIT // 2)
        body.setContentsMargins(12, 12, 12, 12)
        self.setLayout(body)

    def matches(self, text: str) -> bool:
        """Whether every word of `text` is in what the card says."""
        return all(word in self._words for word in text.casefold().split())

    def mark(self, chosen: bool) -> None:
        set_role(self, "true" if chosen else "false", "selected")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self._name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Space):
            self.chosen.emit(self._name)
        else:
            super().keyPressEvent(event)


GROUPS = {
    "segmenter": messages.GROUP_SEGMENT,
    "predictor": messages.GROUP_PREDICT,
    "classifier": messages.GROUP_CLASSIFY,
    "": messages.GROUP_REPRESENT,
}
"""Capability → heading: what leads to a segmented cohort comes before what one compares methods with."""


def group_of(card: MethodCard) -> str:
    """The heading that a method stands under: by what a run of it leads to."""
    return next(heading for name, heading in GROUPS.items() if not name or name in card.capabilities)


def in_order(cards: Iterable[MethodCard]) -> list[MethodCard]:
    """The methods as the gallery has them: by heading, each group in the order given."""
    headings = list(GROUPS.values())
    return sorted(cards, key=lambda card: headings.index(group_of(card)))


class MethodGallery(QWidget):
    """Cards in one column, under headings where there are several kinds; `chosen` gives the method's name."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("method_gallery")
        self._cards: dict[str, Card] = {}
        self._groups: dict[str, list[Card]] = {}
        self._headings: dict[str, QWidget] = {}
        self.search = QLineEdit()
        self.search.setObjectName("method_search")
        self.search.setPlaceholderText(messages.METHODS_SEARCH)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self._nothing = label(messages.METHODS_NOTHING, "soft", wrap=True)
        self._body = QVBoxLayout()
        self._body.setContentsMargins(0, 0, UNIT, 0)
        self._body.setSpacing(UNIT)
        content = QWidget()
        content.setLayout(self._body)
        heading = label(messages.METHODS_HEADING, "heading")
        self._area = scrolled(content, "gallery_scroll")
        self.setLayout(column(heading, self.search, self._nothing, self._area))
        self._nothing.hide()
        self.search.hide()
        self._body.addWidget(label(messages.METHODS_READING, "soft"))
        self._body.addStretch(1)

    def show_methods(self, cards: Sequence[MethodCard], problems: Mapping[str, str]) -> None:
        clear(self._body)
        self._cards, self._headings = {}, {}
        self._groups = {group: [] for group in dict.fromkeys(group_of(card) for card in cards)}
        for group, members in self._groups.items():
            if len(self._groups) > 1:
                self._headings[group] = label(group, "quiet", wrap=True)
                self._body.addWidget(self._headings[group])
            for card in (card for card in cards if group_of(card) == group):
                made = Card(card)
                made.chosen.connect(self.chosen)
                self._cards[card.name] = made
                members.append(made)
                self._body.addWidget(made)
        for name, trace in problems.items():
            self._body.addWidget(self._broken(name, trace))
        self._body.addStretch(1)
        self.search.setVisible(len(cards) >= MANY)
        self._filter(self.search.text())

    def mark(self, name: str) -> None:
        for other, card in self._cards.items():
            card.mark(other == name)
        # What was just filled in has its place only after the layout's turn.
        QTimer.singleShot(0, self, lambda: self._reach(name))

    def _reach(self, name: str) -> None:
        if name in self._cards:
            self._area.ensureWidgetVisible(self._cards[name])

    def _filter(self, text: str) -> None:
        for card in self._cards.values():
            card.setVisible(card.matches(text))
        for group, heading in self._headings.items():
            heading.setVisible(any(card.matches(text) for card in self._groups[group]))
        self._nothing.setVisible(bool(self._cards) and not any(card.matches(text) for card in self._cards.values()))

    def _broken(self, name: str, trace: str) -> QWidget:
        made = Fold(messages.METHOD_BROKEN.format(name=name), f"broken_{name}")
        made.findChild(QWidget, f"broken_{name}_toggle").setProperty("role", "danger")
        made.body.addWidget(label(trace.strip().splitlines()[-1] if trace.strip() else name, "danger", wrap=True))
        text = QPlainTextEdit(trace)
        text.setReadOnly(True)
        text.setFixedHeight(160)
        made.body.addWidget(text)
        return made
