"""The command palette (Ctrl+K): every action with its shortcut, and the study's scans and runs by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QWidget
from PySide6.QtWidgets import QStyleOptionViewItem as Option

from sagittal_app import messages, theme
from sagittal_app.actions import spoken
from sagittal_app.widgets.basics import UNIT, column

ROWS = 12
MOST = 500
"""Lines of the list: all commands, and some hundreds of scans."""
WIDTH = 560


@dataclass(frozen=True)
class Entry:
    """One line of the palette."""

    title: str
    about: str
    """The menu it stands in, or what it is: "scan", "run"."""
    shortcut: str
    run: Callable[[], object]
    enabled: bool = True


def rank(query: str, title: str) -> int | None:
    """How well `title` answers `query`, smaller is better; None where it does not: each word must begin a word of
    the title, or stand in it."""
    words = query.casefold().split()
    target = title.casefold()
    if not all(word in target for word in words):
        return None
    if not words or target.startswith(words[0]):
        return 0
    starts = {part[: len(word)] for part in target.split() for word in words}
    return 1 if all(word in starts for word in words) else 2


class _Row(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: Option, index) -> None:
        entry: Entry = index.data(Qt.ItemDataRole.UserRole)
        if entry is None:
            return super().paint(painter, option, index)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, QColor(theme.colour("selection")))
        inner = option.rect.adjusted(2 * UNIT, 0, -2 * UNIT, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(theme.colour("text" if entry.enabled else "quiet")))
        shown = painter.drawText(inner, middle | Qt.AlignmentFlag.AlignLeft, entry.title)
        painter.setPen(QColor(theme.colour("quiet")))
        beside = QRect(inner)
        used = option.fontMetrics.horizontalAdvance(entry.title) + 2 * UNIT
        beside.setLeft(inner.left() + used)
        painter.drawText(beside, middle | Qt.AlignmentFlag.AlignLeft, entry.about)
        painter.drawText(inner, middle | Qt.AlignmentFlag.AlignRight, spoken(entry.shortcut))
        painter.restore()
        return shown

    def sizeHint(self, option: Option, index) -> QSize:
        return QSize(WIDTH, 4 * UNIT)


class CommandPalette(QFrame):
    """An overlay of the window with a search field and the best matches."""

    def __init__(self, parent: QWidget, entries: Callable[[], list[Entry]]) -> None:
        super().__init__(parent)
        self.setObjectName("palette")
        self._find = entries
        self._entries: list[Entry] = []
        self.field = QLineEdit()
        self.field.setObjectName("palette_field")
        self.field.setPlaceholderText(messages.SEARCH_HINT)
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setObjectName("palette_list")
        self.list.setItemDelegate(_Row(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.itemClicked.connect(lambda _item: self._take())
        body = column(self.field, self.list)
        body.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        self.setLayout(body)
        self.hide()

    def open(self) -> None:
        """Shows the palette over the window, empty, with the keyboard in it."""
        parent = self.parentWidget()
        self._entries = self._find()
        self.field.clear()
        self._filter("")
        self.setGeometry((parent.width() - WIDTH) // 2, 8 * UNIT, WIDTH, (ROWS + 2) * 4 * UNIT)
        self.show()
        self.raise_()
        self.field.setFocus()

    def titles(self) -> list[str]:
        """What is listed now."""
        items = (self.list.item(i).data(Qt.ItemDataRole.UserRole) for i in range(self.list.count()))
        return [entry.title for entry in items if entry is not None]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut:
            self.hide()
        if event.type() == QEvent.Type.KeyPress:
            key = event.key()
            if key == Qt.Key.Key_Escape:
                self.hide()
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take()
                return True
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                step = 1 if key == Qt.Key.Key_Down else -1
                self.list.setCurrentRow((self.list.currentRow() + step) % max(1, self.list.count()))
                return True
        return False

    def _filter(self, query: str) -> None:
        self.list.clear()
        ranked = [(rank(query, entry.title), i, entry) for i, entry in enumerate(self._entries)]
        fitting = sorted((r, not e.enabled, i, e) for r, i, e in ranked if r is not None) if query else None
        chosen = [entry for *_, entry in fitting] if fitting is not None else [e for _, _, e in ranked]
        for entry in chosen[:MOST]:
            item = QListWidgetItem(entry.title)
            item.setData(Qt.ItemDataRole.UserRole, entry)
            self.list.addItem(item)
        if not chosen:
            item = QListWidgetItem(messages.NOTHING_FOUND)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _take(self) -> None:
        item = self.list.currentItem()
        entry = item.data(Qt.ItemDataRole.UserRole) if item else None
        if entry is not None and entry.enabled:
            self.hide()
            self.parentWidget().setFocus()
            entry.run()
