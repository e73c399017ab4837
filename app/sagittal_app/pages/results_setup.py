"""Asking for results: which run, which labels, which support, which queries; and evaluating a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QProgressBar, QVBoxLayout, QWidget

from sagittal.events import TaskProgress
from sagittal.facts import EvaluateRequest, LabelFigures, ScanFacts, SegmentRequest, StudyFacts
from sagittal.run_record import RunRecord
from sagittal_app import messages, review_words
from sagittal_app.canvas import words
from sagittal_app.models.run_table import run_title
from sagittal_app.pages.results_figures import evaluation_rows
from sagittal_app.widgets.basics import UNIT, Elided, button, clear, column, label, row, scrolled
from sagittal_app.widgets.scan_chooser import ScanDialog, scan_lines

ALL_OTHERS = "All other scans"
ALL_SCANS = "All scans"
LABELS_SHOWN = 9
"""Labels beyond which their list scrolls."""
LINE = 24
"""Pixels of one of its lines."""


def label_names(scans: Sequence[ScanFacts]) -> list[str]:
    """Names of all labels that can serve as support: of truths and of one's own painting."""
    names: dict[str, int] = {}
    for scan in scans:
        for one in scan.label_sets:
            if one.origin.get("kind") != "predicted":
                for row_ in one.labels:
                    names.setdefault(row_.name, row_.number)
    return sorted(names, key=lambda name: names[name])


def has_label(scan: ScanFacts, name: str) -> bool:
    """Whether a scan's truth or painting has the label, and some of it as far as is known."""
    return any(
        row_.name == name and one.figures.get(name, LabelFigures()).voxels != 0
        for one in scan.label_sets
        if one.origin.get("kind") != "predicted"
        for row_ in one.labels
    )


