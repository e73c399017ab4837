"""The Adapt page: a trained network adapted to scans of another scanner, set up and watched scan by scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFileDialog, QSplitter, QStackedWidget

from sagittal.events import Event, State, StudyChanged, TaskFinished, TaskProgress
from sagittal.facts import AdaptRequest, ScanFacts, StudyFacts
from sagittal.method import MethodCard
from sagittal.run_record import RunRecord
from sagittal_app import adapt_words as words
from sagittal_app import messages
from sagittal_app.actions import Command
from sagittal_app.models.adaptations import Case, adaptations, progress, table_of, title_of
from sagittal_app.pages.page import Page
from sagittal_app.task_follower import TaskFollower
from sagittal_app.widgets.basics import UNIT, EmptyState, Panel, button, column
from sagittal_app.widgets.record_list import Record, RecordList

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas
    from sagittal_app.forms.adapt_setup import AdaptSetup
    from sagittal_app.pages.adapt_board import AdaptBoard

LIST_WIDTH = 384
SOON_MS = 150


@dataclass(frozen=True)
class Found:
    """What was read of a study."""

    study: str
    records: list[RunRecord]
    cards: list[MethodCard]
    whole: RunRecord | None = None
    """The adapted run that is shown, with its cases."""


class AdaptPage(Page):
    """At the left the adaptations and the scans of the one chosen; beside them that one, or a form for another."""

    name = "adapt"
    title = "Adapt"
    icon = "mdi6.tune-vertical"
    shortcut = "Ctrl+8"
    announcement = "Preparing the image views…"
    preload = ("sagittal_app.canvas.preload", "pyqtgraph")

    def __init__(self, desk) -> None:
        super().__init__(desk)
        self.setup: AdaptSetup | None = None
        self.board: AdaptBoard | None = None
        self._canvases: list[PlaneCanvas] = []
        self._study = ""
        self._records: list[RunRecord] = []
        self._cards: dict[str, MethodCard] = {}
        self._whole: RunRecord | None = None
        self._doing: dict[str, TaskProgress] = {}
        """The latest that each task said."""
        self._wanted = ""
        """A run that is to be chosen as soon as it is listed."""
        self._reading = self._stale = False
        """Whether a question is open, and whether there is more to ask when it is answered."""

    def ahead(self) -> Iterator[None]:
        from sagittal_app.canvas import preload  # noqa: F401
        from sagittal_app.canvas.plane_canvas import PlaneCanvas

        for _side in range(2):
            self._canvases.append(PlaneCanvas(self))
            yield

    def build(self) -> None:
        from sagittal_app.forms.adapt_setup import AdaptSetup
        from sagittal_app.pages.adapt_board import AdaptBoard
        from sagittal_app.pages.adapt_scans import ScanList

        self.setup = AdaptSetup(self.desk)
        self.setup.start_asked.connect(self._start)
        self.tasks = TaskFollower(self.desk, self)
        self.tasks.progressed.connect(self.setup.show_progress)
        self.tasks.finished.connect(self._finished)
        self.setup.cancel.connect(self.tasks.cancel)
        buttons = {"stop": self._stop, "save": self._ask_save, "run": self._show_run, "again": self._again}
        self.board = AdaptBoard(self.desk, buttons, self._canvases)
        self.list = RecordList(self.name, words.LIST_HEADING, words.LIST_EMPTY, words.NEW)
        self.list.chosen.connect(self._chosen)
        self.scans = ScanList()
        self.scans.chosen.connect(self._show_case)
        self.board.place_chosen.connect(self.scans.choose_place)
        self._stream = Panel(words.DATA_HEADING, name="adapt_stream", margin=12)
        self._stream.body.addWidget(self.scans, 1)
        left = QSplitter(Qt.Orientation.Vertical)
        left.setHandleWidth(UNIT)
        left.addWidget(self.list)
        left.addWidget(self._stream)
        left.setSizes([260, 520])
        self._right = QStackedWidget()
        self._right.addWidget(self.setup)
        self._right.addWidget(self.board)
        split = QSplitter()
        split.setObjectName("adapt_splitter")
        split.setHandleWidth(UNIT)
        split.addWidget(left)
        split.addWidget(self._right)
        split.setSizes([LIST_WIDTH, 1000])
        split.setStretchFactor(1, 1)
        split.setCollapsible(1, False)
        to_train = button(words.TO_TRAIN, "adapt_to_train", lambda: self.desk.go_to("train"), role="primary")
        self.stack = QStackedWidget()
        self.stack.setObjectName("adapt_stack")
        self.stack.addWidget(EmptyState(self.icon, words.NO_RUNS, to_train, name="adapt_empty"))
        self.stack.addWidget(split)
        body = column(self.stack)
        body.setContentsMargins(2 * UNIT, 0, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        # A picture is adapted to in a moment, and every one changes the runs.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._ask)
        self._show_chosen()

    def commands(self) -> list[Command]:
        built = lambda: self.setup is not None  # noqa: E731
        ready = lambda: self.setup is not None and self.setup.startable()  # noqa: E731
        there = lambda: self._run() is not None  # noqa: E731
        live = lambda: (one := self._run()) is not None and bool(one.state.task)  # noqa: E731
        kept = lambda: self.board is not None and self.board.case.keep.isVisible()  # noqa: E731
        return [
            Command("adapt.start", "Adapt the chosen run", "", lambda: self.setup and self.setup.ask_start(), ready),
            Command("adapt.new", words.NEW, "", lambda: self.list.clear_choice(), built),
            Command("adapt.stop", "Stop the adaptation", "", self._stop, live),
            Command("adapt.again", "Set the adaptation up again", "", self._again, there),
            Command("adapt.keep", "Keep the other mask of the scan", "", self._keep, kept),
            Command("adapt.save", "Save the adaptation's table…", "", self._ask_save, there),
        ]

    def show_study(self, facts: StudyFacts | None) -> None:
        assert self.setup is not None
        path = facts.path if facts else ""
        self.setup.show_study(facts)
        if path == self._study:
            self._show_whole()  # which masks are kept
            return
        self._study, self._whole = path, None
        self._doing.clear()
        self.tasks.forget()
        self.setup.show_progress(None)
        self._take(Found(path, [], []))
        # Whether there are runs to adapt is known a moment later; until then nothing is said to be missing.
        self.stack.setCurrentIndex(1)
        self._ask()

    def shown(self) -> None:
        self._ask()

    def show_subject(self, subject: str) -> None:
        """An adapted run is shown; another one is chosen to be adapted."""
        if any(record.facts.run == subject for record, _ in adaptations(self._records)):
            self.list.choose(subject)
        else:
            self.list.clear_choice()
            assert self.setup is not None
            self.setup.choose_run(subject)

    def handle(self, event: Event) -> None:
        self.tasks.handle(event)
        if isinstance(event, StudyChanged) and event.what == "runs" and not self._soon.isActive():
            self._soon.start()
        elif isinstance(event, TaskFinished):
            self._doing.pop(event.source, None)
        elif isinstance(event, TaskProgress):
            self._doing[event.source] = event
            if self._whole is not None and self._whole.state.task == event.source:
                self._show_head(self._whole)

    # What there is ---------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Reads the runs, and the chosen one whole; one question at a time, so that no answer is overtaken for ever."""
        self._stale = self._reading
        if self._reading or self.desk.study() is None:
            return
        port, study, run = self.desk.port, self._study, self._run()
        chosen = run.facts.run if run is not None else ""

        def read() -> Found:
            records = port.runs()  # of the next study already, where another is just being opened
            there = any(one.facts.run == chosen for one in records)
            return Found(study, records, port.methods(), port.run(chosen) if there else None)

        self._reading = True
        self.desk.ask(read, then=self._answered, failed=self._not_read, owner=self)

    def _answered(self, found: Found) -> None:
        self._reading = False
        if self._stale:
            self._soon.start()
        self._take(found)

    def _not_read(self, sentence: str, detail: str) -> None:
        self._reading = False
        if self.desk.study() is not None:
            self.desk.notify("error", sentence, detail)

    def _take(self, found: Found) -> None:
        if found.study != self._study or self.setup is None:
            return
        self._records = found.records
        self._cards = {card.name: card for card in found.cards} or self._cards
        can = {card.name for card in self._cards.values() if "predictor" in card.capabilities}
        fit = [one for one in found.records if one.facts.request.method in can and one.state.state is State.FINISHED]
        # One that was trained is proposed before one that was adapted already.
        fit.sort(key=lambda one: one.facts.adapted is not None)
        self.setup.show_methods([card for card in self._cards.values() if "adapter" in card.capabilities])
        self.setup.show_runs(fit, self._titles())
        self.stack.setCurrentIndex(1 if fit or adaptations(found.records) else 0)
        started = next((one for one in found.records if self.tasks.task and one.state.task == self.tasks.task), None)
        if started is not None:
            self.tasks.forget()
            self.setup.show_progress(None)
            self._wanted = started.facts.run
        kept = self._run()
        titles = self._titles()
        self.list.fill(
            Record(
                record.facts.run,
                f"{title_of(record, titles)}\n{progress(record)}\n{messages.local_time(record.facts.created)}",
                record.state.error,
            )
            for record, _ in adaptations(found.records)
        )
        if self._wanted and any(record.facts.run == self._wanted for record in found.records):
            wanted, self._wanted = self._wanted, ""
            self.list.choose(wanted)
        elif found.whole is not None and kept is not None and found.whole.facts.run == kept.facts.run:
            self._whole = found.whole
            self._show_whole()
        self.desk.actions.refresh()

    def _titles(self) -> dict[str, str]:
        return {card.name: card.title for card in self._cards.values()}

    def _run(self) -> RunRecord | None:
        """The adapted run that is chosen in the list; None while a new adaptation is set up."""
        if self.setup is None:
            return None
        chosen = self.list.chosen_id()
        return next((record for record in self._records if record.facts.run == chosen), None)

    def _chosen(self) -> None:
        run = self._run()
        if run is None or self._whole is None or self._whole.facts.run != run.facts.run:
            self._whole = None
            self.scans.forget()
        self._show_chosen()
        self._ask()
        self.desk.actions.refresh()

    def _show_chosen(self) -> None:
        run = self._run()
        self._stream.setVisible(run is not None)
        assert self.board is not None
        if run is None:
            self._right.setCurrentWidget(self.setup)
            return
        self._right.setCurrentWidget(self.board)
        if self._whole is None:
            self._show_head(run)
            self.board.show_case(None, None, None)

    def _show_head(self, record: RunRecord) -> None:
        assert self.board is not None
        adapted = record.facts.adapted
        card = self._cards.get(adapted.method) if adapted is not None else None
        self.board.show_run(record, self._titles(), card, self._doing.get(record.state.task))

    def _show_whole(self) -> None:
        """The run that is shown: its scans, its figures, and the scan at hand."""
        if self._whole is not None:
            self._show_head(self._whole)
            self.scans.show_run(self._whole, self._study_scans())

    def _study_scans(self) -> dict[str, ScanFacts]:
        facts = self.desk.study()
        return {scan.scan: scan for scan in facts.scans} if facts is not None else {}

    def _show_case(self, case: Case) -> None:
        if self.board is not None and self._whole is not None:
            self.board.show_case(self._whole, case, self._study_scans().get(case.scan))
            self.desk.actions.refresh()

    # What is done with it --------------------------------------------------------------------------------------------

    def _start(self, request: AdaptRequest) -> None:
        assert self.setup is not None
        self.setup.say_starting(True)
        self.tasks.start(self.desk.port.start_adaptation, request, failed=self._not_started)

    def _not_started(self, sentence: str, detail: str) -> None:
        assert self.setup is not None
        self.setup.say_starting(False)
        self.desk.notify("error", sentence, detail)

    def _finished(self, event: TaskFinished) -> None:
        """It ended before its run was seen: there is one all the same where a scan was adapted to."""
        assert self.setup is not None
        self.setup.show_progress(None)
        self._wanted = str(event.result.get("run", ""))
        self._ask()

    def _keep(self) -> None:
        assert self.board is not None
        self.board.case.keep.click()

    def _stop(self) -> None:
        run = self._run()
        if run is not None and run.state.task:
            self.desk.port.request_cancel(run.state.task)

    def _show_run(self) -> None:
        run = self._run()
        if run is not None:
            self.desk.go_to("runs", run.facts.run)

    def _again(self) -> None:
        run = self._run()
        if run is not None and run.facts.adapted is not None and self.setup is not None:
            self.setup.fill(run.facts.adapted)
            self.list.clear_choice()

    def _ask_save(self) -> None:
        run = self._run()
        if run is not None and self._whole is not None:
            path, _ = QFileDialog.getSaveFileName(
                self, words.SAVE, f"adaptation_{run.facts.run}.csv", words.SAVE_FILTER
            )
            if path:
                self.save(Path(path).with_suffix(".csv"))

    def save(self, path: Path) -> None:
        """Writes the figures of every scan as a table."""
        from sagittal_app.charts.exporting import write_columns

        assert self._whole is not None
        try:
            write_columns(path, table_of(self._whole, self._study_scans()))
        except OSError as error:
            self.desk.notify("error", f"{path}: {error.strerror or error}")
        else:
            self.desk.notify("info", words.SAVED.format(path=path))

    def shut_down(self) -> None:
        if self.board is not None:
            self.board.shut_down()
