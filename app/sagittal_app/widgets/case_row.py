"""A segmented case painted as a card: where its parts stand, how tall it is, what each says under the mouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QToolTip

from sagittal_app import theme
from sagittal_app.models.case_model import CASE_ROLE, DICE_ROLE, SLICE_ROLE, CaseModel, CaseRow, dice_lines
from sagittal_app.widgets.basics import UNIT
from sagittal_app.widgets.row_painting import Wrapping, paint_line, paint_need, paint_picture, small

THUMBNAIL = 56
"""Side of a picture, in pixels like all that follows."""
BAR = 22
"""Height of the confidence bar."""
EDGE = 4
"""Width of the mark of need."""
GAP = UNIT // 2
"""Below a card, and between two parts of one."""
LINE_GAP = 3
MARGIN = UNIT + 1
"""Of a card, its hairline counted."""
ROUNDING = 8.0
LEFT = 1 + GAP + EDGE + UNIT + THUMBNAIL + UNIT
"""Of the words."""

Dice = Mapping[str, float] | None
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Places:
    """Where the parts of a card stand, in the view's coordinates; empty for what is not there."""

    card: QRectF
    need: QRectF
    picture: QRectF
    name: QRectF
    review: QRectF
    figure: QRectF
    time: QRectF
    parts: QRectF
    doubts: QRectF
    bar: QRectF

    def part_at(self, point: QPointF) -> str:
        """Name of the part there; "card" between the parts, empty outside."""
        parts = ("need", "picture", "name", "review", "figure", "time", "parts", "doubts", "bar", "card")
        return next((part for part in parts if getattr(self, part).contains(point)), "")

    def slice_at(self, x: float, count: int) -> int:
        """The slice of the confidence bar at `x`, of `count`."""
        return min(max(int((x - self.bar.left()) / max(self.bar.width(), 1.0) * count), 0), count - 1)

    def slice_place(self, index: int, count: int) -> QRectF:
        """Where a slice of the bar stands."""
        wide = self.bar.width() / count
        return QRectF(self.bar.left() + index * wide, self.bar.top(), wide, self.bar.height())