class SetupPanel(QWidget):
    """The form; `segment` and `evaluate` carry a finished request, `cancel` asks to end what runs."""

    segment = Signal(object)
    evaluate = Signal(object)
    cancel = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("results_setup")
        self._facts: StudyFacts | None = None
        self._ticks: dict[str, QCheckBox] = {}
        self._lenders: dict[str, Elided] = {}
        """By label, the line that says which support scans have it."""
        self._more: tuple[str, ...] = ()
        self.runs = _choice("results_run", "The trained run that segments")
        self.support = _choice("results_support", "The scan whose painted slices the run learns the organs from")
        self.queries = _choice("results_queries", "The scans to segment")
        self._alone: frozenset[str] = frozenset()
        """Runs whose network segments by itself."""
        self.more = Elided(review_words.ALONE, "quiet")
        self.more.setObjectName("results_with_supports")
        choose = button(
            review_words.MORE_SUPPORTS,
            "results_more_supports",
            self._ask_supports,
            help=review_words.MORE_SUPPORTS_HELP,
        )
        more = row(self.more, choose)
        more.setStretch(0, 1)
        self._labels = QVBoxLayout()
        self._labels.setSpacing(2)
        ticks = QWidget()
        ticks.setLayout(column(self._labels, None))
        self._ticked = scrolled(ticks, "results_labels")
        every = button(review_words.ALL_LABELS, "results_all_labels", lambda: self._tick(True), role="link")
        none = button(review_words.NO_LABELS, "results_no_labels", lambda: self._tick(False), role="link")
        self._many = QWidget()
        self._many.setLayout(row(every, none, None))
        self.lacking = label("", "quiet", wrap=True)
        self.lacking.setObjectName("results_lacking")
        self.example = QWidget()
        self.example.setLayout(
            column(
                label("Support scans", "quiet"), self.support, more,
                label("Labels", "quiet"), self._ticked, self._many, self.lacking,
            )
        )  # fmt: skip
        self.alone = label(review_words.BY_ITSELF, "quiet", wrap=True)
        self.alone.setObjectName("results_by_itself")
        self.problem = label("", "warning", wrap=True)
        self.problem.setObjectName("results_problem")
        self.problem.hide()
        self.go = button("Segment", "results_segment", self._segment, role="primary", icon="mdi6.play")
        self.stop = button("Cancel", "results_cancel", self.cancel.emit)
        self.bar = QProgressBar()
        self.bar.setObjectName("results_progress")
        self.bar.setTextVisible(False)
        self.message = label("", "quiet", wrap=True)
        self.protocol = _choice("results_protocol", "What is known of a query while it is segmented")
        for name, sentence in words.PROTOCOLS.items():
            self.protocol.addItem(sentence.split(":")[0], name)
        self._protocol_says = label(words.PROTOCOLS["deployed"], "quiet", wrap=True)
        self.protocol.currentIndexChanged.connect(
            lambda _i: self._protocol_says.setText(words.PROTOCOLS[self.protocol.currentData()])
        )
        self.measure = button("Evaluate", "results_evaluate", self._evaluate, icon="mdi6.chart-box-outline")
        self._figures = QGridLayout()
        self._figures.setColumnStretch(0, 1)
        self._figures.setVerticalSpacing(2)
        self.setLayout(
            column(
                label("Segment", "heading"),
                label("Run", "quiet"), self.runs, self.alone, self.example,
                label("Queries", "quiet"), self.queries,
                self.problem, row(self.go, self.stop, None), self.bar, self.message,
                UNIT, label("Evaluation of the run", "heading"),
                row(self.protocol, self.measure), self._protocol_says, self._figures,
            )
        )  # fmt: skip
        self.runs.currentIndexChanged.connect(lambda _i: self._show_run())
        self.support.currentIndexChanged.connect(lambda _i: self._say_supports())
        self._records: dict[str, RunRecord] = {}
        self.show_progress(None)

    def show_runs(self, records: Sequence[RunRecord], titles: Mapping[str, str], alone: Collection[str] = ()) -> None:
        """Runs that can segment, in the order given; `titles` are those of their methods, and `alone` the methods whose
        networks need no support."""
        kept = self.runs.currentData()
        self._alone = frozenset(one.facts.run for one in records if one.facts.request.method in alone)
        self._records = {record.facts.run: record for record in records}
        self.runs.blockSignals(True)
        self.runs.clear()
        for record in records:
            method = record.facts.request.method
            self.runs.addItem(run_title(record, titles.get(method, method)), record.facts.run)
        self.runs.setCurrentIndex(max(0, self.runs.findData(kept)) if records else -1)
        self.runs.blockSignals(False)
        self._show_run()

    def _by_itself(self) -> bool:
        """Whether the run chosen needs no support."""
        return self.runs.currentData() in self._alone

    def _show_run(self) -> None:
        """What the run chosen asks for, and what is known of it."""
        alone = self._by_itself()
        self.alone.setVisible(alone)
        self.example.setVisible(not alone)
        self.protocol.setVisible(not alone)
        self._protocol_says.setVisible(not alone)
        self.queries.setItemText(0, ALL_SCANS if alone else ALL_OTHERS)
        self._show_kept_figures()

    def show_study(self, facts: StudyFacts | None) -> None:
        self._facts = facts
        scans = facts.scans if facts else ()
        for box, first in ((self.support, ""), (self.queries, ALL_OTHERS)):
            kept = box.currentData()
            box.clear()
            if first:
                box.addItem(first, "")
            for scan in scans:
                if box is self.queries or scan.label_sets:
                    box.addItem(scan.name, scan.scan)
            box.setCurrentIndex(max(0, box.findData(kept)))
        names = label_names(scans)
        if names != list(self._ticks):
            ticked = {name for name, tick in self._ticks.items() if tick.isChecked()} or set(names)
            clear(self._labels)
            self._ticks, self._lenders = {}, {}
            for name in names:
                tick = QCheckBox(name)
                tick.setObjectName(f"results_label_{name.replace(' ', '_')}")
                tick.setChecked(name in ticked)
                self._ticks[name] = tick
                self._lenders[name] = Elided("", "quiet")
                self._lenders[name].setObjectName(f"results_lenders_{name.replace(' ', '_')}")
                line = row(tick, self._lenders[name])
                line.setStretch(1, 1)
                self._labels.addLayout(line)
        self._say_supports()
        self._show_run()

    def _tick(self, on: bool) -> None:
        """Ticks all labels in sight, or none of them."""
        for tick in self._ticks.values():
            if not tick.isHidden():
                tick.setChecked(on)

    def supports(self) -> list[ScanFacts]:
        """The support scans chosen, the one of the list first."""
        scans = {scan.scan: scan for scan in (self._facts.scans if self._facts else ())}
        chosen = dict.fromkeys((self.support.currentData(), *self._more))
        return [scans[scan] for scan in chosen if scan in scans]

    def choose_more_supports(self, scans: Sequence[str]) -> None:
        """Sets the support scans beside the one of the list."""
        self._more = tuple(scans)
        self._say_supports()

    def _ask_supports(self) -> None:
        first = self.support.currentData()
        others = [
            scan
            for scan in (self._facts.scans if self._facts else ())
            if scan.scan != first and any(has_label(scan, name) for name in self._ticks)
        ]
        dialog = ScanDialog(scan_lines(others), self._more, self)
        dialog.setWindowTitle(review_words.MORE_SUPPORTS_TITLE)
        dialog.chosen.connect(self.choose_more_supports)
        dialog.open()

    def _say_supports(self) -> None:
        """Which support scans there are, and which of them have each label."""
        supports = self.supports()
        others = ", ".join(scan.name for scan in supports[1:])
        self.more.say(review_words.WITH_SUPPORTS.format(names=others) if others else review_words.ALONE)
        lacking = 0
        for name, line in self._lenders.items():
            having = ", ".join(scan.name for scan in supports if has_label(scan, name))
            line.say(review_words.LABEL_FROM.format(scans=having))
            line.setVisible(bool(having) and len(supports) > 1)
            # Of no use with these supports: out of sight, so that a scan of a hundred labels does not bury the others.
            self._ticks[name].setVisible(bool(having))
            lacking += not having
        offered = len(self._lenders) - lacking
        self._ticked.setFixedHeight(LINE * min(max(offered, 1), LABELS_SHOWN))
        self._many.setVisible(offered > LABELS_SHOWN)
        said = review_words.LACKING.format(labels=messages.count(lacking, "label")) if lacking else ""
        self.lacking.setText(said)
        self.lacking.setVisible(bool(said))

    def chosen_labels(self) -> tuple[str, ...]:
        return tuple(name for name, tick in self._ticks.items() if tick.isChecked() and not tick.isHidden())

    def request(self) -> SegmentRequest | str:
        """The request as the form stands, or the sentence that says what is missing."""
        supports, labels = self.supports(), self.chosen_labels()
        chosen = self.queries.currentData()
        if self.runs.currentData() is None:
            return words.RESULTS_EMPTY
        if self._by_itself():
            return SegmentRequest(run=self.runs.currentData(), scans=(chosen,) if chosen else ())
        if not labels:
            return words.NO_LABEL_CHOSEN
        if not supports or self._facts is None:
            return words.RESULTS_NO_CASES
        first, *more = (scan.scan for scan in supports)
        scans = (chosen,) if chosen else tuple(s.scan for s in self._facts.scans if s.scan not in (first, *more))
        if not scans:
            return words.NO_QUERY
        return SegmentRequest(
            run=self.runs.currentData(), labels=labels, support=first, scans=scans, more_supports=tuple(more)
        )

    def _segment(self) -> None:
        request = self.request()
        self.say_problem(request if isinstance(request, str) else "")
        if isinstance(request, SegmentRequest):
            self.segment.emit(request)

    def _evaluate(self) -> None:
        run = self.runs.currentData()
        self.say_problem("" if run else words.RESULTS_EMPTY)
        if run:
            alone = self._by_itself()
            task, protocol = ("segmentation", "deployed") if alone else ("one-shot", self.protocol.currentData())
            self.evaluate.emit(EvaluateRequest(run=run, task=task, protocol=protocol))

    def say_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def show_progress(self, event: TaskProgress | None, going: bool = False) -> None:
        """Progress of what runs; None and not going hides it."""
        going = going or event is not None
        self.go.setEnabled(not going)
        self.measure.setEnabled(not going)
        for part in (self.stop, self.bar, self.message):
            part.setVisible(going)
        self.bar.setRange(0, event.total if event and event.total else 0)
        if event is not None:
            self.bar.setValue(event.done)
            left = f" · {messages.time_left(event.seconds_left)}" if (event.seconds_left or 0) > 5 else ""
            self.message.setText(event.message + left)
        else:
            self.message.setText(words.PREPARING)

    def show_figures(self, document: Mapping[str, Any]) -> None:
        """What an evaluation found, under the protocol's name."""
        clear(self._figures)
        heading = label(
            words.FIGURES_OF.format(protocol=str(document.get("protocol", "")).capitalize()), "quiet", wrap=True
        )
        self._figures.addWidget(heading, 0, 0, 1, 2)
        for line, (organ, figure) in enumerate(evaluation_rows(document), start=1):
            value = label(figure, selectable=True)
            value.setObjectName(f"figure_{organ.replace(' ', '_')}")
            self._figures.addWidget(label(organ), line, 0)
            self._figures.addWidget(value, line, 1)

    def _show_kept_figures(self) -> None:
        record = self._records.get(self.runs.currentData())
        clear(self._figures)
        if record is not None and record.evaluations:
            self.show_figures(record.evaluations[-1])


def _choice(name: str, tip: str) -> QComboBox:
    made = QComboBox()
    made.setObjectName(name)
    made.setToolTip(tip)
    made.setMinimumContentsLength(12)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return made
