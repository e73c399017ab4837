"""The Compare page: encoders from several starts, fine-tuned with few labels; set up, watched, listed and resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QSplitter, QStackedWidget, QWidget

from sagittal.comparison import ComparisonFacts, ComparisonRequest, ComparisonState
from sagittal.events import ComparisonChanged, Event, StudyChanged, TaskProgress
from sagittal.facts import StudyFacts
from sagittal.measure import MeasureCard
from sagittal_app import compare_words as words
from sagittal_app import messages
from sagittal_app.actions import Command
from sagittal_app.models.comparisons import Start, budget_words, progress, starts_of, title_of
from sagittal_app.pages.page import Page
from sagittal_app.widgets.basics import UNIT, EmptyState, button, column
from sagittal_app.widgets.facts_view import FactsView, shown
from sagittal_app.widgets.record_list import Record, RecordList

if TYPE_CHECKING:
    from sagittal_app.charts.comparison import ComparisonBoard
    from sagittal_app.forms.compare_setup import CompareSetup

FINE_TUNE = "fine-tune"
"""The measurement whose parameters say how a comparison fine-tunes."""
LIST_WIDTH = 264
SOON_MS = 250
EVERYTHING = ""
MOST_NAMES = 24
"""Tested scans that the inspector names."""


@dataclass(frozen=True)
class Found:
    """What was read of a study."""

    study: str
    comparisons: list[ComparisonFacts]
    """All, or those that changed where the rest was not asked for."""
    starts: list[Start] | None = None
    cards: Sequence[MeasureCard] = ()
    on_cpu: bool = False
    """There is no card to compute on."""


class ComparePage(Page):
    """At the left the study's comparisons, beside them the one that is chosen, or the form of a new one."""

    name = "compare"
    title = "Compare"
    icon = "mdi6.scale-balance"
    shortcut = "Ctrl+6"
    preload = ("pyqtgraph",)

    def __init__(self, desk) -> None:
        super().__init__(desk)
        self.setup: CompareSetup | None = None
        self.board: ComparisonBoard | None = None
        self._inspector: FactsView | None = None
        self._study = ""
        self._comparisons: list[ComparisonFacts] = []
        self._starts: list[Start] = []
        self._doing: dict[str, TaskProgress] = {}
        """The latest that each task said."""
        self._task = ""
        """A task that was just started, whose comparison is to be shown."""
        self._wanted: set[str] = set()
        """Comparisons that are to be read, or `EVERYTHING`."""
        self._reading = False

    def build(self) -> None:
        from sagittal_app.charts.comparison import ComparisonBoard
        from sagittal_app.forms.compare_setup import CompareSetup

        self.setup = CompareSetup()
        self.setup.start_asked.connect(self._start)
        self.board = ComparisonBoard(self._stop, self._resume, self._again)
        self.list = RecordList(self.name, words.LIST_HEADING, words.LIST_EMPTY, words.NEW)
        self.list.chosen.connect(self._chosen)
        self._right = QStackedWidget()
        self._right.addWidget(self.setup)
        self._right.addWidget(self.board)
        split = QSplitter()
        split.setObjectName("compare_splitter")
        split.setHandleWidth(UNIT)
        split.addWidget(self.list)
        split.addWidget(self._right)
        split.setSizes([LIST_WIDTH, 800])
        split.setStretchFactor(1, 1)
        split.setCollapsible(1, False)
        to_study = lambda: self.desk.go_to("study")  # noqa: E731
        empty = EmptyState(
            "mdi6.scale-balance",
            words.NO_SCANS,
            button(words.TO_STUDY, "compare_to_study", to_study, role="primary"),
            name="compare_empty",
        )
        self.stack = QStackedWidget()
        self.stack.setObjectName("compare_stack")
        self.stack.addWidget(empty)
        self.stack.addWidget(split)
        body = column(self.stack)
        body.setContentsMargins(2 * UNIT, 0, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self._inspector = FactsView("compare_inspector")
        # A quick comparison has a result every few seconds, and several may be under way.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._ask_wanted)

    def inspector(self) -> QWidget | None:
        return self._inspector

    def commands(self) -> list[Command]:
        ready = lambda: self.setup is not None and self.setup.startable()  # noqa: E731
        live = lambda: (one := self._shown()) is not None and bool(one.task)  # noqa: E731
        ended = lambda: (  # noqa: E731
            (one := self._shown()) is not None and one.state in (ComparisonState.STOPPED, ComparisonState.FAILED)
        )
        there = lambda: self._shown() is not None  # noqa: E731
        built = lambda: self.setup is not None  # noqa: E731
        return [
            Command("compare.start", words.START, "", lambda: self.setup and self.setup.ask_start(), ready),
            Command("compare.new", words.NEW, "", lambda: self.list.clear_choice(), built),
            Command("compare.stop", "Stop the comparison", "", self._stop, live),
            Command("compare.resume", "Resume the comparison", "", self._resume, ended),
            Command("compare.again", "Set the comparison up again", "", self._again, there),
        ]

    def show_study(self, facts: StudyFacts | None) -> None:
        assert self.setup is not None
        path = facts.path if facts else ""
        self.setup.show_study(facts)
        self.stack.setCurrentIndex(1 if facts is not None and facts.scans else 0)
        if path != self._study:
            self._study = path
            self._doing.clear()
            self._show_comparisons([])
            self.list.clear_choice()
            self._ask()

    def shown(self) -> None:
        self._ask()

    def show_subject(self, subject: str) -> None:
        self.list.choose(subject)

    def handle(self, event: Event) -> None:
        if isinstance(event, ComparisonChanged):
            self._wanted.add(event.comparison)
            self._soon.start()
        elif isinstance(event, StudyChanged) and event.what == "runs" and self.isVisible():
            self._ask()
        elif isinstance(event, TaskProgress):
            one = next((one for one in self._comparisons if one.task == event.source), None)
            if one is not None:
                self._doing[event.source] = event
                if self.board is not None and self._shown() is one:
                    self.board.say_progress(event)

    # What there is

    def _ask(self, *comparisons: str) -> None:
        """Reads these comparisons, or everything; one question at a time, so that no old answer overtakes a new one.

        Only what changed is read while results come: the intervals of all the others are not computed again.
        """
        self._wanted.update(comparisons or {EVERYTHING})
        if self._reading or self.desk.study() is None:
            return
        wanted, self._wanted = self._wanted, set()
        port, study = self.desk.port, self._study

        def read() -> Found:
            if EVERYTHING not in wanted:
                return Found(study, [port.comparison(comparison) for comparison in sorted(wanted)])
            titles = {card.name: card.title for card in port.methods()}
            starts = starts_of(port.runs(), titles, study)
            on_cpu = port.device_line().startswith("CPU")
            return Found(study, port.comparisons(), starts, port.measures(), on_cpu)

        self._reading = True
        self.desk.ask(read, then=self._take, failed=self._not_read, owner=self)

    def _ask_wanted(self) -> None:
        if self._wanted:
            self._ask(*self._wanted)

    def _not_read(self, sentence: str, detail: str) -> None:
        self._reading = False
        if self.desk.study() is not None:
            self.desk.notify("error", sentence, detail)

    def _take(self, found: Found) -> None:
        self._reading = False
        if self._wanted:
            self._soon.start()
        if found.study != self._study:
            return
        if found.starts is None:
            read = {one.id: one for one in found.comparisons}
            listed = [read.pop(one.id, one) for one in self._comparisons]
            self._show_comparisons([*read.values(), *listed])
            return
        assert self.setup is not None
        self._starts = found.starts
        self.setup.show_starts(self._starts)
        for card in found.cards:
            if card.name == FINE_TUNE:
                self.setup.show_tuning(card, on_cpu=found.on_cpu)
        self._show_comparisons(found.comparisons)

    def _show_comparisons(self, comparisons: list[ComparisonFacts]) -> None:
        self._comparisons = comparisons
        self.list.fill(
            Record(
                one.id,
                f"{one.request.title}\n{progress(one)}\n{messages.local_time(one.created)}",
                one.reason or one.request.title,
            )
            for one in comparisons
        )
        started = next((one for one in self._comparisons if self._task and one.task == self._task), None)
        if started is not None:
            self._task = ""
            self.list.choose(started.id)
        else:
            self._show_chosen()

    def _shown(self) -> ComparisonFacts | None:
        """The comparison that is chosen in the list; None while a new one is set up."""
        if self.setup is None:
            return None
        chosen = self.list.chosen_id()
        return next((one for one in self._comparisons if one.id == chosen), None)

    def _chosen(self) -> None:
        self._show_chosen()
        self.desk.actions.refresh()

    def _show_chosen(self) -> None:
        one = self._shown()
        if one is None:
            self._right.setCurrentWidget(self.setup)
        else:
            assert self.board is not None
            self._right.setCurrentWidget(self.board)
            self.board.show_comparison(one, self._starts, self._doing.get(one.task))
        self._inspect()

    # What is done with it

    def _start(self, request: ComparisonRequest) -> None:
        assert self.setup is not None
        self.setup.say_starting(True)
        port = self.desk.port
        self.desk.ask(port.start_comparison, request, then=self._started, failed=self._not_started, owner=self)

    def _started(self, task: str) -> None:
        assert self.setup is not None
        self.setup.say_starting(False)
        self._task = task
        self._ask()

    def _not_started(self, sentence: str, detail: str) -> None:
        assert self.setup is not None
        self.setup.say_starting(False)
        self.desk.notify("error", sentence, detail)

    def _stop(self) -> None:
        one = self._shown()
        if one is not None and one.task:
            self.desk.port.request_cancel(one.task)

    def _resume(self) -> None:
        one = self._shown()
        if one is not None:
            self.desk.ask(self.desk.port.resume_comparison, one.id, then=self._started, owner=self)

    def _again(self) -> None:
        one = self._shown()
        if one is not None and self.setup is not None:
            self.setup.fill(one.request)
            self.list.clear_choice()

    def _inspect(self) -> None:
        if self._inspector is None:
            return
        one = self._shown()
        if one is None:
            self._inspector.show_facts(words.ABOUT_TITLE, words.ABOUT, prose=True)
            return
        heads, request = words.FACTS, one.request
        study = self.desk.study()
        names = {scan.scan: scan.name for scan in (study.scans if study else ())}
        tested = [names.get(scan, scan) for scan in one.test_scans or request.test_scans]
        more = [messages.MORE_CLASSES.format(count=len(tested) - MOST_NAMES)] if len(tested) > MOST_NAMES else []
        lines = {
            heads["state"]: progress(one),
            heads["starts"]: ", ".join(title_of(one, start) for start in request.starts),
            heads["labels"]: ", ".join(request.labels) or words.ALL_LABELS,
            heads["label_set"]: request.label_set,
            heads["tested"]: ", ".join([*tested[:MOST_NAMES], *more]) or words.TEST_ALL,
            heads["budgets"]: ", ".join(map(budget_words, request.budgets)),
            heads["repeats"]: str(request.repeats),
            heads["seed"]: str(request.seed),
            heads["recipe"]: request.recipe or words.OWN_RECIPE,
            heads["created"]: messages.local_time(one.created),
            **{messages.heading(name): shown(value) for name, value in request.parameters.items()},
        }
        self._inspector.show_facts(request.title, lines)
