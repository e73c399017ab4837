"""A row of the supports painted: a scan's name, or an organ with how far its slices are."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from sagittal_app import theme
from sagittal_app.models.support_model import SUPPORT_ROLE, SupportRow
from sagittal_app.widgets.basics import UNIT
from sagittal_app.widgets.row_painting import paint_line, small

HEIGHT = 24
"""Of a row, in pixels like all that follows."""
ICON = 14
INSET = UNIT // 2
ROUNDING = 4.0


class SupportDelegate(QStyledItemDelegate):
    """Every row has the same height."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(1, HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: SupportRow = index.data(SUPPORT_ROLE)
        place = QRectF(option.rect)
        painter.save()
        if row.plan is None:
            painter.setFont(small(option.font))
            paint_line(painter, place, row.name, "text" if row.here else "quiet")
        else:
            self._paint_organ(painter, option, row, place)
        painter.restore()

    @staticmethod
    def _paint_organ(painter: QPainter, option: QStyleOptionViewItem, row: SupportRow, place: QRectF) -> None:
        assert row.plan is not None
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = option.state & QStyle.StateFlag.State_Selected
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.colour("selection" if chosen else "hover")))
            painter.drawRoundedRect(place, ROUNDING, ROUNDING)
        inner = place.adjusted(INSET, 0, -INSET, 0)
        icon = QRectF(inner.left(), inner.center().y() - ICON / 2, ICON, ICON)
        theme.icon(*row.mark).paint(painter, icon.toRect())
        painter.setFont(theme.tabular(option.font))
        wide = painter.fontMetrics().horizontalAdvance(row.amount)
        paint_line(painter, inner.adjusted(ICON + UNIT, 0, -wide - UNIT, 0), row.plan.label, "text")
        paint_line(painter, inner, row.amount, "quiet", align=Qt.AlignmentFlag.AlignRight)