class CaseDelegate(QStyledItemDelegate):
    """Paints cases, and the headings above them. Heights are measured once for a width and a font, text by text."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._measured: tuple[int, str] = (0, "")
        self._heights: dict[str, int] = {}
        """By scan."""
        self.measure(0, QFont())

    def measure(self, width: int, font: QFont) -> None:
        """Texts have a row of this width (pixels) and this font; where one is another, rows are measured anew."""
        if (now := (width, font.key())) != self._measured:
            self._measured, self._wide = now, max(width - LEFT - MARGIN, 1)
            self._fonts = (font, small(font))
            self._large, self._quiet = (QFontMetrics(one) for one in self._fonts)
            self._wrapping = Wrapping(self._fonts[1])
            self._heights.clear()

    def forget(self) -> None:
        """Rows may say something else now."""
        self._heights.clear()

    def grew(self, row: CaseRow, dice: Dice) -> bool:
        """Whether a row of which more is known needs another height than it had."""
        return self._heights.pop(row.scan, None) != self.height(row, dice)

    # Where things stand --------------------------------------------------------------------------------------------

    def height(self, row: CaseRow, dice: Dice) -> int:
        """Of a row, the gap below it counted. A Dice that is not known yet has its room kept."""
        if (kept := self._heights.get(row.scan)) is not None:
            return kept
        words = self._large.height() + LINE_GAP + self._quiet.height()
        for text in (self._parts(row, dice), row.doubts):
            words += LINE_GAP + self._tall(text) if text else 0
        words += LINE_GAP + BAR if row.slices else 0
        made = self._heights[row.scan] = max(words, THUMBNAIL) + 2 * MARGIN + GAP
        return made

    def places(self, row: CaseRow, rect: QRect, dice: Dice) -> Places:
        """Where the parts of a row that fills `rect` stand."""
        card = QRectF(rect).adjusted(0.5, 0.5, -0.5, -GAP - 0.5)
        inner = QRectF(rect).adjusted(1 + GAP, MARGIN, -MARGIN, -MARGIN - GAP)
        need = QRectF(inner.left(), inner.top(), EDGE, inner.height())
        top = round(inner.center().y() - THUMBNAIL / 2)
        picture = QRectF(need.right() + UNIT, top, THUMBNAIL, THUMBNAIL)
        left = rect.left() + LEFT
        wide = max(inner.right() - left, 0.0)
        review, time = self._widths(row)
        y = inner.top()

        def line(tall: int, wide: float = wide) -> QRectF:
            nonlocal y
            made = QRectF(left, y, wide, tall)
            y += tall + LINE_GAP
            return made

        first, second = line(self._large.height()), line(self._quiet.height())
        parts, doubts = (line(self._tall(text)) if text else QRectF() for text in (self._parts(row, dice), row.doubts))
        bar = line(BAR) if row.slices else QRectF()
        name, review_at = _split(first, review)
        figure, time_at = _split(second, time)
        return Places(card, need, picture, name, review_at, figure, time_at, parts, doubts, bar)

    def _parts(self, row: CaseRow, dice: Dice) -> str:
        return self._awaited(row.judged) if dice is None else dice_lines(dice)[1]

    @staticmethod
    @lru_cache
    def _awaited(labels: tuple[str, ...]) -> str:
        """Stands for Dice that are not known yet; as wide as they will be."""
        return dice_lines(dict.fromkeys(labels, 0.0))[1]

    def _widths(self, row: CaseRow) -> tuple[int, int]:
        """Of the review and of the time."""
        said, colour = row.review
        metrics = self._quiet if colour == "quiet" else self._large
        return metrics.horizontalAdvance(said), self._quiet.horizontalAdvance(row.time)

    def _tall(self, text: str) -> int:
        """Height of a wrapped text in the column of words."""
        return len(self._wrapping.lines(text, self._wide)) * self._wrapping.line

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        model = index.model()
        assert isinstance(model, CaseModel)
        one = model.entries[index.row()]
        if isinstance(one, str):
            return QSize(1, self._quiet.height() + GAP)
        kept = self._heights.get(one.scan)
        return QSize(1, self.height(one, model.known_dice(one)) if kept is None else kept)

    # Painting ------------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: CaseRow | None = index.data(CASE_ROLE)
        painter.save()
        if row is None:
            painter.setFont(self._fonts[1])
            paint_line(painter, QRectF(option.rect).adjusted(0, 0, 0, -GAP), str(index.data()), "quiet")
        else:
            self._paint_case(painter, option, row, index)
        painter.restore()

    def _paint_case(self, painter: QPainter, option: QStyleOptionViewItem, row: CaseRow, index: Index) -> None:
        dice: Dice = index.data(DICE_ROLE)
        at = self.places(row, option.rect, dice)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_card(painter, at.card, option.state)
        colour = "danger" if row.need >= 0.75 else "warning" if row.need >= 0.5 else "good"
        paint_need(painter, at.need, row.need, colour, "background")
        paint_picture(painter, at.picture, index.data(Qt.ItemDataRole.DecorationRole), GAP)
        body, quiet = self._fonts
        review, colour = row.review
        painter.setFont(body)
        paint_line(painter, at.name, row.name, "text")
        painter.setFont(quiet if colour == "quiet" else body)
        paint_line(painter, at.review, review, colour)
        figure, parts = dice_lines(dice or {})
        painter.setFont(quiet)
        paint_line(painter, at.figure, figure, "quiet")
        paint_line(painter, at.time, row.time, "quiet")
        self._wrapping.paint(painter, at.parts, parts, "quiet")
        self._wrapping.paint(painter, at.doubts, row.doubts, "warning")
        if row.slices:
            self._paint_bar(painter, at, row, index.data(SLICE_ROLE))

    def _paint_card(self, painter: QPainter, card: QRectF, state: QStyle.StateFlag) -> None:
        chosen, over = state & QStyle.StateFlag.State_Selected, state & QStyle.StateFlag.State_MouseOver
        painter.setPen(QColor(theme.colour("accent" if chosen else "quiet" if over else "line")))
        painter.setBrush(QColor(theme.colour("raised" if chosen else "panel")))
        painter.drawRoundedRect(card, ROUNDING, ROUNDING)

    def _paint_bar(self, painter: QPainter, at: Places, row: CaseRow, here: int | None) -> None:
        """Confidence per axial slice, feet on the left, head on the right, and a line at the slice shown."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.fillRect(at.bar, QColor(theme.colour("background")))
        colours = {name: QColor(theme.colour(name)) for name in ("good", "warning", "danger")}
        for index, value in enumerate(row.confidence):
            if value is not None:
                name = "good" if value >= 0.8 else "warning" if value >= 0.5 else "danger"
                place = at.slice_place(index, row.slices)
                place.setTop(place.bottom() - max(2.0, BAR * value))
                place.setWidth(max(place.width() - 1, 1.0))
                painter.fillRect(place, colours[name])
        if here is not None:
            middle = at.slice_place(here, row.slices).center().x()
            painter.fillRect(QRectF(middle - 1, at.bar.top(), 2, BAR), QColor(theme.colour("text")))

    # What is said where the mouse rests ----------------------------------------------------------------------------

    def helpEvent(self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: Index) -> bool:
        row: CaseRow | None = index.data(CASE_ROLE) if index.isValid() else None
        if row is None or event.type() != QEvent.Type.ToolTip:
            QToolTip.hideText()
            return False
        said, where = self.said_at(row, view.visualRect(index), index.data(DICE_ROLE), QPointF(event.pos()))
        QToolTip.showText(event.globalPos(), said, view.viewport(), where.toAlignedRect())
        return True

    def said_at(self, row: CaseRow, rect: QRect, dice: Dice, point: QPointF) -> tuple[str, QRectF]:
        """What the part of a row at a point says, and how far that holds; empty for a part that says nothing."""
        at = self.places(row, rect, dice)
        part = at.part_at(point)
        if part == "bar":
            index = at.slice_at(point.x(), row.slices)
            return row.about_slice(index), at.slice_place(index, row.slices)
        said = {"name": row.name, "figure": dice_lines(dice or {})[0], "doubts": row.about()}
        if row.label_set.figures:
            said |= {"need": row.about(), "picture": row.about()}
        return said.get(part, ""), getattr(at, part) if part else QRectF()


def _split(line: QRectF, right: int) -> tuple[QRectF, QRectF]:
    """A line in two: what stands at the right, so many pixels wide, and what is left of it."""
    wide = min(float(right), line.width())
    left = max(line.width() - wide - UNIT, 0.0) if right else line.width()
    return (
        QRectF(line.left(), line.top(), left, line.height()),
        QRectF(line.right() - wide, line.top(), wide, line.height()),
    )
