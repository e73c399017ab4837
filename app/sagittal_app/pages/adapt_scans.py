"""The scans of an adaptation as a list: what adapting did to each, in figures and in colour."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from sagittal.facts import ScanFacts
from sagittal.run_record import RunRecord
from sagittal_app import adapt_words as words
from sagittal_app import theme
from sagittal_app.models.adaptations import ROLES, UNKNOWN, Case, arrow, cases_of, masks_of, sentences, share_words

CASE = Qt.ItemDataRole.UserRole
SCAN, DICE, BITS, CHANGED = range(len(words.SCAN_COLUMNS))
MARKS = {"helps": "mdi6.arrow-up", "nothing": "mdi6.minus", "harms": "mdi6.arrow-down", "unknown": "mdi6.help"}
"""Verdict → the sign before a scan's name; a warning has its own."""


class ScanList(QTableWidget):
    """`chosen` tells which scan is to be shown."""

    chosen = Signal(object)
    """A `Case`."""

    def __init__(self) -> None:
        super().__init__(0, len(words.SCAN_COLUMNS))
        self.setObjectName("adapt_scans")
        self.setHorizontalHeaderLabels(list(words.SCAN_COLUMNS))
        for place, help in enumerate(words.COLUMN_HELP):
            self.horizontalHeaderItem(place).setToolTip(help)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setFont(theme.tabular(self.font()))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(32)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(SCAN, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(56)
        self.itemSelectionChanged.connect(self._chosen)
        self._cases: list[Case] = []
        self._shown: tuple[RunRecord | None, Mapping[str, ScanFacts]] = (None, {})
        theme.current.changed.connect(self._restyled)

    def show_run(self, record: RunRecord | None, scans: Mapping[str, ScanFacts]) -> None:
        """Lists the scans of a run so far; the one that is chosen stays, and else it is the first."""
        self._shown = record, scans
        kept = self.case()
        self._cases = cases_of(record) if record is not None else []
        self.blockSignals(True)
        self.setRowCount(len(self._cases))
        told = any(case.pair("dice") for case in self._cases)
        self.setColumnHidden(DICE, not told)
        self.setColumnHidden(BITS, told)
        for place, case in enumerate(self._cases):
            assert record is not None
            self._fill(place, case, scans.get(case.scan), record)
        wanted = kept.scan if kept is not None else ""
        place = next((i for i, case in enumerate(self._cases) if case.scan == wanted), 0)
        if self._cases:
            self.selectRow(place)
        self.blockSignals(False)
        if self._cases:
            self._chosen()

    def _restyled(self) -> None:
        self.show_run(*self._shown)

    def case(self) -> Case | None:
        """The scan that is chosen."""
        place = self.currentRow()
        return self._cases[place] if 0 <= place < len(self._cases) else None

    def choose_place(self, place: int) -> None:
        """Chooses the scan of this number among those that were adapted to."""
        for index, case in enumerate(self._cases):
            if case.place == place:
                self.selectRow(index)

    def forget(self) -> None:
        """Nothing is chosen any more."""
        self._cases, self._shown = [], (None, {})
        self.setRowCount(0)
        self.setCurrentCell(-1, -1)

    def _fill(self, place: int, case: Case, scan: ScanFacts | None, record: RunRecord) -> None:
        role = ROLES[case.verdict]
        mark = ("mdi6.alert-outline", "warning") if case.warning else (MARKS[case.verdict], role)
        if case.refused:
            mark = ("mdi6.close-circle-outline", "danger")
        name = QTableWidgetItem(
            theme.icon(mark[0], "quiet" if mark[1] == "soft" else mark[1]), scan.name if scan else case.scan
        )
        name.setToolTip("\n".join([*filter(None, [case.warning]), *sentences(case)]))
        self.setItem(place, SCAN, name)
        texts = ["", "", words.LEFT_OUT]
        if not case.refused:
            texts = [arrow(case.pair("dice")), arrow(case.pair("entropy")), share_words(float(case.row["changed"]))]
        for column, text in enumerate(texts, start=1):
            item = QTableWidgetItem(text)
            if column == DICE and case.verdict != UNKNOWN and role != "soft":
                item.setForeground(QColor(theme.colour(role)))
            self.setItem(place, column, item)
        if masks_of(record, scan).kept == "before":
            item.setIcon(theme.icon("mdi6.undo-variant", "accent"))
            item.setToolTip(words.BEFORE_KEPT)

    def _chosen(self) -> None:
        case = self.case()
        if case is not None:
            self.chosen.emit(case)
