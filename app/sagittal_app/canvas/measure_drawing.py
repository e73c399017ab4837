"""Draws measures over a view: lines with a shadow, handles, and figures on a dark patch beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from sagittal_app.canvas.measures import Kind, Measure

LINE = QColor("#7FE3FF")
HELD = QColor("#FFFFFF")
SHADOW = QColor(0, 0, 0, 170)
BEHIND = QColor(0, 0, 0, 170)
HANDLE = 3.5
AWAY = 10
"""Pixels between a measure and its figures."""


@dataclass(frozen=True)
class Drawn:
    """A measure on the screen; positions in points of the widget."""

    kind: Kind
    points: tuple[QPointF, ...]
    handles: tuple[QPointF, ...]
    lines: tuple[str, ...]
    held: bool = False
    """The mouse is near enough to take hold of it."""

    def extent(self) -> QRectF:
        return QPolygonF(list(self.points)).boundingRect()


def on_screen(
    measure: Measure, lines: tuple[str, ...], to_widget: Callable[[tuple[float, float, float]], QPointF], held: bool
) -> Drawn:
    """Where a measure lies on a view whose `to_widget` gives the point over a voxel position."""
    points = tuple(to_widget(point) for point in measure.points)
    return Drawn(measure.kind, points, tuple(to_widget(at) for at in measure.handles()), lines, held)


def draw(painter: QPainter, measures: list[Drawn], area: QRect) -> None:
    """Draws measures within `area`, the newest on top; the painter's font is that of the figures."""
    for one in measures:
        for pen in (QPen(SHADOW, 3.2), QPen(HELD if one.held else LINE, 1.5)):
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if one.kind is Kind.REGION:
                painter.drawEllipse(one.extent())
            else:
                painter.drawPolyline(QPolygonF(list(one.points)))
        painter.setPen(QPen(SHADOW, 1))
        painter.setBrush(HELD if one.held else LINE)
        for handle in one.handles:
            painter.drawEllipse(handle, HANDLE, HANDLE)
    for one in measures:
        if one.lines:
            _figures(painter, one, area)


def _figures(painter: QPainter, one: Drawn, area: QRect) -> None:
    """Beside the measure at its right, at its left where there is no room, and never beyond the view."""
    metrics = painter.fontMetrics()
    width = max(metrics.horizontalAdvance(line) for line in one.lines)
    height = metrics.height() * len(one.lines)
    extent = one.extent()
    anchor = one.points[1] if one.kind is Kind.ANGLE else QPointF(extent.right(), extent.center().y())
    place = QRect(round(anchor.x()) + AWAY, round(anchor.y()) - height // 2, width, height)
    if place.right() > area.right() - AWAY:
        place.moveRight(round(extent.left()) - AWAY)
    place.moveLeft(max(place.left(), area.left() + AWAY))
    place.moveTop(min(max(place.top(), area.top() + AWAY), area.bottom() - height - AWAY))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BEHIND)
    painter.drawRoundedRect(place.adjusted(-5, -2, 5, 2), 3, 3)
    painter.setPen(HELD if one.held else LINE)
    painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft), "\n".join(one.lines))
