"""The table view of scans: thumbnails, coloured label chips, warnings."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from sagittal.facts import Label, ScanFacts
from sagittal_app import theme
from sagittal_app.models.scan_table import (
    LABELS,
    NAME,
    ORIENTATION,
    PICTURE,
    SCAN_ROLE,
    SHAPE,
    SPACING,
    SUBJECT,
    THUMBNAIL,
    WARNINGS,
    labels_of,
    said_of,
    warnings_of,
)
from sagittal_app.widgets.basics import UNIT

ROW = THUMBNAIL + UNIT
GAP = 6
"""Between two chips, in pixels."""
LEAST_CHIP = 44
"""Pixels of a chip that gives way: its colour, and some letters."""
WIDTHS = (THUMBNAIL + 2 * UNIT, 112, 80, 80, 96, 112, 240, 72)
WIDEST = {NAME: 208, SUBJECT: 144, SHAPE: 152, SPACING: 184}
"""Columns that grow to what they say, and the width at which they stop, in pixels."""
LEAST_LABELS = 120
"""Pixels below which the column of labels tells nothing; that of axes then makes room."""
LONGEST = 100
"""How many of a column's longest texts are measured."""


def place_chips(widths: list[int], room: int, lines: int, more: int) -> list[tuple[int, int]]:
    """Where chips of the given widths stand: (line, x) each, as many as fit; `more` is kept free for "+3"."""
    places: list[tuple[int, int]] = []
    line, x = 0, 0
    for index, width in enumerate(widths):
        last_line = line == lines - 1
        kept = more if last_line and index < len(widths) - 1 else 0
        if x and x + width + kept > room:
            if last_line:
                break
            line, x = line + 1, 0
        places.append((line, x))
        x += width + GAP
    return places


def paint_chips(painter: QPainter, rect: QRect, labels: list[Label]) -> None:
    """Coloured label names in at most two lines; those that do not fit are counted."""
    if not labels:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    metrics = painter.fontMetrics()
    height = metrics.height() + 4
    widths = [min(metrics.horizontalAdvance(label.name) + 26, rect.width()) for label in labels]
    more = metrics.horizontalAdvance("+99") + GAP
    places = place_chips(widths, rect.width(), 2, more)
    if len(places) < len(labels):  # in a narrow column the last chip gives way to the number of those left out
        last = len(places) - 1
        widths[last] = min(widths[last], max(rect.width() - places[last][1] - more, LEAST_CHIP))
    lines = places[-1][0] + 1
    top = rect.center().y() - (lines * height + (lines - 1) * 4) // 2
    for label, width, (line, x) in zip(labels, widths, places, strict=False):
        chip = QRectF(rect.left() + x, top + line * (height + 4), width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.colour("line")))
        painter.drawRoundedRect(chip, height / 2, height / 2)
        painter.setBrush(QColor(label.colour))
        painter.drawEllipse(QRectF(chip.left() + 7, chip.center().y() - 4, 8, 8))
        painter.setPen(QColor(theme.colour("text")))
        words = chip.adjusted(19, 0, -6, 0)
        name = metrics.elidedText(label.name, Qt.TextElideMode.ElideMiddle, int(words.width()) + 1)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, name)
    if len(places) < len(labels):
        line, x = places[-1]
        beside = rect.left() + x + widths[len(places) - 1] + GAP
        painter.setPen(QColor(theme.colour("quiet")))
        where = QRect(beside, top + line * (height + 4), rect.right() - beside, height)
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, f"+{len(labels) - len(places)}")
    painter.restore()


