"""The Train page: choose a method, set it up, see whether the study has what it needs, start, and watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QStackedWidget, QWidget

from sagittal.events import Event, State, StateChanged, StudyChanged
from sagittal.facts import StudyFacts
from sagittal.method import MethodCard
from sagittal.probe import ProbeCard
from sagittal.run_record import RunRecord
from sagittal.run_request import RunRequest
from sagittal_app import messages
from sagittal_app.actions import Command
from sagittal_app.models.comparisons import run_starts
from sagittal_app.models.run_model import RunModel
from sagittal_app.pages.page import Page
from sagittal_app.widgets.basics import UNIT, EmptyState, button, column, row
from sagittal_app.widgets.facts_view import FactsView, method_lines, request_lines
from sagittal_app.widgets.method_gallery import in_order

if TYPE_CHECKING:
    from sagittal_app.charts.board import Board
    from sagittal_app.forms.setup import Setup


Methods = tuple[list[MethodCard], dict[str, str], list[ProbeCard], str]
"""Cards, problems, probes, and the device line."""


class TrainPage(Page):
    """Two faces: the set-up, and the live board once a run has begun."""

    name = "train"
    title = "Train"
    icon = "mdi6.play-circle-outline"
    shortcut = "Ctrl+3"
    preload = ("pyqtgraph",)

    def __init__(self, desk) -> None:
        super().__init__(desk)
        self.board: Board | None = None
        self.setup: Setup | None = None
        self._models: dict[str, RunModel] = {}
        self._cards: dict[str, MethodCard] = {}
        self._probes: list[ProbeCard] = []
        self._shown = ""
        self._inspector: FactsView | None = None

    def build(self) -> None:
        from sagittal_app.forms.setup import Setup

        self.setup = Setup(self.desk)
        self.setup.start_asked.connect(self._start)
        self.setup.method_chosen.connect(lambda _name: self._inspect())
        self._running = button(messages.SHOW_RUNNING, "show_running", self._show_running, icon="mdi6.chart-line")
        self.setup.bar.insertWidget(0, self._running)
        to_study = lambda: self.desk.go_to("study")  # noqa: E731
        empty = EmptyState(
            "mdi6.image-multiple-outline",
            messages.TRAIN_NO_SCANS,
            button("Go to Study", "train_to_study", to_study, role="primary"),
            name="train_empty",
        )
        self.stack = QStackedWidget()
        self.stack.setObjectName("train_stack")
        self.stack.addWidget(empty)
        self.stack.addWidget(self.setup)
        body = column(self.stack)
        body.setContentsMargins(2 * UNIT, 0, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self._inspector = FactsView("train_inspector")
        # Events come many at a time; the board is asked to redraw once for all of them.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._say_running)
        self.read_methods()

    def inspector(self) -> QWidget | None:
        return self._inspector

    def commands(self) -> list[Command]:
        ready = lambda: self.setup is not None and self.setup.startable()  # noqa: E731
        on_board = lambda: self._front_model() is not None  # noqa: E731
        going = lambda: (model := self._front_model()) is not None and not model.over  # noqa: E731
        return [
            Command("train.start", "Start the run", "Ctrl+R", lambda: self.setup and self.setup.ask_start(), ready),
            Command("train.pause", "Pause or continue the run", "", self._pause, going),
            Command("train.stop", "Stop the run with a checkpoint", "", self._stop, going),
            Command("train.new", "Set up a new run", "", self._show_setup, on_board),
        ]

    def show_study(self, facts: StudyFacts | None) -> None:
        assert self.setup is not None
        self.setup.show_study(facts)
        self._ask_runs()
        if facts is None or not facts.scans:
            self.stack.setCurrentIndex(0)
        elif self.stack.currentIndex() == 0:
            self.stack.setCurrentWidget(self.setup)
        self._inspect()

    def handle(self, event: Event) -> None:
        if isinstance(event, StateChanged) and event.kind == "run":
            known = self._models.get(event.source)
            # A run that begins anew (resumed) starts from its record once more.
            if known is None or (known.over and event.state is not State.FINISHED):
                self._follow(event.source, event.title)
            self._soon.start(0)
        elif isinstance(event, StudyChanged) and event.what == "runs" and self.isVisible():
            self._ask_runs()
        model = self._models.get(event.source)
        if model is not None and model.fold(event) and self.board is not None and self._shown == event.source:
            self.board.dirty()

    def shown(self) -> None:
        if self.board is not None:
            self.board.dirty()
        self._say_running()
        self._ask_runs()

    def show_subject(self, subject: str) -> None:
        """A run that goes on is shown on the board; a past one fills the form, to be run again."""
        model = self._models.get(subject)
        if model is not None and not model.over:
            self._show_board(subject)
        else:
            self.desk.ask(self.desk.port.run, subject, then=self._run_again, owner=self, topic="run again")

    # Methods

    def read_methods(self) -> None:
        """Fills the gallery with the methods there are now; it is not there before the page is built."""
        if self.setup is not None:
            self.desk.ask(self._found_methods, then=self._show_methods, owner=self, topic="methods")

    def _found_methods(self) -> Methods:
        port = self.desk.port
        return port.methods(), port.method_problems(), port.probes(), port.device_line()

    def _show_methods(self, found: Methods) -> None:
        cards, problems, probes, device = found
        self._probes = probes
        trainable = in_order(card for card in cards if "pretext" in card.capabilities)
        self._cards = {card.name: card for card in cards}
        assert self.setup is not None
        self.setup.show_methods(trainable, problems, probes, on_cpu=device.startswith("CPU"))
        self._inspect()

    # Runs

    def _ask_runs(self) -> None:
        """Reads which runs left an encoder, for methods that start from one."""
        facts = self.desk.study()
        if facts is None or self.setup is None:
            return
        port, path = self.desk.port, facts.path

        def read() -> dict[str, str]:
            titles = {card.name: card.title for card in port.methods()}
            return {one.name: f"{one.title} · {one.about}" for one in run_starts(port.runs(), titles, path)}

        self.desk.ask(read, then=self.setup.show_runs, owner=self, topic="encoders")

    def _start(self, request: RunRequest) -> None:
        assert self.setup is not None
        self.setup.say_starting(True)
        self.desk.ask(
            self.desk.port.start, request, then=self._started, failed=self._not_started, owner=self, topic="start"
        )

    def _started(self, run: str) -> None:
        assert self.setup is not None
        self.setup.say_starting(False)
        if run not in self._models:
            self._follow(run, "")
        self._show_board(run)

    def _not_started(self, sentence: str, detail: str) -> None:
        assert self.setup is not None
        self.setup.say_starting(False)
        self.desk.notify("error", sentence, detail)

    def _follow(self, run: str, title: str) -> None:
        model = RunModel(run, title)
        self._models[run] = model
        if self._shown == run:
            self._show_board(run)
        take = lambda record: self._take_record(run, record)  # noqa: E731
        self.desk.ask(self.desk.port.run, run, then=take, failed=lambda *_: None, owner=self, topic=f"record {run}")

    def _take_record(self, run: str, record: RunRecord) -> None:
        self._models[run].take(record)
        if self._shown == run:
            self._show_board(run)

    def _show_board(self, run: str) -> None:
        from sagittal_app.charts.board import Board

        if self.board is None:
            self.board = Board(self.desk, "train_board")
            again = button(messages.START_ANOTHER, "train_new", self._show_setup, icon="mdi6.plus")
            self._board_face = QWidget()
            self._board_face.setObjectName("train_board_face")
            face = column(self.board, row(None, again))
            face.setStretch(0, 1)
            self._board_face.setLayout(face)
            self.stack.addWidget(self._board_face)
        model = self._models[run]
        self._shown = run
        method = model.record.facts.request.method if model.record else self._method_asked()
        self.stack.setCurrentWidget(self._board_face)
        self.board.show_run(model, self._cards.get(method), self._probes)
        self._inspect()

    def _method_asked(self) -> str:
        return self.setup.method() if self.setup else ""

    def _front_model(self) -> RunModel | None:
        at_front = self.board is not None and self.stack.currentWidget() is self._board_face
        return self._models.get(self._shown) if at_front else None

    def _going(self) -> list[str]:
        return [run for run, model in self._models.items() if not model.over]

    def _say_running(self) -> None:
        self._running.setVisible(bool(self._going()))
        self.desk.actions.refresh()

    def _show_running(self) -> None:
        going = self._going()
        if going:
            self._show_board(going[0])

    def _show_setup(self) -> None:
        assert self.setup is not None
        self.stack.setCurrentWidget(self.setup)
        self._say_running()
        self._inspect()

    def _run_again(self, record: RunRecord) -> None:
        assert self.setup is not None
        self.setup.fill(record)
        self._show_setup()

    def _pause(self) -> None:
        model = self._front_model()
        if model is not None:
            port = self.desk.port
            (port.request_continue if model.state is State.PAUSED else port.request_pause)(model.run)

    def _stop(self) -> None:
        model = self._front_model()
        if model is not None:
            self.desk.port.request_stop(model.run)

    def _inspect(self) -> None:
        if self._inspector is None:
            return
        model = self._front_model()
        if model is not None and model.record is not None:
            card = self._cards.get(model.record.facts.request.method)
            self._inspector.show_facts(card.title if card else model.title, request_lines(model.record))
            return
        card = self._cards.get(self._method_asked())
        if card is not None:
            self._inspector.show_facts(card.title, method_lines(card), card.note, prose=True)
        else:
            self._inspector.show_facts("", {})
