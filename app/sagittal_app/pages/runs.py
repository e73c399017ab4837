"""The Runs page: every run of the study, one shown whole, several compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, Qt, QTimer
from PySide6.QtWidgets import QSplitter, QStackedWidget, QTabWidget, QWidget

from sagittal.engine_port import EnginePort
from sagittal.events import CheckpointSaved, Event, RunFinished, State, StateChanged, StudyChanged, TaskFinished
from sagittal.facts import StudyFacts
from sagittal.measure import MeasureCard
from sagittal.method import MethodCard
from sagittal.probe import ProbeCard
from sagittal.run_record import RunRecord
from sagittal_app import messages
from sagittal_app.actions import Command
from sagittal_app.models.run_model import RunModel
from sagittal_app.models.run_table import METHOD, RECORD_ROLE, RunTable, figure_words, state_words
from sagittal_app.pages.page import Page
from sagittal_app.widgets.basics import UNIT, EmptyState, button, column, label, row
from sagittal_app.widgets.facts_view import FactsView, request_lines

if TYPE_CHECKING:
    from sagittal_app.charts.board import Board
    from sagittal_app.charts.compare import Compare
    from sagittal_app.charts.measured import Measured, Measures
    from sagittal_app.pages.runs_measure import MeasureButton
    from sagittal_app.pages.runs_view import RunsView

Found = tuple[list[RunRecord], list[MethodCard], list[ProbeCard], list[MeasureCard]]
MEASURING = ("evaluate", "embedding", "spectrum")
"""Kinds of tasks whose results are kept with a run."""
LOG_LINES = 2000
STATES_SAID = {
    "queued": messages.STATE_LINE["queued"],
    "preparing": messages.STATE_LINE["preparing"],
    "running": "Training.",
    "paused": "Paused.",
}
"""What a log calls the states of a run; how it ended has a line of its own."""
_DATED = re.compile(r"^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)\S* (\w+) (.*)$")
"""A line of a run's log: its time, its level, what it says. A line of details has none of the first two."""


