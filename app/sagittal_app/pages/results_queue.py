"""The left side of Results: which label set, sorted by what, and its cases."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from sagittal.facts import ScanFacts
from sagittal_app import review_words as words
from sagittal_app.desk import Desk
from sagittal_app.models.case_model import TRUTH, CaseModel
from sagittal_app.models.case_queue import CaseQueue
from sagittal_app.models.label_sets import set_titles
from sagittal_app.models.scan_table import Thumbnails
from sagittal_app.models.wanted import Wanted
from sagittal_app.pages.results_cases import CaseList
from sagittal_app.pages.results_figures import dice_of_case
from sagittal_app.widgets.basics import UNIT, column, label, row
from sagittal_app.widgets.case_row import THUMBNAIL


class QueuePanel(QWidget):
    """Lists the predictions of one label set of the study."""

    chosen = Signal(str)
    slice_chosen = Signal(str, int)
    changed = Signal()
    """Another set, another order, or something new of the cases."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("results_queue")
        self._desk = desk
        self._scans: Sequence[ScanFacts] = ()
        self._listed = ""
        self._asked = self._answered = 0
        """How often an order of the cases was asked for, and which of the askings is shown."""
        self._dice = Wanted(
            lambda scan, label_set: dice_of_case(desk.port, scan, label_set, TRUTH), desk.background, self
        )
        self.queue = CaseQueue()
        thumbnails = Thumbnails(desk.port.thumbnail, desk.background, self, THUMBNAIL)
        self.model = CaseModel(thumbnails, self._dice, self)
        self.cases = CaseList(self.model)
        self.cases.chosen.connect(self.chosen)
        self.cases.slice_chosen.connect(self.slice_chosen)
        self.sets = _choice("results_set", "The label set whose cases are listed")
        self.sets.currentIndexChanged.connect(lambda _index: self._fill())
        self.sort = _choice("results_sort", words.SORT_HELP)
        for by, title in words.SORTS.items():
            self.sort.addItem(title, by)
            self.sort.setItemData(self.sort.count() - 1, words.SORT_ABOUT[by], Qt.ItemDataRole.ToolTipRole)
        self.sort.currentIndexChanged.connect(lambda _index: self._fill())
        self.unsorted = label(words.NO_FIGURES, "quiet", wrap=True)
        self.unsorted.hide()
        self.tally = label("", "quiet")
        self.tally.setObjectName("results_tally")
        body = column(
            row(label("Cases", "heading"), None, self.tally),
            self.sets, self.sort, self.unsorted, self.cases,
        )  # fmt: skip
        body.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        self.setLayout(body)
        self.setMinimumWidth(240)

    def label_set(self) -> str:
        """Name of the set whose cases are listed; empty where there is none."""
        return self._listed

    @property
    def listing(self) -> bool:
        """Whether other cases, or another order, are about to be listed; `changed` follows."""
        return self._asked != self._answered

    def show_scans(self, scans: Sequence[ScanFacts]) -> None:
        """The study as it stands now; the set listed stays where it is still there."""
        self._scans = scans
        titles, kept = set_titles(scans), self.sets.currentData()
        self.sets.blockSignals(True)
        self.sets.clear()
        for name, title in titles.items():
            self.sets.addItem(title, name)
            self.sets.setItemData(self.sets.count() - 1, name, Qt.ItemDataRole.ToolTipRole)
        self.sets.setCurrentIndex(max(0, self.sets.findData(kept)) if titles else -1)
        self.sets.blockSignals(False)
        self._fill()

    def choose(self, label_set: str) -> None:
        self.sets.setCurrentIndex(max(0, self.sets.findData(label_set)))

    def mark(self, scan: str, index: int | None) -> None:
        """Marks the case shown and its slice."""
        self.cases.mark(scan, index)

    def forget(self, label_sets: Collection[str] | None = None) -> None:
        """What was computed of these sets is of something else now; None: of all, in another study."""
        self._dice.forget(lambda key: label_sets is None or key[1] in label_sets)
        if label_sets is None:
            self._scans = ()
            self._fill()
        self.model.refresh()

    def recount(self, scan: str, label_set: str) -> None:
        """The Dice of a corrected case is another."""
        self._dice.forget(lambda key: key == (scan, label_set))
        self.model.refresh()

    def _fill(self) -> None:
        """Puts the cases in order, in the background: that takes a large cohort of many organs a second."""
        name, by = str(self.sets.currentData() or ""), str(self.sort.currentData() or "")
        cases = [(scan, one) for scan in self._scans for one in scan.label_sets if name and one.name == name]
        self._asked += 1
        asked = self._asked
        if cases:
            self._desk.ask(CaseQueue, cases, by, then=lambda queue: self._show(asked, name, queue), owner=self)
        else:
            self._show(asked, "", CaseQueue())

    def _show(self, asked: int, name: str, queue: CaseQueue) -> None:
        """Shows the queue; thumbnails and Dice of what is in sight arrive from the background."""
        if asked != self._asked:
            return
        self._answered, self._listed, self.queue = asked, name, queue
        self.unsorted.setVisible(bool(queue.cases) and not any(map(queue.doubts, queue.scans)))
        self.tally.setText(queue.tally())
        self.cases.show_queue(queue)
        self.changed.emit()


def _choice(name: str, tip: str) -> QComboBox:
    """A choice that shrinks with its panel."""
    made = QComboBox()
    made.setObjectName(name)
    made.setToolTip(tip)
    made.setMinimumContentsLength(12)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return made
