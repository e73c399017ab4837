"""Lines of figures as one painted list: each has up to three parts, which may be explained, or lead somewhere.

A hundred labels in figures, each of several supports, would be more than a thousand widgets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QHelpEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QToolTip

from sagittal_app import theme
from sagittal_app.widgets.basics import UNIT
from sagittal_app.widgets.row_painting import paint_line, small

LINE = 20
"""Pixels of a line's height."""
LINE_ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Part:
    """Some words of a line."""

    text: str = ""
    colour: str = "text"
    """A name of the theme; what leads somewhere has the accent."""
    quiet: bool = False
    """In small type."""
    about: str = ""
    """What is said where the mouse rests; the whole text where this is empty."""
    target: str = ""
    """What a click asks for."""
    widest: int = 0
    """Pixels at which it ends in …; 0 for as much room as there is."""


@dataclass(frozen=True)
class Line:
    """Left and right take the room they need, the middle takes what is left."""

    left: Part
    middle: Part = Part()
    right: Part = Part()

    @property
    def parts(self) -> tuple[Part, Part, Part]:
        return self.left, self.middle, self.right


class _Lines(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[Line, ...] = ()

    def show_lines(self, lines: Sequence[Line]) -> None:
        self.beginResetModel()
        self.lines = tuple(lines)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line = self.lines[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return " ".join(part.text for part in line.parts if part.text)
        return line if role == LINE_ROLE else None


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(1, LINE)

    def places(self, option: QStyleOptionViewItem, line: Line) -> Iterator[tuple[Part, QRectF]]:
        """The parts of a line that say something, and where they stand."""
        room = QRectF(option.rect)
        widths = {}
        for part in (line.left, line.right):
            font = small(option.font) if part.quiet else option.font
            needed = QFontMetrics(font).horizontalAdvance(part.text) if part.text else 0
            widths[part] = min(needed, part.widest or needed)
        right = widths[line.right]
        left = min(widths[line.left], room.width() - right - (UNIT if right else 0))
        begin = room.left() + left + (UNIT if left else 0)
        end = room.right() - right - (UNIT if right else 0)
        spans = ((room.left(), left), (begin, end - begin), (room.right() - right, right))
        for part, (x, wide) in zip(line.parts, spans, strict=True):
            if part.text:
                yield part, QRectF(x, room.top(), max(wide, 0.0), room.height())

    def part_at(self, option: QStyleOptionViewItem, line: Line, point: QPointF) -> tuple[Part, QRectF]:
        """The part at a point, an empty one where there is none."""
        found = ((part, place) for part, place in self.places(option, line) if place.contains(point))
        return next(found, (Part(), QRectF()))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        line: Line = index.data(LINE_ROLE)
        painter.save()
        for part, place in self.places(option, line):
            font = small(option.font) if part.quiet else option.font
            font.setUnderline(bool(part.target) and bool(option.state & QStyle.StateFlag.State_HasFocus))
            painter.setFont(font)
            elide = Qt.TextElideMode.ElideMiddle if part.widest else Qt.TextElideMode.ElideRight
            paint_line(painter, place, part.text, "accent" if part.target else part.colour, elide)
        painter.restore()

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        if not index.isValid() or event.type() != QEvent.Type.ToolTip:
            QToolTip.hideText()
            return False
        part, place = self.part_at(option, index.data(LINE_ROLE), QPointF(event.pos()))
        QToolTip.showText(event.globalPos(), part.about or part.text, view.viewport(), place.toAlignedRect())
        return True


class FigureLines(QListView):
    """As high as its lines: it is made to be scrolled with what is around it."""

    chosen = Signal(str)
    """The target of a part that was clicked, or of a line on which Return was pressed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("role", "lines")
        self._lines, self._delegate = _Lines(), _Delegate(self)
        self.setModel(self._lines)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        for bar in (self.setVerticalScrollBarPolicy, self.setHorizontalScrollBarPolicy):
            bar(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        theme.current.changed.connect(self.viewport().update)
        self.show_lines(())

    def show_lines(self, lines: Sequence[Line]) -> None:
        self._lines.show_lines(lines)
        self.setFixedHeight(LINE * len(lines))
        self.setVisible(bool(lines))

    @property
    def lines(self) -> tuple[Line, ...]:
        """Those shown."""
        return self._lines.lines

    def text(self) -> str:
        """All that the lines say."""
        return "\n".join(str(self._lines.index(row).data()) for row in range(self._lines.rowCount()))

    def place_of(self, target: str) -> QRect:
        """Where a part that leads to `target` stands in the viewport; raises KeyError where none does."""
        for row, line in enumerate(self.lines):
            for part, place in self._delegate.places(self._option(self._lines.index(row)), line):
                if part.target == target:
                    return place.toAlignedRect()
        raise KeyError(target)

    def _option(self, index: Index) -> QStyleOptionViewItem:
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        option.rect = self.visualRect(index)
        return option

    def _target_at(self, event: QMouseEvent) -> str:
        index = self.indexAt(event.position().toPoint())
        if not index.isValid():
            return ""
        return self._delegate.part_at(self._option(index), index.data(LINE_ROLE), event.position())[0].target

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and (target := self._target_at(event)):
            self.chosen.emit(target)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        leads = bool(self._target_at(event))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if leads else Qt.CursorShape.ArrowCursor)

    def wheelEvent(self, event: Any) -> None:
        event.ignore()  # what is around it scrolls

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, index = Qt.Key(event.key()), self.currentIndex()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            for part in index.data(LINE_ROLE).parts:
                if part.target:
                    self.chosen.emit(part.target)
        else:
            event.ignore()