class RunsPage(Page):
    """See the module's docstring."""

    name = "runs"
    title = "Runs"
    icon = "mdi6.chart-line"
    shortcut = "Ctrl+5"
    preload = ("pyqtgraph",)

    def __init__(self, desk) -> None:
        super().__init__(desk)
        self.view: RunsView | None = None
        self.board: Board | None = None
        self.compare: Compare | None = None
        self.measured: Measured | None = None
        self.measure: MeasureButton | None = None
        self._cards: dict[str, MethodCard] = {}
        self._probes: list[ProbeCard] = []
        self._measures: list[MeasureCard] = []
        self._found: Measures | None = None
        self._model: RunModel | None = None
        self._wanted = ""
        self._study = ""
        self._inspector: FactsView | None = None

    def build(self) -> None:
        from sagittal_app.charts.board import Board
        from sagittal_app.charts.compare import Compare
        from sagittal_app.charts.measured import Measured
        from sagittal_app.pages.runs_measure import MeasureButton
        from sagittal_app.pages.runs_view import RunsView

        self._table = RunTable(self)
        self.view = RunsView(self._table)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._selection_changed())
        self.board = Board(self.desk, "run_board")
        self.compare = Compare()
        self.measured = Measured()
        self.one = QTabWidget()
        self.one.setObjectName("run_tabs")
        self.one.setDocumentMode(True)
        self.one.addTab(self.board, messages.TRAINING_TAB)
        self.one.addTab(self.measured, messages.MEASURED_TAB)
        hint = label("", "soft")
        self._below = QStackedWidget()
        for part in (hint, self.one, self.compare):
            self._below.addWidget(part)
        again = button(messages.RUN_AGAIN, "run_again", self._run_again, icon="mdi6.repeat")
        again.setToolTip(messages.RUN_AGAIN_HELP)
        resume = button(messages.RESUME, "run_resume", self._resume, icon="mdi6.play")
        self._buttons = (again, resume)
        self.measure = MeasureButton(self.desk, lambda: self._found.timed() if self._found else [])
        self.amount = label("", "soft")
        bar = row(self.amount, None, self.measure, resume, again)
        top = QWidget()
        top.setLayout(column(bar, self.view))
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName("runs_splitter")
        split.setHandleWidth(UNIT)
        split.addWidget(top)
        split.addWidget(self._below)
        split.setSizes([252, 600])
        to_train = lambda: self.desk.go_to("train")  # noqa: E731
        empty = EmptyState(
            "mdi6.chart-line",
            messages.RUNS_EMPTY,
            button(messages.RUNS_EMPTY_BUTTON, "runs_to_train", to_train, role="primary"),
            name="runs_empty",
        )
        self.stack = QStackedWidget()
        self.stack.setObjectName("runs_stack")
        self.stack.addWidget(empty)
        self.stack.addWidget(split)
        body = column(self.stack)
        body.setContentsMargins(2 * UNIT, 0, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self._inspector = FactsView("runs_inspector")
        # Runs that begin, end or are evaluated come in bursts; the list is read once for all.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(200)
        self._soon.timeout.connect(self._ask_runs)

    def inspector(self) -> QWidget | None:
        return self._inspector

    def commands(self) -> list[Command]:
        one = lambda: len(self._chosen()) == 1  # noqa: E731
        resumable = lambda: any(record.resumable for record in self._chosen()[:1])  # noqa: E731
        several = lambda: self.view is not None and self._table.rowCount() > 1  # noqa: E731
        return [
            Command("runs.resume", "Resume the chosen run", "", self._resume, resumable),
            Command("runs.again", "Run the chosen run again", "", self._run_again, one),
            Command("runs.compare", "Compare all runs", "", lambda: self.view and self.view.selectAll(), several),
        ]

    def show_study(self, facts: StudyFacts | None) -> None:
        path = facts.path if facts else ""
        if path != self._study:
            self._study = path
            self._model = None
            self._show_found(([], [], [], []))
            self._ask_runs()

    def shown(self) -> None:
        self._ask_runs()
        if self.board is not None:
            self.board.dirty()

    def show_subject(self, subject: str) -> None:
        self._wanted = subject
        self._choose_wanted()

    def handle(self, event: Event) -> None:
        runs_changed = isinstance(event, StudyChanged) and event.what == "runs"
        run_moved = isinstance(event, StateChanged) and event.kind == "run"
        if runs_changed or run_moved or isinstance(event, RunFinished | TaskFinished):
            self._soon.start()
        if isinstance(event, TaskFinished) and event.kind in MEASURING:
            self._read_measures(event.source)
        if self._model is None or self._model.run != event.source:
            return
        if run_moved and self._model.over and event.state is not State.FINISHED:
            self._show_chosen()
        elif self._model.fold(event) and self.board is not None:
            self.board.dirty()
            unsaved = self.measure is not None and not self.measure.isEnabled()
            if isinstance(event, RunFinished) or (isinstance(event, CheckpointSaved) and unsaved):
                self._read_measures(event.source)  # there is something to measure now, and how long it took is known

    # The list

    def _ask_runs(self) -> None:
        if self.desk.study() is not None:
            port = self.desk.port
            self.desk.ask(
                lambda: (port.runs(), port.methods(), port.probes(), port.measures()),
                then=self._show_found,
                owner=self,
                topic="runs",
            )

    def _show_found(self, found: Found) -> None:
        records, cards, probes, measures = found
        self._probes = probes or self._probes
        self._measures = measures or self._measures
        self._cards = {card.name: card for card in cards} or self._cards
        kept = [record.facts.run for record in self._chosen()]
        self._table.set_runs(records, {card.name: card.title for card in self._cards.values()})
        if self.view is not None:
            self.view.fit()
        self.stack.setCurrentIndex(1 if records else 0)
        self.amount.setText(messages.count(len(records), "run"))
        if self._wanted:
            self._choose_wanted()
        elif not self._chosen():
            there = [run for run in kept if self._table.row_of(run) is not None]
            first = records[0].facts.run if records else ""
            for run in there or [first] if first else []:
                self._select(run, add=True)
        self._enable()

    def _choose_wanted(self) -> None:
        if self._wanted and self._table.row_of(self._wanted) is not None:
            wanted, self._wanted = self._wanted, ""
            self._select(wanted)

    def _select(self, run: str, *, add: bool = False) -> None:
        place = self._table.row_of(run)
        if place is None or self.view is None:
            return
        flags = QItemSelectionModel.SelectionFlag
        how = (flags.Select if add else flags.ClearAndSelect) | flags.Rows
        self.view.selectionModel().select(self._table.index(place, METHOD), how)

    def _chosen(self) -> list[RunRecord]:
        if self.view is None:
            return []
        rows = self.view.selectionModel().selectedRows(METHOD)
        return [index.data(RECORD_ROLE) for index in sorted(rows, key=lambda index: index.row())]

    # What is chosen

    def _selection_changed(self) -> None:
        self._enable()
        self._show_chosen()
        self.desk.actions.refresh()

    def _enable(self) -> None:
        chosen = self._chosen()
        again, resume = self._buttons
        again.setEnabled(len(chosen) == 1)
        resume.setEnabled(len(chosen) == 1 and chosen[0].resumable)

    def _show_chosen(self) -> None:
        chosen = self._chosen()
        runs = [record.facts.run for record in chosen]
        port = self.desk.port
        if len(runs) == 1:
            # The model is there before the record is read, so that no event in between is lost.
            self._model = RunModel(runs[0], self._table.title(chosen[0]))
            read = lambda: (*_read_run(port, runs[0]), self._read_log(runs[0]))  # noqa: E731
            self._offer_measures(None)
            self.desk.ask(read, then=lambda found: self._show_one(*found), owner=self, topic="chosen runs")
        elif runs:
            self._model = None
            self._offer_measures(None)
            read_all = lambda: [_read_run(port, run) for run in runs]  # noqa: E731
            self.desk.ask(read_all, then=self._show_several, owner=self, topic="chosen runs")
        else:
            self._model = None
            self._offer_measures(None)
            self._below.setCurrentIndex(0)

    def _read_log(self, run: str) -> list[tuple[str, str]]:
        """The run's log as (level, sentence) lines, from where the study's layout keeps it; in the background."""
        place = self._table.row_of(run)
        if place is None:
            return []
        file = Path(self._study) / "runs" / self._table.record(place).facts.folder / "log.txt"
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        return [("info", _said(line)) for line in text.splitlines()[-LOG_LINES:] if _said(line)]

    def _show_one(self, record: RunRecord, measures: Measures, log: list[tuple[str, str]]) -> None:
        title = self._table.title(record)
        assert self.board is not None and self._inspector is not None and self._model is not None
        self._model.take(record)
        self._model.log = log + self._model.log
        self._below.setCurrentWidget(self.one)
        self._show_measures(record, measures)
        adapted = record.facts.adapted
        shown = self._cards.get(record.facts.request.method if adapted is None else adapted.method)
        self.board.show_run(self._model, shown, self._probes)
        self._inspector.show_facts(f"{title} {record.facts.run}", request_lines(record))

    # What was measured of it

    def _offer_measures(self, record: RunRecord | None) -> None:
        assert self.measure is not None
        card = self._cards.get(record.facts.request.method) if record is not None else None
        self.measure.show_run(record, card, self._measures)

    def _show_measures(self, record: RunRecord, measures: Measures) -> None:
        assert self.measured is not None
        self._found = measures
        self._offer_measures(record)
        self.measured.show_measures(measures)
        amount = f" ({len(measures)})" if len(measures) else ""
        self.one.setTabText(1, messages.MEASURED_TAB + amount)

    def _read_measures(self, task: str) -> None:
        """Reads again what the shown run has; brings it to the front where the task was asked for here."""
        if self._model is None:
            return
        run, port = self._model.run, self.desk.port

        def show(found: tuple[RunRecord, Measures]) -> None:
            if self._model is not None and self._model.run == run and self.measure is not None:
                self._model.take(found[0])
                self._show_measures(*found)
                if self.board is not None:
                    self.board.dirty()
                if task in self.measure.started:
                    self.one.setCurrentIndex(1)

        self.desk.ask(lambda: _read_run(port, run), then=show, owner=self, topic="measures")

    def _show_several(self, found: list[tuple[RunRecord, Measures]]) -> None:
        records = [record for record, _ in found]
        assert self.compare is not None and self._inspector is not None
        self.compare.show_runs(records, self._table.title, self._table.colour, [measures for _, measures in found])
        self._below.setCurrentWidget(self.compare)
        lines = {f"{self._table.title(record)} {record.facts.run}": _in_short(record) for record in records}
        self._inspector.show_facts(messages.COMPARE_HEADING.format(count=len(records)), lines, prose=True)

    def _run_again(self) -> None:
        chosen = self._chosen()
        if len(chosen) == 1:
            self.desk.go_to("train", chosen[0].facts.run)

    def _resume(self) -> None:
        chosen = self._chosen()
        if len(chosen) == 1 and chosen[0].resumable:
            self.desk.ask(self.desk.port.resume, chosen[0].facts.run, owner=self)


def _read_run(port: EnginePort, run: str) -> tuple[RunRecord, Measures]:
    """A run whole, with the documents of what was measured. *Slow.*"""
    from sagittal_app.charts.measured import read_measures

    record = port.run(run)
    return record, read_measures(record)


def _in_short(record: RunRecord) -> str:
    """A run in one line: recipe, scans, how far, how it ended, its figures."""
    facts, state = record.facts, record.state
    recipe = facts.request.recipe or messages.RECIPE_OWN
    parts = [recipe, messages.count(len(facts.scans), "scan"), f"step {state.step}", state_words(record)]
    return " · ".join([*parts, *filter(None, [figure_words(record)])])


def _said(line: str) -> str:
    """A line of a run's log as one reads it; "" for one whose sense the next line has."""
    dated = _DATED.match(line)
    if dated is None:
        return line
    time, level, text = dated.groups()
    if level == "state":
        text = STATES_SAID.get(text, "")
        return f"{time} {text}" if text else ""
    if level in ("info", "finished"):
        return f"{time} {text[:1].upper()}{text[1:]}"
    return f"{time} {level}: {text}"
