"""A probability with its interval, draws, planes and threshold on one line; and what each slice speaks for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from sagittal.diagnosis import Opinion
from sagittal_app import diagnosis_words as words
from sagittal_app import theme
from sagittal_app.charts.histogram import translucent
from sagittal_app.models.diagnoses import plane_means, signed, told, wrong

EDGE = 8
"""Pixels left free at both ends, so that 0 and 1 are not cut."""
LETTER_PIXELS = 10


class OpinionBar(QWidget):
    """The axis runs from 0 to 1."""

    def __init__(self, opinion: Opinion) -> None:
        super().__init__()
        self.opinion = opinion
        self.setMinimumWidth(120)
        self.setFixedHeight(36)
        self.setToolTip(
            words.BAR_HELP.format(
                label=opinion.label, value=opinion.probability, low=opinion.low, high=opinion.high,
                threshold=opinion.threshold,
            )
        )  # fmt: skip
        theme.current.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(280, 36)

    def x_of(self, probability: float) -> float:
        return EDGE + probability * (self.width() - 2 * EDGE)

    def paintEvent(self, _event: QPaintEvent) -> None:
        said = self.opinion
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            colour = theme.colour("danger" if wrong(said) else "accent" if told(said) else "quiet")
            middle, thick = 12.0, 10.0
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.colour("line")))
            painter.drawRoundedRect(QRectF(EDGE, middle - 1, self.width() - 2 * EDGE, 2), 1, 1)
            low, high = self.x_of(said.low), self.x_of(said.high)
            painter.setBrush(translucent(colour, 90))
            painter.drawRoundedRect(QRectF(low - 1, middle - thick / 2, high - low + 2, thick), 3, 3)
            painter.setBrush(translucent(theme.colour("text"), 150))
            for draw in said.draws:
                painter.drawEllipse(QPointF(self.x_of(draw), middle), 1.5, 1.5)
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(QRectF(self.x_of(said.probability) - 2, middle - 8, 4, 16), 2, 2)
            painter.setPen(QPen(QColor(theme.colour("quiet")), 1, Qt.PenStyle.DashLine))
            threshold = self.x_of(said.threshold)
            painter.drawLine(QPointF(threshold, 1), QPointF(threshold, 23))
            self._planes(painter)

    def _planes(self, painter: QPainter) -> None:
        """The first letter of every plane, below where it stands; those that would cover another move beside it."""
        font = painter.font()
        font.setPixelSize(LETTER_PIXELS)
        painter.setFont(font)
        painter.setPen(QColor(theme.colour("quiet")))
        taken = -1e9
        for plane, mean in sorted(plane_means(self.opinion).items(), key=lambda one: one[1]):
            letter = plane[:1].upper()
            wide = painter.fontMetrics().horizontalAdvance(letter)
            left = max(self.x_of(mean) - wide / 2, taken + 2)
            painter.drawText(QRectF(left, 22, wide + 2, 14), Qt.AlignmentFlag.AlignLeft, letter)
            taken = left + wide


class SliceBars(QWidget):
    """Contribution of every slice of a plane to a label, the first slice at the left; a click asks for that slice."""

    slice_chosen = Signal(int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setFixedHeight(40)
        self.setMinimumWidth(80)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.values: Mapping[int, float] = {}
        """Slice → contribution; slices that no draw held are left out."""
        self.slices = 0
        self._here: int | None = None
        theme.current.changed.connect(self.update)

    def show_values(self, values: Mapping[int, float], slices: int) -> None:
        self.values = {index: value for index, value in values.items() if math.isfinite(value)}
        self.slices = max([slices, *(index + 1 for index in values)])
        self.update()

    def mark(self, index: int | None) -> None:
        """Marks the slice shown."""
        if index != self._here:
            self._here = index
            self.update()

    def slice_at(self, x: float) -> int:
        return min(max(int(x / max(self.width(), 1) * self.slices), 0), max(self.slices - 1, 0))

    def said_at(self, index: int) -> str:
        """The tooltip over a slice; slices are counted from 1 as the views do."""
        value = self.values.get(index)
        if value is None:
            return words.NOT_DRAWN.format(slice=index + 1)
        return words.RANK_HELP.format(slice=index + 1, contribution=signed(value))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.slices:
            self.slice_chosen.emit(self.slice_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.slices:
            self.setToolTip(self.said_at(self.slice_at(event.position().x())))

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor(theme.colour("background")))
            if not self.slices:
                return
            wide, half = self.width() / self.slices, self.height() / 2
            painter.fillRect(QRectF(0, half - 0.5, self.width(), 1), QColor(theme.colour("line")))
            largest = max(map(abs, self.values.values()), default=0.0) or 1.0
            for index, value in self.values.items():
                tall = max(1.5, (half - 1) * abs(value) / largest)
                top = half - tall if value >= 0 else half
                bar = QRectF(index * wide + 0.5, top, max(wide - 1, 1), tall)
                painter.fillRect(bar, QColor(theme.colour("accent" if value >= 0 else "warning")))
            if self._here is not None:
                at = QRectF((self._here + 0.5) * wide - 1, 0, 2, self.height())
                painter.fillRect(at, QColor(theme.colour("text")))
