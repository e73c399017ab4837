"""Results: segment a cohort from one support scan, look at every case, correct, accept or reject, export, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtWidgets import QComboBox, QFileDialog, QSplitter, QStackedWidget, QWidget

from sagittal.events import Event, Reason, RunFinished, State, StudyChanged, TaskFinished, TaskProgress
from sagittal.facts import EvaluateRequest, LabelSetFacts, ScanFacts, SegmentRequest, StudyFacts
from sagittal.method import MethodCard
from sagittal.run_record import RunRecord
from sagittal_app.actions import Command
from sagittal_app.canvas import words
from sagittal_app.desk import Desk
from sagittal_app.pages.annotate_workbench import Workbench, canvas_commands, make_canvases
from sagittal_app.pages.page import Page
from sagittal_app.pages.results_cases import REVIEWS, CaseList
from sagittal_app.pages.results_figures import dice_of_case
from sagittal_app.pages.results_setup import SetupPanel
from sagittal_app.widgets.basics import UNIT, EmptyState, button, column, label, row, scrolled

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas

FORMATS = {"NIfTI": "nifti", "NRRD (3D Slicer)": "nrrd", "DICOM SEG": "dicom-seg", "STL surfaces": "stl"}
TRUTH = "truth"
EARLY = 50
"""Events kept while no task is followed: a task may speak before its name has come back."""


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
        self._canvases: list[PlaneCanvas] = []
        self._facts: StudyFacts | None = None
        self._inspector: QWidget | None = None
        self._task = ""
        self._early: list[Event] = []
        self._shown_cases: tuple[object, ...] = ()
        self._dice: dict[tuple[str, str], dict[str, float]] = {}
        self._wanted_slice: int | None = None
        self._reviews: list[tuple[str, str, str]] = []

    # What it is made of --------------------------------------------------------------------------------------------

    def ahead(self) -> Iterator[None]:
        yield from make_canvases(self, self._canvases)

    def build(self) -> None:
        bench = self.bench = Workbench(self.desk, self._canvases)
        bench.session.opened.connect(self._opened)
        bench.session.saved.connect(self._recount)
        bench.session.recovered.connect(lambda _edits: self.desk.notify("info", words.CORRECTION_RECOVERED))
        bench.state.position_changed.connect(lambda voxel: self.cases.mark(bench.session.scan, voxel[2]))
        self.cases = CaseList()
        self.cases.chosen.connect(self.open)
        self.cases.slice_chosen.connect(self._open_at)
        self.sets = QComboBox()
        self.sets.setObjectName("results_set")
        self.sets.setToolTip("The label set whose cases are listed")
        self.sets.currentIndexChanged.connect(lambda _index: self._fill_cases())
        left = QWidget()
        body = column(row(label("Cases", "heading"), self.sets), scrolled(self.cases, "case_scroll"))
        body.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        left.setLayout(body)
        left.setMinimumWidth(220)
        right = QWidget()
        work = column(bench, self._make_verdict(), spacing=4)
        work.setStretch(0, 1)
        right.setLayout(work)
        self._splitter = QSplitter()
        self._splitter.setObjectName("results_splitter")
        self._splitter.addWidget(left)
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
        self.setup.segment.connect(self._start_segmentation)
        self.setup.evaluate.connect(self._start_evaluation)
        self.setup.cancel.connect(lambda: self._task and self.desk.port.request_cancel(self._task))
        self._inspector = self._make_inspector()

    def _make_verdict(self) -> QWidget:
        self._verdict_buttons = [
            button("Accept", "verdict_accepted", lambda: self.judge("accepted"), icon="mdi6.check"),
            button("Correct", "verdict_corrected", self.correct, icon="mdi6.brush"),
            button("Reject", "verdict_rejected", lambda: self.judge("rejected"), icon="mdi6.close"),
        ]
        self._verdict_buttons[1].setToolTip("Take up the brush; saving marks the case as corrected")
        self._says = label("", "soft")
        self._says.setObjectName("results_case_says")
        line = QWidget()
        inner = row(self._says, None, *self._verdict_buttons)
        inner.setContentsMargins(UNIT, 2, UNIT, UNIT)
        line.setLayout(inner)
        return line

    def _make_inspector(self) -> QWidget:
        from sagittal_app.canvas.label_list import LabelList

        assert self.bench is not None
        self.format = QComboBox()
        self.format.setObjectName("export_format")
        for title, name in FORMATS.items():
            self.format.addItem(title, name)
        self.export_button = button("Export…", "results_export", self.export, icon="mdi6.export-variant")
        self.exported = label("", "soft", wrap=True, selectable=True)
        self.exported.setObjectName("export_result")
        content = QWidget()
        body = column(
            self.setup,
            UNIT, label("Labels of the case", "heading"), LabelList(self.bench.state),
            UNIT, label("Export", "heading"), row(self.format, self.export_button), self.exported, None,
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

        return [
            Command("results.save", "Save the correction", "Ctrl+S", self.save, usable),
            Command("results.accept", "Accept the case", "Ctrl+Return", lambda: self.judge("accepted"), usable),
            Command("results.reject", "Reject the case", "Ctrl+Backspace", lambda: self.judge("rejected"), usable),
            Command("results.review_undo", "Undo the last review", "Ctrl+Alt+Z", self.undo_review, usable),
            Command("results.export", "Export the label set…", "Ctrl+E", self.export, usable),
            *canvas_commands(self.name, lambda: self.bench, usable),
        ]

    # The study and its runs ----------------------------------------------------------------------------------------

    def show_study(self, facts: StudyFacts | None) -> None:
        if self.bench is None:
            return
        if (facts.path if facts else "") != (self._facts.path if self._facts else ""):
            self.bench.session.close()
            self._dice, self._shown_cases, self._task = {}, (), ""
            self.setup.show_progress(None)
            # Whether the study has runs is known a moment later; until then nothing is said to be missing.
            self._stack.setCurrentIndex(1)
        self._facts = facts
        self.setup.show_study(facts)
        names = self._predicted_sets()
        kept = self._set()
        self.sets.blockSignals(True)
        self.sets.clear()
        for name in names:
            self.sets.addItem(self._set_title(name), name)
        self.sets.setCurrentIndex(max(0, self.sets.findData(kept)) if names else -1)
        self.sets.blockSignals(False)
        self._fill_cases()
        self._ask_runs()

    def shown(self) -> None:
        self._ask_runs()

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
        titles = {card.name: card.title for card in cards if "segmenter" in card.capabilities}
        fit = [record for record in records if record.facts.request.method in titles]
        # Runs that still go on come last: the one proposed has ended.
        fit.sort(key=lambda record: record.state.state is not State.FINISHED)
        self.setup.show_runs(fit, titles)
        self._stack.setCurrentIndex(1 if fit or self._predicted_sets() else 0)

    def _set_title(self, name: str) -> str:
        """A set that the program named is told by what it came from; one that a user named, by its name."""
        scans = self._facts.scans if self._facts else ()
        origin = next((one.origin for scan in scans for one in scan.label_sets if one.name == name), {})
        run, support = str(origin.get("run", "")), str(origin.get("support", ""))
        if not run or run not in name or support[:6] not in name:
            return name
        from_ = next((scan.name for scan in scans if scan.scan == support), support)
        return words.PREDICTED_SET.format(run=run, support=from_)

    def _predicted_sets(self) -> list[str]:
        names: dict[str, None] = {}
        for scan in self._facts.scans if self._facts else ():
            for one in scan.label_sets:
                if one.origin.get("kind") == "predicted":
                    names[one.name] = None
        return list(names)

    def _set(self) -> str:
        """Name of the label set shown."""
        return str(self.sets.currentData() or "")

    def _cases(self) -> list[tuple[ScanFacts, LabelSetFacts]]:
        name = self._set()
        return [
            (scan, one) for scan in (self._facts.scans if self._facts else ()) for one in scan.label_sets
            if name and one.name == name
        ]  # fmt: skip

    def _fill_cases(self) -> None:
        cases = self._cases()
        key = tuple((scan.scan, one.name, one.review) for scan, one in cases)
        if key != self._shown_cases:
            self._shown_cases = key
            self.cases.fill(cases)
            for scan, _one in cases:
                self._fill_case(scan)
        if cases and self.bench is not None and self.bench.session.label_set != self._set():
            self.open(cases[0][0].scan)
        self._say_case()

    def _fill_case(self, scan: ScanFacts) -> None:
        """Thumbnail and Dice arrive from the background."""
        made = self.cases.rows[scan.scan]
        self.desk.ask(self.desk.port.thumbnail, scan.scan, then=made.show_thumbnail, owner=made, failed=_unseen)
        key = (scan.scan, self._set())
        if key in self._dice:
            made.show_dice(self._dice[key])
        elif any(one.name == TRUTH for one in scan.label_sets):
            self._ask_dice(*key)

    def _ask_dice(self, scan: str, label_set: str) -> None:
        def keep(figures: dict[str, float]) -> None:
            self._dice[scan, label_set] = figures
            if scan in self.cases.rows and self._set() == label_set:
                self.cases.rows[scan].show_dice(figures)

        self.desk.ask(dice_of_case, self.desk.port, scan, label_set, TRUTH, then=keep, owner=self, failed=_unseen)

    # One case ------------------------------------------------------------------------------------------------------

    def open(self, scan: str) -> None:
        """Shows a case large; an unsaved correction is saved first."""
        if self.bench is None or scan not in [one.scan for one, _set in self._cases()]:
            return
        if (scan, self._set()) != (self.bench.session.scan, self.bench.session.label_set):
            self.save()
            self.bench.session.open(scan, self._set())

    def _open_at(self, scan: str, index: int) -> None:
        self._wanted_slice = index
        assert self.bench is not None
        if self.bench.session.scan == scan and self.bench.session.label_set == self._set():
            self._go_to_slice()
        else:
            self.open(scan)

    def _go_to_slice(self) -> None:
        if self.bench is not None and self._wanted_slice is not None:
            x, y, _z = self.bench.state.position
            self.bench.state.move_to((x, y, self._wanted_slice))
            self._wanted_slice = None

    def _opened(self) -> None:
        assert self.bench is not None
        self._go_to_slice()
        self.cases.mark(self.bench.session.scan, self.bench.state.position[2])
        self._say_case()
        self.desk.actions.refresh()

    def _shown_case(self) -> tuple[ScanFacts, LabelSetFacts] | None:
        shown = self.bench.session.scan if self.bench else ""
        return next((case for case in self._cases() if case[0].scan == shown), None)

    def _say_case(self) -> None:
        case = self._shown_case()
        writable = self._facts is not None and not self._facts.read_only
        for made in self._verdict_buttons:
            made.setEnabled(case is not None and writable)
        if case is None:
            self._says.setText(words.RESULTS_NO_CASES)
        else:
            review = case[1].review
            self._says.setText(f"{case[0].name}: {REVIEWS.get(review, (review, ''))[0]}")

    def correct(self) -> None:
        """Takes up the brush; what is painted is saved as a correction."""
        if self.bench is not None:
            self.bench.space.act("brush")

    def save(self) -> None:
        """Writes a correction; the case then counts as corrected."""
        if self.bench is not None:
            self.bench.session.save(review="corrected")

    def _recount(self) -> None:
        """The figures of a corrected case are another."""
        assert self.bench is not None
        key = (self.bench.session.scan, self.bench.session.label_set)
        if self._dice.pop(key, None) is not None:
            self._ask_dice(*key)

    def judge(self, review: str) -> None:
        """Accepts or rejects the case shown, and goes on to the next one not reviewed."""
        case = self._shown_case()
        if case is None or self.bench is None:
            return
        self.save()
        scan, one = case
        self._reviews.append((scan.scan, one.name, one.review))
        self._set_review(scan.scan, one.name, review)
        undo = Command("results.undo_review", "Undo", "", self.undo_review)
        self.desk.notify("info", f"{scan.name}: {review}.", "", undo)
        rest = [other.scan for other, its in self._cases() if its.review == "unreviewed" and other.scan != scan.scan]
        if rest:
            self.open(rest[0])

    def undo_review(self) -> None:
        if self._reviews:
            self._set_review(*self._reviews.pop())

    def _set_review(self, scan: str, label_set: str, review: str) -> None:
        self.desk.ask(self.desk.port.set_review, scan, label_set, review)

    # Tasks ---------------------------------------------------------------------------------------------------------

    def _start_segmentation(self, request: SegmentRequest) -> None:
        self._start(self.desk.port.start_segmentation, request)

    def _start_evaluation(self, request: EvaluateRequest) -> None:
        self._start(self.desk.port.start_evaluation, request)

    def _start(self, start: Callable[[Any], str], request: Any) -> None:
        self.setup.show_progress(None, going=True)
        self.desk.ask(start, request, then=self._started, failed=self._not_started, owner=self)

    def _started(self, task: str) -> None:
        """The task's first events may have come before its name."""
        self._task = task
        for event in self._early:
            self._follow(event)
        self._early.clear()

    def _not_started(self, sentence: str, detail: str) -> None:
        self._early.clear()
        self.setup.show_progress(None)
        self.setup.say_problem(sentence)
        if detail:
            self.desk.notify("error", sentence, detail)

    def export(self) -> None:
        """Asks for a folder and exports the label set of every case."""
        if not self._set():
            return
        folder = QFileDialog.getExistingDirectory(self, "Export to folder")
        if folder:
            self.export_to(Path(folder))

    def export_to(self, folder: Path) -> None:
        """Writes the label set shown and reads back what was written."""
        self.save()
        self._export_folder = folder
        self.exported.setText(words.EXPORTING)
        self.desk.ask(
            self.desk.port.start_export, self._set(), self.format.currentData(), folder,
            then=self._started, failed=lambda sentence, _detail: self.exported.setText(sentence), owner=self,
        )  # fmt: skip

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished) or (isinstance(event, StudyChanged) and event.what == "runs"):
            self._ask_runs()
        if self._task:
            self._follow(event)
        elif isinstance(event, TaskProgress | TaskFinished):
            self._early.append(event)
            del self._early[:-EARLY]

    def _follow(self, event: Event) -> None:
        """What comes of the task asked for."""
        if event.source != self._task:
            return
        if isinstance(event, TaskProgress):
            self.setup.show_progress(event)
        elif isinstance(event, TaskFinished):
            self._task = ""
            self.setup.show_progress(None)
            self._finished(event)

    def _finished(self, event: TaskFinished) -> None:
        if event.reason is not Reason.COMPLETED:
            text = event.error or ("Cancelled." if event.reason is Reason.CANCELLED else "Stopped.")
            (self.exported.setText if event.kind == "export" else self.setup.say_problem)(text)
        elif event.kind == "segment":
            self._segmented(event.result)
        elif event.kind == "evaluate":
            self.setup.show_figures(event.result)
            self._ask_runs()
        elif event.kind == "export":
            files = words.count(len(event.result.get("files", ())), "file")
            text = words.EXPORT_VERIFIED if event.result.get("verified") else words.EXPORT_NOT_VERIFIED
            self.exported.setText(text.format(files=files, folder=self._export_folder))

    def _segmented(self, result: Any) -> None:
        """The new set is listed as soon as the study model has it."""
        name = result.get("label_set", "")
        self._dice = {key: figures for key, figures in self._dice.items() if key[1] != name}
        self._shown_cases = ()

        def show(facts: StudyFacts | None) -> None:
            self.desk.study_model.set(facts)
            self.show_study(facts)
            self.sets.setCurrentIndex(max(0, self.sets.findData(name)))

        self.desk.ask(self.desk.port.study, then=show, owner=self, topic="segmented")

    # Leaving -------------------------------------------------------------------------------------------------------

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        if self.bench is not None:
            self.save()

    def may_leave(self) -> bool:
        if self.bench is not None:
            self.bench.session.save_now("corrected")
        return True

    def shut_down(self) -> None:
        if self.bench is not None:
            self.desk.settings.set_places("results", self._splitter.saveState())
            self.bench.session.save_now("corrected")
            self.bench.shut_down()


def _unseen(_sentence: str, _detail: str) -> None:
    """A missing thumbnail or figure is not worth a banner; its place stays empty."""
