"""Every support scan of the study with its organs, and how far each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from sagittal.facts import SupportPlan
from sagittal_app import review_words as words
from sagittal_app.models.support_model import SUPPORT_ROLE, SupportModel, SupportRow
from sagittal_app.widgets.basics import column, label
from sagittal_app.widgets.painted_list import PaintedList
from sagittal_app.widgets.support_row import HEIGHT, SupportDelegate

SHOWN = 14
"""Rows in sight at once; more are scrolled to."""


class SupportOverview(QWidget):
    """Rows of scans and organs, or a sentence where nothing is planned; a click on an organ asks to see it."""

    chosen = Signal(str, str)
    """Scan and label."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("support_overview")
        self._none = label(words.SUPPORTS_NONE, "quiet", wrap=True)
        self.list = SupportList()
        self.list.chosen.connect(self.chosen)
        self.list.hide()
        self.setLayout(column(self._none, self.list))

    def show_plans(self, plans: Sequence[SupportPlan], name_of: Callable[[str], str], here: str) -> None:
        """As `SupportModel.show_plans`."""
        self.list.supports.show_plans(plans, name_of, here)
        self.list.setFixedHeight(HEIGHT * min(self.list.supports.rowCount(), SHOWN))
        self.list.setVisible(bool(plans))
        self._none.setVisible(not plans)


class SupportList(PaintedList):
    """See the module's docstring."""

    chosen = Signal(str, str)
    """Scan and label."""

    def __init__(self) -> None:
        super().__init__("support_list")
        self.supports = SupportModel(self)
        self.show_rows(self.supports, SupportDelegate(self))
        self.setUniformItemSizes(True)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and self._organ(index) is not None:
            self.setCurrentIndex(index)
            self.took()

    def took(self) -> None:
        row = self._organ(self.currentIndex())
        if row is not None and row.plan is not None:
            self.chosen.emit(row.scan, row.plan.label)

    @staticmethod
    def _organ(index: QModelIndex) -> SupportRow | None:
        """The organ of a row; None for a heading and beside the rows."""
        row: SupportRow | None = index.data(SUPPORT_ROLE) if index.isValid() else None
        return row if row is not None and row.plan is not None else None
