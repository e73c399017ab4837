"""Results: segment a cohort from support scans, review the cases, those that need it first; export, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtWidgets import QSplitter, QStackedWidget, QWidget

from sagittal.engine_port import SagittalError
from sagittal.events import Event, Reason, RunFinished, State, StudyChanged, TaskFinished
from sagittal.facts import EvaluateRequest, SegmentRequest, StudyFacts
from sagittal.method import MethodCard
from sagittal.review import Case
from sagittal.run_record import RunRecord
from sagittal_app import review_words
from sagittal_app.actions import Command
from sagittal_app.canvas import words
from sagittal_app.desk import Desk
from sagittal_app.models.case_clock import CaseClock
from sagittal_app.models.case_queue import CaseQueue
from sagittal_app.models.label_sets import predicted_sets
from sagittal_app.pages.annotate_workbench import Workbench, canvas_commands, make_canvases
from sagittal_app.pages.page import Page
from sagittal_app.pages.results_case import CasePanel
from sagittal_app.pages.results_export import ExportPanel
from sagittal_app.pages.results_queue import QueuePanel
from sagittal_app.pages.results_setup import SetupPanel
from sagittal_app.pages.results_verdict import BACK_KEY, KEYS, ON_KEY, VerdictLine
from sagittal_app.task_follower import TaskFollower
from sagittal_app.widgets.basics import UNIT, EmptyState, button, column, label, scrolled

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas

SHORTEST_S = 1.0
"""A case looked at for less than this was passed by."""


class ResultsPage(Page):
    name: ClassVar[str] = "results"
    title: ClassVar[str] = "Results"
    icon: ClassVar[str] = "mdi6.image-check-outline"
    shortcut: ClassVar[str] = "Ctrl+4"
    announcement: ClassVar[str] = "Preparing the image views…"
    preload: ClassVar[tuple[str, ...]] = ("sagittal_app.canvas.preload", "sagittal_app.scene.preload")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.bench: Workbench | None = None
        self.clock = CaseClock()
        self._canvases: list[PlaneCanvas] = []
        self._made: Workbench | None = None
        """What `ahead` made of `bench`."""
        self._facts: StudyFacts | None = None
        self._inspector: QWidget | None = None
        self._wanted_scan = ""
        """A case to show once the cases are listed."""
        self._wanted_slice: int | None = None
        self._awaited: tuple[str, str] | None = None
        """Scan and label set being read: until they are shown, a verdict would be on the case before."""
        self._painted = False
        """Whether the case shown was painted on since it was last saved."""
        self._judged: list[tuple[str, str, str]] = []
        """Scan, label set and earlier review of every verdict, for Undo."""

    # What it is made of --------------------------------------------------------------------------------------------

    def ahead(self) -> Iterator[None]:
        yield from make_canvases(self, self._canvases)
        self._made = Workbench(self.desk, self._canvases, self)
        yield

    def build(self) -> None:
        bench = self.bench = self._made or Workbench(self.desk, self._canvases, self)
        bench.session.opened.connect(self._opened)
        bench.session.failed.connect(lambda _sentence: self._not_opened())
        bench.session.saved.connect(self._recount)
        bench.session.recovered.connect(lambda _edits: self.desk.notify("info", words.CORRECTION_RECOVERED))
        state = bench.state
        state.voxels_changed.connect(self._was_painted)
        state.position_changed.connect(lambda _voxel: self._mark())
        for acted in (state.position_changed, state.voxels_changed, state.window_changed, state.look_changed):
            acted.connect(lambda *_args: self.clock.touch())
        self.listed = QueuePanel(self.desk)
        self.listed.chosen.connect(self.open)
        self.listed.slice_chosen.connect(self._open_at)
        self.listed.changed.connect(self._listed_anew)
        self.verdict = VerdictLine()
        self.verdict.judged.connect(self.judge)
        self.verdict.correct.connect(self.correct)
        self.verdict.step.connect(self.step)
        right = QWidget()
        work = column(bench, self.verdict, spacing=4)
        work.setStretch(0, 1)
        right.setLayout(work)
        self._splitter = QSplitter()
        self._splitter.setObjectName("results_splitter")
        self._splitter.addWidget(self.listed)
        self._splitter.addWidget(right)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setCollapsible(1, False)
        self._splitter.setSizes([270, 1000])
        places = self.desk.settings.places("results")
        if places is not None:
            self._splitter.restoreState(places)
        train = button("Go to Train", "results_go_train", lambda: self.desk.go_to("train"), role="primary")
        self._stack = QStackedWidget()
        self._stack.addWidget(EmptyState("mdi6.image-check-outline", words.RESULTS_EMPTY, train, name="results_empty"))
        self._stack.addWidget(self._splitter)
        self.setLayout(column(self._stack))
        self.setup = SetupPanel()
        self.setup.segment.connect(lambda request: self._start(self.desk.port.start_segmentation, request))
        self.setup.evaluate.connect(lambda request: self._start(self.desk.port.start_evaluation, request))
        self.tasks = TaskFollower(self.desk, self)
        self.tasks.progressed.connect(self.setup.show_progress)
        self.tasks.finished.connect(self._finished)
        self.setup.cancel.connect(self.tasks.cancel)
        self.exports = ExportPanel(self.desk, self.listed.label_set, self.save)
        self.case = CasePanel()
        self.case.support_chosen.connect(lambda subject: self.desk.go_to("annotate", subject))
        self._inspector = self._make_inspector()

    def _make_inspector(self) -> QWidget:
        from sagittal_app.canvas.label_list import LabelList

        assert self.bench is not None
        content = QWidget()
        body = column(
            self.setup,
            UNIT, label(review_words.FROM_HEADING, "heading"), self.case,
            UNIT, label("Labels of the case", "heading"), LabelList(self.bench.state),
            UNIT, label("Export", "heading"), self.exports, None,
        )  # fmt: skip
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        content.setLayout(body)
        return scrolled(content, "results_inspector")

    def inspector(self) -> QWidget | None:
        return self._inspector

    def commands(self) -> list[Command]:
        def built() -> bool:
            return self.bench is not None and self.isVisible()

        def usable() -> bool:
            return built() and self.bench is not None and self.bench.state.scan is not None

        def back() -> None:
            self.step(-1)

        def undoable() -> bool:
            return built() and bool(self._judged)

        return [
            Command("results.save", "Save the correction", "Ctrl+S", self.save, usable),
            Command("results.accept", "Accept the case", KEYS["accepted"], lambda: self.judge("accepted"), usable),
            Command("results.correct", "Correct the case", KEYS["correct"], self.correct, usable),
            Command("results.reject", "Reject the case", KEYS["rejected"], lambda: self.judge("rejected"), usable),
            Command("results.review_undo", "Undo the last review", "Ctrl+Alt+Z", self.undo_review, undoable),
            Command("results.back", "Case before in the list", BACK_KEY, back, usable),
            Command("results.on", "Next case in the list", ON_KEY, lambda: self.step(1), usable),
            Command("results.export", "Export the label set…", "Ctrl+E", lambda: self.exports.export(), usable),
            Command("results.table", "Volumes and times (CSV)…", "", lambda: self.exports.write_table(), usable),
            *canvas_commands(self.name, lambda: self.bench, usable),
        ]

    # The study and its runs ----------------------------------------------------------------------------------------

    def show_study(self, facts: StudyFacts | None) -> None:
        if self.bench is None:
            return
        if (facts.path if facts else "") != (self._facts.path if self._facts else ""):
            self._look_at(None)
            self._awaited = None
            self.bench.session.close()
            self._judged = []
            self.listed.forget()
            self.tasks.forget()
            self.setup.show_progress(None)
            # Whether the study has runs is known a moment later; until then nothing is said to be missing.
            self._stack.setCurrentIndex(1)
        self._facts = facts
        self.setup.show_study(facts)
        self.listed.show_scans(facts.scans if facts else ())
        self._ask_runs()

    def shown(self) -> None:
        self._ask_runs()
        if self.bench is not None and self._shown_case() is not None:
            self._look_at((self.bench.session.scan, self.bench.session.label_set))

    def show_subject(self, subject: str) -> None:
        """A run's id chooses the run; a scan's id shows the case."""
        at = self.setup.runs.findData(subject)
        if at >= 0:
            self.setup.runs.setCurrentIndex(at)
        else:
            self.open(subject)

    def _ask_runs(self) -> None:
        if self._facts is not None:
            port = self.desk.port
            self.desk.ask(lambda: (port.runs(), port.methods()), then=self._show_runs, owner=self, topic="runs")

    def _show_runs(self, found: tuple[list[RunRecord], list[MethodCard]]) -> None:
        records, cards = found
        titles = {card.name: card.title for card in cards if {"segmenter", "predictor"} & set(card.capabilities)}
        alone = {card.name for card in cards if "segmenter" not in card.capabilities}
        able = [record for record in records if record.facts.request.method in titles]
        fit = [record for record in able if record.checkpoints]  # without one there is no network to segment with
        # Runs that still go on come last: the one proposed has ended.
        fit.sort(key=lambda record: record.state.state is not State.FINISHED)
        self.setup.show_runs(fit, titles, alone)
        self._stack.setCurrentIndex(1 if fit or predicted_sets(self._facts.scans if self._facts else ()) else 0)

    def _listed_anew(self) -> None:
        """Another set or order is listed, or more is known of the cases."""
        wanted, self._wanted_scan = self._wanted_scan, ""
        if self.queue.find(wanted) is not None:
            self.open(wanted)
        elif self.queue.cases and self._at_hand()[1] != self.listed.label_set():
            self.open(self.queue.scans[0])
        self._say_case()

    @property
    def queue(self) -> CaseQueue:
        """The cases in the order in which to look at them."""
        return self.listed.queue

    # One case ------------------------------------------------------------------------------------------------------

    def open(self, scan: str) -> None:
        """Shows a case large; an unsaved correction is saved first."""
        self._wanted_scan = ""
        if self.bench is None:
            return
        if self.queue.find(scan) is None:
            self._wanted_scan = scan if self.listed.listing else ""
            return
        if (scan, self.listed.label_set()) != self._at_hand():
            self.save()
            self._await((scan, self.listed.label_set()))
            self.bench.session.open(scan, self.listed.label_set())

    def _await(self, case: tuple[str, str] | None) -> None:
        self._awaited = case
        self._say_case()

    def _not_opened(self) -> None:
        """The case before stays."""
        self._await(None)
        self._mark()

    def _at_hand(self) -> tuple[str, str]:
        """Scan and label set shown, or about to be."""
        shown = (self.bench.session.scan, self.bench.session.label_set) if self.bench is not None else ("", "")
        return self._awaited or shown

    def _open_at(self, scan: str, index: int) -> None:
        self._wanted_slice = index
        assert self.bench is not None
        if (scan, self.listed.label_set()) == self._at_hand():
            self._go_to_slice()
        else:
            self.open(scan)

    def _go_to_slice(self) -> None:
        if self.bench is not None and self._awaited is None and self._wanted_slice is not None:
            x, y, _z = self.bench.state.position
            self.bench.state.move_to((x, y, self._wanted_slice))
            self._wanted_slice = None

    def step(self, by: int) -> None:
        """The case `by` places further down the list."""
        if (scan := self.queue.neighbour(self._at_hand()[0], by)) is not None:
            self.open(scan)

    def _mark(self) -> None:
        """Shows in the list which slice is looked at; a resampled copy has other slices."""
        if self.bench is not None and self._awaited is None:
            here = None if self.bench.state.resampled else self.bench.state.position[2]
            self.listed.mark(self.bench.session.scan, here)

    def _opened(self) -> None:
        assert self.bench is not None
        document = self.bench.state.document
        self._painted = document is not None and document.unsaved  # of an earlier session, out of the journal
        self._awaited = None
        self._go_to_slice()
        self._mark()
        self._look_at((self.bench.session.scan, self.bench.session.label_set) if self.isVisible() else None)
        self._say_case()
        self.desk.actions.refresh()

    def _shown_case(self) -> Case | None:
        """The case that is on the screen; None where another label set is, or another case is being read."""
        scan, label_set = self._at_hand()
        return None if self._awaited or label_set != self.listed.label_set() else self.queue.find(scan)

    def _say_case(self) -> None:
        case = self._shown_case()
        writable = self._facts is not None and not self._facts.read_only
        self.verdict.show_case(case, writable, self._name_of(self._awaited[0]) if self._awaited else "")
        if self._awaited is not None:
            return
        self.case.show_case(case, self.queue.doubts(case[0].scan) if case else (), self._name_of)

    def _name_of(self, scan: str) -> str:
        facts = self.desk.study_model.scan(scan)
        return facts.name if facts is not None else scan

    # Time ----------------------------------------------------------------------------------------------------------

    def _look_at(self, case: tuple[str, str] | None) -> None:
        """Another case, or none, is looked at; the time spent on the one before is kept."""
        self._keep_time(self.clock.open(case), lambda *time: self.desk.ask(self.desk.port.add_review_time, *time))

    def _keep_time(self, spent: tuple[tuple[str, str], float] | None, keep: Callable[..., object]) -> None:
        writable = self._facts is not None and not self._facts.read_only
        if spent is not None and spent[1] >= SHORTEST_S and writable:
            keep(*spent[0], spent[1])

    # Verdicts ------------------------------------------------------------------------------------------------------

    def correct(self) -> None:
        """Takes up the brush; what is painted is saved as a correction."""
        if self.bench is not None:
            self.bench.space.act("brush")
            self.desk.notify("info", review_words.CORRECTING)

    def save(self) -> None:
        """Writes what is unsaved; a case that was painted on then counts as corrected."""
        if self.bench is not None:
            self._write(self.bench.session.save, "corrected")

    def _write(self, write: Callable[..., object], review: str) -> bool:
        """Saves by `write`; a change of names or colours alone is no review."""
        document = self.bench.state.document if self.bench is not None else None
        if document is not None:
            document.end_stroke()
        painted, self._painted = self._painted, False
        return bool(write(review=review if painted else None)) and painted

    def _was_painted(self, _box: object) -> None:
        self._painted = True

    def _recount(self) -> None:
        assert self.bench is not None
        self.listed.recount(self.bench.session.scan, self.bench.session.label_set)

    def judge(self, review: str) -> None:
        """Accepts or rejects the case shown, and goes on to the next one not reviewed.

        What was painted is saved with it; that a case was corrected stays with how it came about.
        """
        case = self._shown_case()
        if case is None or self.bench is None:
            return
        scan, one = case
        self._judged.append((scan.scan, one.name, one.review))
        if not self._write(self.bench.session.save, review):
            self._set_review(scan.scan, one.name, review)
        undo = Command("results.undo_review", "Undo", "", self.undo_review)
        said = review_words.JUDGED.format(scan=scan.name, review=review_words.REVIEWS[review][0])
        following = self.queue.next_to_review(scan.scan)
        if following is None:
            said = f"{said} {review_words.ALL_REVIEWED.format(count=len(self.queue.cases))}"
        else:
            self.open(following)
        self.desk.notify("info", said, "", undo)

    def undo_review(self) -> None:
        """Takes the last verdict back and shows its case again."""
        if self._judged:
            scan, label_set, review = self._judged.pop()
            self._set_review(scan, label_set, review)
            self.desk.notify(
                "info", review_words.TAKEN_BACK.format(scan=self._name_of(scan), review=review_words.REVIEWS[review][0])
            )
            if label_set == self.listed.label_set():
                self.open(scan)

    def _set_review(self, scan: str, label_set: str, review: str) -> None:
        self.desk.ask(self.desk.port.set_review, scan, label_set, review)

    # Tasks ---------------------------------------------------------------------------------------------------------

    def _start(self, start: Callable[[Any], str], request: SegmentRequest | EvaluateRequest) -> None:
        self.setup.show_progress(None, going=True)
        self.tasks.start(start, request, failed=self._not_started)

    def _not_started(self, sentence: str, detail: str) -> None:
        self.setup.show_progress(None)
        self.setup.say_problem(sentence)
        if detail:
            self.desk.notify("error", sentence, detail)

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished) or (isinstance(event, StudyChanged) and event.what == "runs"):
            self._ask_runs()
        self.tasks.handle(event)
        self.exports.tasks.handle(event)

    def _finished(self, event: TaskFinished) -> None:
        self.setup.show_progress(None)
        if event.reason is not Reason.COMPLETED:
            self.setup.say_problem(event.error or ("Cancelled." if event.reason is Reason.CANCELLED else "Stopped."))
        elif event.kind == "segment":
            self._segmented(event.result)
        else:
            self.setup.show_figures(event.result)
            self._ask_runs()

    def _segmented(self, result: Any) -> None:
        """The new set is listed as soon as the study model has it."""
        name = result.get("label_set", "")
        self.listed.forget({name, *result.get("supports", {}).values()})

        def show(facts: StudyFacts | None) -> None:
            self.desk.study_model.set(facts)
            self.show_study(facts)
            self.listed.choose(name)

        self.desk.ask(self.desk.port.study, then=show, owner=self, topic="segmented")

    # Leaving -------------------------------------------------------------------------------------------------------

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        if self.bench is not None:
            self.save()
            self._look_at(None)

    def may_leave(self) -> bool:
        if self.bench is not None:
            self._write(self.bench.session.save_now, "corrected")
            self._keep_time(self.clock.take(), self._keep_time_now)
        return True

    def _keep_time_now(self, scan: str, label_set: str, seconds: float) -> None:
        try:
            self.desk.port.add_review_time(scan, label_set, seconds)
        except SagittalError as error:
            self.desk.notify("warning", str(error))

    def shut_down(self) -> None:
        if self.bench is not None:
            self.desk.settings.set_places("results", self._splitter.saveState())
            self.may_leave()
            self.bench.shut_down()
