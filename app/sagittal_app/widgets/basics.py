"""Headings, panels, buttons, folds and empty states: the window's alphabet, on an 8-pixel grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLayoutItem,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sagittal_app import theme
from sagittal_app.actions import tip

UNIT = theme.UNIT

Box = TypeVar("Box", QHBoxLayout, QVBoxLayout)

SMALLEST = 16
"""Pixels of an icon button's side, even while a layout has no room yet: it would draw an icon of less than nothing."""


class Wrapped(QLabel):
    """A paragraph. Its smallest size is one short line: the layout asks for the height at the width there is, and a
    scroll area around it shows no needless bar."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, QFontMetrics(self.font()).height())


def label(text: str, role: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label; `role` is "title", "heading", "quiet", "soft", "good", "warning", "danger" or empty."""
    made = Wrapped(text) if wrap else QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    if selectable:
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def set_role(widget: QWidget, role: str, name: str = "role") -> None:
    """Changes a styled property and redraws."""
    widget.setProperty(name, role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Elided(QLabel):
    """One line that ends in … where there is no room; the whole text is in the tooltip."""

    def __init__(self, text: str = "", role: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = ""
        self.say(text)

    def say(self, text: str) -> None:
        if text != self._whole:
            self._whole = text
            self.setToolTip(text)
            self._fit()

    def whole(self) -> str:
        return self._whole

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()
        super().resizeEvent(event)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def _fit(self) -> None:
        shown = QFontMetrics(self.font()).elidedText(self._whole, Qt.TextElideMode.ElideRight, max(self.width(), 8))
        super().setText(shown)


def button(
    text: str, name: str, run: Callable[[], object], *, role: str = "", icon: str = "", help: str = ""
) -> QPushButton:
    """A push button with an object name; `role` "primary" for the page's one main action."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    if role:
        made.setProperty("role", role)
    if icon:
        theme.set_icon(made, icon, "on_accent" if role == "primary" else "text", 18)
    if help:
        made.setToolTip(help)
    made.clicked.connect(lambda _checked=False: run())
    return made


def tool(
    icon: str, title: str, name: str, run: Callable[[], object], *, shortcut: str = "", checkable: bool = False
) -> QToolButton:
    """An icon button whose tooltip names the action and its key."""
    made = QToolButton()
    made.setObjectName(name)
    made.setToolTip(tip(title, shortcut))
    made.setAccessibleName(title)
    made.setMinimumSize(SMALLEST, SMALLEST)
    made.setCheckable(checkable)
    theme.set_icon(made, icon)
    made.clicked.connect(lambda _checked=False: run())
    return made


def row(*parts: QWidget | int | None, spacing: int = UNIT) -> QHBoxLayout:
    """A horizontal layout; None is a stretch, a number a gap."""
    return _fill(QHBoxLayout(), parts, spacing)


def column(*parts: QWidget | QLayout | int | None, spacing: int = UNIT) -> QVBoxLayout:
    """A vertical layout; None is a stretch, a number a gap."""
    return _fill(QVBoxLayout(), parts, spacing)


def _fill(layout: Box, parts: tuple[QWidget | QLayout | int | None, ...], spacing: int) -> Box:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        if part is None:
            layout.addStretch(1)
        elif isinstance(part, int):
            layout.addSpacing(part)
        elif isinstance(part, QLayout):
            layout.addLayout(part)
        else:
            layout.addWidget(part)
    return layout


class Panel(QFrame):
    """A panel with at most one heading; parts go into `body`."""

    def __init__(self, heading: str = "", *, name: str = "", margin: int = 2 * UNIT, elide: bool = False) -> None:
        """`elide` shortens a heading for which there is no room, in panels that may become narrow."""
        super().__init__()
        self.setProperty("role", "panel")
        if name:
            self.setObjectName(name)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin, margin, margin, margin)
        self.body.setSpacing(UNIT)
        self.heading: QLabel = Elided(heading, "heading") if elide else label(heading, "heading")
        self.top = row(self.heading) if elide else row(self.heading, None)
        if elide:
            self.top.setStretch(0, 1)
        if heading:
            self.body.addLayout(self.top)


def line(vertical: bool = False) -> QFrame:
    """A hairline."""
    made = QFrame()
    made.setProperty("role", "line")
    if vertical:
        made.setFixedWidth(1)
    else:
        made.setFixedHeight(1)
    return made


class Fold(QWidget):
    """A heading that folds what stands under it."""

    def __init__(self, title: str, name: str, *, open: bool = False) -> None:
        super().__init__()
        self.setObjectName(name)
        self._button = QToolButton()
        self._button.setObjectName(f"{name}_toggle")
        self._button.setText(title)
        self._button.setCheckable(True)
        self._button.setMinimumSize(SMALLEST, SMALLEST)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setStyleSheet("QToolButton { font-weight: 600; background: transparent; padding: 4px 4px 4px 0; }")
        self.content = QWidget()
        self.content.setObjectName(f"{name}_content")
        self.body = QVBoxLayout(self.content)
        self.body.setContentsMargins(0, 0, 0, UNIT)
        self.body.setSpacing(UNIT)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(UNIT // 2)
        outer.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        outer.addWidget(self.content)
        self._button.toggled.connect(self._show)
        self._button.setChecked(open)
        self._show(open)

    def set_title(self, title: str) -> None:
        self._button.setText(title)

    def _show(self, open: bool) -> None:
        self.content.setVisible(open)
        theme.set_icon(self._button, "mdi6.chevron-down" if open else "mdi6.chevron-right", "quiet", 16)


SENTENCE_WIDTH = 440
"""Pixels of an empty page's sentence."""


class EmptyState(QWidget):
    """One icon, one sentence, and the actions that fill the page."""

    def __init__(self, icon: str, sentence: str, *actions: QAbstractButton, name: str = "empty") -> None:
        super().__init__()
        self.setObjectName(name)
        picture = QLabel()
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        theme.set_icon(picture, icon, "quiet", 56)
        # A plain label: its size hint is the wrapped height at its fixed width, which a centred layout goes by.
        self.sentence = label(sentence, "soft")
        self.sentence.setWordWrap(True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setFixedWidth(SENTENCE_WIDTH)
        # The style sheet's font comes with the first showing; the height at that font must not be cut.
        self.sentence.setMinimumHeight(3 * QFontMetrics(self.sentence.font()).lineSpacing())
        buttons = row(None, *actions, None)
        body = column(None, picture, UNIT, self.sentence, UNIT, buttons, None)
        body.setAlignment(self.sentence, Qt.AlignmentFlag.AlignCenter)
        body.setContentsMargins(3 * UNIT, 3 * UNIT, 3 * UNIT, 3 * UNIT)
        self.setLayout(body)


class Scrolled(QScrollArea):
    """A frameless area that scrolls vertically only."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        theme.current.changed.connect(self._restyled)

    def _restyled(self) -> None:
        """Layouts keep the sizes that widgets gave between two style sheets: they are measured again."""
        QTimer.singleShot(0, self, self._measure)

    def _measure(self) -> None:
        for part in self.widget().findChildren(QWidget):
            part.updateGeometry()
        self.widget().updateGeometry()


def scrolled(content: QWidget, name: str = "") -> QScrollArea:
    """`content` in a frameless area that scrolls vertically only."""
    area = Scrolled(content)
    if name:
        area.setObjectName(name)
    return area


class Flow(QLayout):
    """Lays parts out in rows, as words in a paragraph."""

    def __init__(self, spacing: int = UNIT) -> None:
        super().__init__()
        self._items: list[QLayoutItem] = []
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def _place(self, rect: QRect, *, move: bool) -> int:
        x, y, height = rect.x(), rect.y(), 0
        for item in self._items:
            size = item.sizeHint()
            if x + size.width() > rect.right() + 1 and height:
                x, y, height = rect.x(), y + height + self.spacing(), 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + self.spacing()
            height = max(height, size.height())
        return y + height - rect.y()


def clear(layout: QLayout) -> None:
    """Takes everything out of a layout and deletes it."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            clear(inner)