class ScanDelegate(QStyledItemDelegate):
    """Paints what plain text cannot say."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        column = index.column()
        if column not in (PICTURE, LABELS, WARNINGS):
            super().paint(painter, option, index)
            return
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, QColor(theme.colour("selection")))
        scan: ScanFacts = index.data(SCAN_ROLE)
        inner = option.rect.adjusted(UNIT, 0, -UNIT, 0)
        if column == PICTURE:
            self._picture(painter, option.rect, index)
        elif column == LABELS:
            paint_chips(painter, inner, list(labels_of(scan).values()))
        elif warnings := warnings_of(scan):
            painter.save()
            mark = QRect(inner.left(), inner.center().y() - 8, 16, 16)
            theme.icon("mdi6.alert-outline", "warning").paint(painter, mark)
            painter.setPen(QColor(theme.colour("warning")))
            words = inner.adjusted(22, 0, 0, 0)
            text = painter.fontMetrics().elidedText(" ".join(warnings), Qt.TextElideMode.ElideRight, words.width())
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, text)
            painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(WIDTHS[index.column()], ROW)

    def _picture(self, painter: QPainter, rect: QRect, index: QModelIndex) -> None:
        frame = QRect(0, 0, THUMBNAIL, THUMBNAIL)
        frame.moveCenter(rect.center())
        painter.fillRect(frame, QColor(theme.colour("image")))
        pixmap = index.data(Qt.ItemDataRole.DecorationRole)
        if pixmap is not None and not pixmap.isNull():
            where = QRect(0, 0, pixmap.width(), pixmap.height())
            where.moveCenter(frame.center())
            painter.drawPixmap(where, pixmap)


class ScanView(QTableView):
    """A table with rows selected whole, sorted by a click on a heading."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._warned = False
        self.setObjectName(name)
        self.setItemDelegate(ScanDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        # What tells two scans apart is mostly at the end of their names.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setSortingEnabled(True)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setFont(theme.tabular(self.font()))

    def make_room(self, scans: Sequence[ScanFacts]) -> None:
        """Widens the columns of words to what they say, as far as `WIDEST`; they never shrink under the user's drags.

        Subjects are left out where they are the scans' names; the last column is narrow until there is a warning.
        """
        metrics = self.fontMetrics()
        for column, widest in WIDEST.items():
            texts = sorted({said_of(scan, column) for scan in scans}, key=len)[-LONGEST:]
            needed = max((metrics.horizontalAdvance(text) for text in texts), default=0) + 3 * UNIT
            self.setColumnWidth(column, max(self.columnWidth(column), min(needed, widest)))
        self.setColumnHidden(SUBJECT, bool(scans) and all(scan.subject == scan.name for scan in scans))
        warned = any(warnings_of(scan) for scan in scans)
        if warned != self._warned:
            self._warned = warned
            how = QHeaderView.ResizeMode.Stretch if warned else QHeaderView.ResizeMode.Interactive
            self.horizontalHeader().setSectionResizeMode(WARNINGS, how)
            self.setColumnWidth(WARNINGS, WIDTHS[WARNINGS])
        self._spare_labels()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._spare_labels()
        super().resizeEvent(event)

    def _spare_labels(self) -> None:
        """Hides the column of axes, which the inspector has too, where it leaves no room for labels."""
        count = self.horizontalHeader().count()
        shown = [
            column for column in range(count) if column not in (LABELS, WARNINGS) and not self.isColumnHidden(column)
        ]
        taken = sum(self.columnWidth(column) for column in shown if column != ORIENTATION)
        room = self.viewport().width() - taken - WIDTHS[ORIENTATION] - WIDTHS[WARNINGS]
        self.setColumnHidden(ORIENTATION, room < LEAST_LABELS)

    def fit_columns(self) -> None:
        """Gives the columns their first widths; the user's own drags come after."""
        for column, width in enumerate(WIDTHS):
            self.setColumnWidth(column, width)
        self.horizontalHeader().setSectionResizeMode(LABELS, QHeaderView.ResizeMode.Stretch)

    def chosen(self) -> list[ScanFacts]:
        """The selected scans, in the order shown."""
        rows = sorted(self.selectionModel().selectedRows(NAME), key=lambda index: index.row())
        return [index.data(SCAN_ROLE) for index in rows]
