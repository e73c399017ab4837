"""The table of runs: columns as wide as what they say, and the figures never without room."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView

from sagittal_app import theme
from sagittal_app.models.run_table import (
    DATA,
    DURATION,
    FIGURE,
    METHOD,
    RECIPE,
    STARTED,
    STATE,
    STEP,
    RunTable,
)
from sagittal_app.widgets.basics import UNIT

WIDTHS = {METHOD: 160, STATE: 88, FIGURE: 104, DATA: 120, RECIPE: 88, STEP: 88, DURATION: 80, STARTED: 132}
"""Columns in pixels; of what is left the figures have all."""
WIDEST = 280
"""Pixels at which a column that grows to what it says stops."""
WIDEST_FIGURE = 400
ROW = 4 * UNIT
LEAST_ROWS = 4
"""Rows in sight however much room the board asks for."""


class RunsView(QTableView):
    """Selects whole rows. Where the columns have no room side by side, the last are scrolled to."""

    def __init__(self, table: RunTable) -> None:
        super().__init__()
        self.setObjectName("run_table")
        self.setModel(table)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFont(theme.tabular(self.font()))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        bars = header.sizeHint().height() + self.horizontalScrollBar().sizeHint().height()
        self.setMinimumHeight(LEAST_ROWS * ROW + bars + 2 * self.frameWidth())
        for place, width in WIDTHS.items():
            self.setColumnWidth(place, width)

    def fit(self) -> None:
        """Gives names and states the room they need, and the figures theirs and what is left."""
        for place in (METHOD, STATE):  # a run's id stands at the end of its name
            self.setColumnWidth(place, max(self.columnWidth(place), min(self.sizeHintForColumn(place), WIDEST)))
        needed = max(WIDTHS[FIGURE], min(self.sizeHintForColumn(FIGURE), WIDEST_FIGURE))
        others = sum(self.columnWidth(place) for place in WIDTHS if place != FIGURE)
        self.setColumnWidth(FIGURE, max(needed, self.viewport().width() - others))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()
