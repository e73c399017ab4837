"""The Diagnosis page: classifiers judge exams over their planes; each exam looked at, all of them in figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QProgressBar, QSplitter, QStackedWidget, QTabWidget, QWidget

from sagittal.diagnosis import DiagnosisFacts, DiagnosisRequest, ExamDiagnosis, ExamFacts, Weights
from sagittal.events import Event, Reason, RunFinished, StudyChanged, TaskFinished, TaskProgress
from sagittal.facts import StudyFacts
from sagittal_app import diagnosis_words as words
from sagittal_app import messages
from sagittal_app.actions import Command
from sagittal_app.models.diagnoses import ClassifierRun, classifiers_of, title_of, truths_of
from sagittal_app.pages.annotate_workbench import make_canvases, view_commands
from sagittal_app.pages.page import Page
from sagittal_app.pages.results_verdict import BACK_KEY, ON_KEY
from sagittal_app.task_follower import TaskFollower
from sagittal_app.widgets.basics import UNIT, Elided, EmptyState, button, column, row
from sagittal_app.widgets.facts_view import FactsView

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas
    from sagittal_app.forms.diagnosis_setup import DiagnosisSetup
    from sagittal_app.pages.diagnosis_exam import ExamView
    from sagittal_app.pages.diagnosis_exams import ExamsPanel
    from sagittal_app.pages.diagnosis_figures import FiguresPanel
    from sagittal_app.pages.diagnosis_labels import LabelsPanel
    from sagittal_app.pages.diagnosis_looked import LookedPanel

LIST_WIDTH = 264


@dataclass(frozen=True)
class Found:
    """What was read of a study."""

    study: str
    diagnoses: list[DiagnosisFacts]
    exams: list[ExamFacts]
    runs: list[ClassifierRun]


class DiagnosisPage(Page):
    """The form of a new diagnosis, or one that was made: its exams, its figures, and how labels stand together."""

    name = "diagnosis"
    title = "Diagnosis"
    icon = "mdi6.stethoscope"
    shortcut = "Ctrl+7"
    announcement = "Preparing the image views…"
    preload = ("sagittal_app.canvas.preload",)

    def __init__(self, desk) -> None:
        super().__init__(desk)
        self.setup: DiagnosisSetup | None = None
        self.view: ExamView | None = None
        self._canvases: list[PlaneCanvas] = []
        self._inspector: QTabWidget | None = None
        self._study = ""
        self._exams: dict[str, ExamFacts] = {}
        self._diagnoses: list[DiagnosisFacts] = []
        self._runs: list[ClassifierRun] = []
        self._read: dict[str, ExamDiagnosis] = {}
        """Exams of the diagnosis shown, as `EnginePort.diagnosed` tells them."""
        self._reading = ""
        """The diagnosis whose exams are read or being read."""
        self._wanted = ""
        """An exam that is to be shown once the list is there."""
        self._from = ""
        """The exam from which one went to the one shown, which is a neighbour of it."""

    # What it is made of --------------------------------------------------------------------------------------------

    def ahead(self) -> Iterator[None]:
        yield from make_canvases(self, self._canvases)

    def build(self) -> None:
        from sagittal_app.forms.diagnosis_setup import DiagnosisSetup
        from sagittal_app.pages.diagnosis_exam import ExamView
        from sagittal_app.pages.diagnosis_exams import ExamsPanel
        from sagittal_app.pages.diagnosis_figures import FiguresPanel
        from sagittal_app.pages.diagnosis_labels import LabelsPanel
        from sagittal_app.pages.diagnosis_looked import LookedPanel

        self.setup = DiagnosisSetup()
        self.setup.start_asked.connect(self._start)
        self.listed: ExamsPanel = ExamsPanel()
        self.listed.chosen.connect(self._open_listed)
        self.view = ExamView(self.desk, self._canvases)
        self.view.exam_chosen.connect(self._open_neighbour)
        self.listed.sorted_by.connect(self._rank_by)
        self.figures: FiguresPanel = FiguresPanel()
        self.figures.against_chosen.connect(self._compare)
        self.labels: LabelsPanel = LabelsPanel()
        self.tasks = TaskFollower(self.desk, self)
        self.tasks.progressed.connect(self._say_progress)
        self.tasks.finished.connect(self._finished)
        split = QSplitter()
        split.setObjectName("diagnosis_splitter")
        split.setHandleWidth(UNIT)
        split.addWidget(self.listed)
        split.addWidget(self.view)
        split.setStretchFactor(1, 1)
        split.setCollapsible(1, False)
        split.setSizes([LIST_WIDTH, 800])
        go_to_train = button(words.TO_TRAIN, "diagnosis_to_train", lambda: self.desk.go_to("train"), role="primary")
        self.form = QStackedWidget()
        self.form.addWidget(self.setup)
        self.form.addWidget(EmptyState("mdi6.stethoscope", words.NO_RUNS, go_to_train, name="diagnosis_no_runs"))
        self.looking = split
        self.tabs = QTabWidget()
        self.tabs.setObjectName("diagnosis_tabs")
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.form, words.NEW)
        self.tabs.addTab(self.looking, words.EXAM_TAB)
        self.tabs.addTab(self.figures, words.FIGURES_TAB)
        self.tabs.addTab(self.labels, words.LABELS_TAB)
        work = QWidget()
        inner = column(self._make_head(), self.tabs)
        inner.setStretch(1, 1)
        work.setLayout(inner)
        to_study = button(words.TO_STUDY, "diagnosis_to_study", lambda: self.desk.go_to("study"), role="primary")
        self.stack = QStackedWidget()
        self.stack.setObjectName("diagnosis_stack")
        self.stack.addWidget(EmptyState("mdi6.stethoscope", words.NO_SCANS, to_study, name="diagnosis_empty"))
        self.stack.addWidget(work)
        body = column(self.stack)
        body.setContentsMargins(2 * UNIT, 0, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self._facts_view = FactsView("diagnosis_inspector")
        self.looked: LookedPanel = LookedPanel(self.desk, self.view.panes)
        self.view.label_changed.connect(self._show_looked)
        self.view.looked_asked.connect(self._open_looked)
        self._inspector = QTabWidget()
        self._inspector.setDocumentMode(True)
        self._inspector.addTab(self._facts_view, words.FACTS_TAB)
        self._inspector.addTab(self.looked, words.LOOKED_TAB)

    def _make_head(self) -> QWidget:
        """Which diagnosis is shown, another one, and how far the one under way is."""
        self.choice = QComboBox()
        self.choice.setObjectName("diagnosis_choice")
        self.choice.setToolTip(words.CHOICE_HELP)
        self.choice.setMinimumContentsLength(32)
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.choice.currentIndexChanged.connect(lambda _index: self._show_chosen())
        self.choice.setPlaceholderText(words.CHOICE)
        self.new = button(words.NEW, "diagnosis_new", self._new, icon="mdi6.plus", help=words.NEW_HELP)
        self.again = button(words.AGAIN, "diagnosis_again", self._again, icon="mdi6.repeat", help=words.AGAIN_HELP)
        self.back = button("", "diagnosis_back_to", self._go_back, icon="mdi6.arrow-left")
        self.back.hide()
        self.doing = Elided("", "soft")
        self.doing.setObjectName("diagnosis_doing")
        self.bar = QProgressBar()
        self.bar.setObjectName("diagnosis_progress")
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(160)
        self.cancel = button(messages.CANCEL, "diagnosis_cancel", self.tasks.cancel, icon="mdi6.close")
        head = QWidget()
        line = row(self.choice, self.new, self.again, self.back, None, self.doing, self.bar, self.cancel)
        line.setStretch(line.indexOf(self.doing), 1)
        head.setLayout(line)
        self._say_busy(False)
        return head

    def inspector(self) -> QWidget | None:
        return self._inspector

    def commands(self) -> list[Command]:
        there = lambda: self._chosen() is not None  # noqa: E731
        seen = lambda: there() and self.isVisible()  # noqa: E731
        looked_at = lambda: seen() and self.view is not None and self.view.exam is not None  # noqa: E731
        ready = lambda: self.setup is not None and self.setup.startable()  # noqa: E731
        busy = lambda: self.setup is not None and self.tasks.busy  # noqa: E731
        saved = lambda kind: lambda: (one := self._chosen()) is not None and kind in one.files  # noqa: E731
        return [
            Command("diagnosis.start", words.START, "", lambda: self.setup and self.setup.ask_start(), ready),
            Command("diagnosis.cancel", "Cancel the diagnosis", "", lambda: self.tasks.cancel(), busy),
            Command("diagnosis.new", words.NEW, "", self._new, lambda: self.setup is not None),
            Command("diagnosis.again", "Set the diagnosis up again", "", self._again, there),
            Command("diagnosis.back", words.EXAM_BEFORE, BACK_KEY, lambda: self.listed.step(-1), seen),
            Command("diagnosis.on", words.NEXT_EXAM, ON_KEY, lambda: self.listed.step(1), seen),
            Command("diagnosis.looked", words.LOOKED, "", self._open_looked, looked_at),
            Command("diagnosis.table", words.SAVE_TABLE, "", lambda: self.figures.ask_save("table"), saved("table")),
            Command("diagnosis.csv", words.SAVE_EXAMS, "", lambda: self.figures.ask_save("csv"), saved("csv")),
            *view_commands(self.name, lambda id: self.view and self.view.act(id), looked_at),
        ]

    # What there is -------------------------------------------------------------------------------------------------

    def show_study(self, facts: StudyFacts | None) -> None:
        path = facts.path if facts else ""
        self.stack.setCurrentIndex(1 if facts is not None and facts.scans else 0)
        if path != self._study:
            self._study = path
            self._reading, self._from = "", ""
            self._read.clear()
            self.tasks.forget()
            self._say_busy(False)
            self._take(Found(path, [], [], []))
        self._ask()

    def shown(self) -> None:
        self._ask()

    def show_subject(self, subject: str) -> None:
        """A diagnosis's id shows it; an exam's name shows that exam."""
        at = self.choice.findData(subject)
        if at >= 0:
            self.choice.setCurrentIndex(at)
        elif subject in self._exams:
            self.tabs.setCurrentWidget(self.looking)
            if not self.listed.choose(subject):
                self._wanted = subject
                self._open(subject)

    def handle(self, event: Event) -> None:
        if self.setup is None:
            return
        self.tasks.handle(event)
        trained = isinstance(event, RunFinished) or (isinstance(event, StudyChanged) and event.what == "runs")
        if trained and self.isVisible():
            self._ask()

    def _ask(self, newest: bool = False) -> None:
        """Reads the study's diagnoses, exams and classifiers; with `newest` the newest diagnosis is then shown."""
        if self.desk.study() is None:
            return
        port, study = self.desk.port, self._study

        def read() -> Found:
            return Found(study, port.diagnoses(), port.exams(), classifiers_of(port.runs(), port.methods()))

        self.desk.ask(read, then=lambda found: self._take(found, newest), owner=self, topic="diagnoses")

    def _take(self, found: Found, newest: bool = False) -> None:
        if found.study != self._study or self.setup is None:
            return
        first = not self._diagnoses and not self._exams
        self._exams = {exam.exam: exam for exam in found.exams}
        self._runs = found.runs
        self.setup.show_exams(found.exams)
        self.setup.show_runs(found.runs)
        ids = [one.id for one in found.diagnoses]
        kept = "" if newest or (first and ids) else str(self.choice.currentData() or "")
        if ids != [one.id for one in self._diagnoses] or newest:
            self._diagnoses = found.diagnoses
            self.choice.blockSignals(True)
            self.choice.clear()
            for one in found.diagnoses:
                self.choice.addItem(title_of(one), one.id)
            wanted = self.choice.findData(kept) if kept else (0 if ids and (newest or first) else -1)
            self.choice.setCurrentIndex(wanted)
            self.choice.blockSignals(False)
        self.choice.setVisible(bool(ids))
        self._show_chosen()

    def _chosen(self) -> DiagnosisFacts | None:
        """The diagnosis that is shown; None while a new one is set up."""
        if self.setup is None:
            return None
        wanted = self.choice.currentData()
        return next((one for one in self._diagnoses if one.id == wanted), None)

    def _show_chosen(self) -> None:
        assert self.setup is not None
        one = self._chosen()
        for part in (self.new, self.again):
            part.setVisible(one is not None)
        self.form.setCurrentIndex(0 if self._runs else 1)
        self._show_tabs(one is not None)
        if one is None:
            self.back.hide()
        else:
            self.figures.show_facts(one)
            others = [other for other in self._diagnoses if other.id != one.id and set(other.labels) & set(one.labels)]
            self.figures.show_others({other.id: title_of(other) for other in others})
            if self._reading != one.id:
                self._begin_reading(one)
        self._show_labels()
        self._inspect(one)
        self.desk.actions.refresh()

    def _compare(self, other: str) -> None:
        one = self._chosen()
        if one is not None and other:
            compare, show = self.desk.port.compare_diagnoses, self.figures.show_differences
            self.desk.ask(compare, one.id, other, then=show, owner=self, topic="against")

    def _show_tabs(self, made: bool) -> None:
        """The form's tab while a new diagnosis is set up, those of exams and figures of one that was made."""
        current = self.tabs.currentWidget()
        for tab in (self.form, self.looking, self.figures):
            self.tabs.setTabVisible(self.tabs.indexOf(tab), made == (tab is not self.form))
        if current is not self.labels:
            fits = current is not None and made == (current is not self.form)
            self.tabs.setCurrentWidget(current if fits else self.looking if made else self.form)

    def _show_labels(self) -> None:
        self._truths = truths_of(list(self._exams.values()), self._read.values())
        self.labels.show_truths(self._truths)

    # The exams of one ----------------------------------------------------------------------------------------------

    def _begin_reading(self, one: DiagnosisFacts) -> None:
        self._reading, self._from = one.id, ""
        self._read.clear()
        self.back.hide()
        self.listed.show_labels(one.labels)
        self.listed.show_exams([], len(one.exams))
        take = lambda found: self._take_exams(one, found)  # noqa: E731
        self.desk.ask(self.desk.port.diagnosed, one.id, then=take, owner=self, topic="exams")

    def _take_exams(self, one: DiagnosisFacts, found: list[ExamDiagnosis]) -> None:
        """The first exam of the list is shown, unless the user has gone elsewhere."""
        if self._reading != one.id:
            return
        self._read = {whole.exam.exam: whole for whole in found}
        self.listed.show_exams(found, len(found))
        self._show_labels()
        wanted, self._wanted = self._wanted, ""
        if not self.listed.current() and not (wanted and self.listed.choose(wanted)):
            self.listed.step(1)

    def _open_listed(self, exam: str) -> None:
        self._from = ""
        self.back.hide()
        self._open(exam)

    def _open_neighbour(self, exam: str) -> None:
        """Goes to an exam that lies near; one that was not diagnosed is shown without opinions."""
        before = self.view.exam.exam if self.view is not None and self.view.exam is not None else ""
        if not self.listed.choose(exam):
            self.listed.forget_choice()
            self._open(exam)
        self._from = before
        self.back.setText(words.BACK_TO.format(exam=before))
        self.back.setVisible(bool(before))

    def _rank_by(self, name: str) -> None:
        """The list is sorted by a label's probability: slices are ranked by that label too."""
        if name and self.view is not None:
            self.view.choose_label(name)

    def _go_back(self) -> None:
        exam, self._from = self._from, ""
        self.back.hide()
        if exam and not self.listed.choose(exam):
            self._open(exam)

    def _open(self, exam: str) -> None:
        """Reads an exam whole and shows it."""
        one = self._chosen()
        if one is None or exam not in one.exams:
            self._show_exam(exam, None)
            return
        port = self.desk.port
        self.desk.ask(
            lambda: port.diagnosis(one.id, exam), then=lambda found: self._show_exam(exam, found), owner=self,
            topic="exam",
        )  # fmt: skip

    def _show_exam(self, exam: str, found: ExamDiagnosis | None) -> None:
        facts = found.exam if found is not None else self._exams.get(exam)
        if self.view is None or facts is None:
            return
        positive = {name: [said for said, has in row.items() if has] for name, row in self._truths.items() if row}
        self.view.show_exam(facts, found, self._chosen(), positive)
        self._show_looked()
        self.desk.actions.refresh()

    def _show_looked(self) -> None:
        if self.view is not None and self.view.exam is not None:
            self.looked.show_exam(self.view.exam.planes, self.view.label)

    def _open_looked(self) -> None:
        """Brings the inspector's panel to the front, and the inspector where it is hidden."""
        assert self._inspector is not None
        self._inspector.setCurrentWidget(self.looked)
        if not self._inspector.isVisible():
            self.desk.actions.run("view.inspector")

    # A new one -----------------------------------------------------------------------------------------------------

    def _new(self) -> None:
        self.choice.setCurrentIndex(-1)
        self._show_chosen()
        self.tabs.setCurrentWidget(self.form)

    def _again(self) -> None:
        one = self._chosen()
        if one is not None and self.setup is not None:
            self.setup.fill(one.request)
            self._new()

    def _start(self, request: DiagnosisRequest) -> None:
        self._say_busy(True)
        self.tasks.start(self.desk.port.start_diagnosis, request, failed=self._not_started)

    def _not_started(self, sentence: str, detail: str) -> None:
        self._say_busy(False)
        self.desk.notify("error", sentence, detail)

    def _say_busy(self, busy: bool) -> None:
        assert self.setup is not None
        self.setup.say_busy(busy)
        for part in (self.bar, self.cancel, self.doing):
            part.setVisible(busy)
        self.doing.say("")
        self.bar.setRange(0, 0)

    def _say_progress(self, event: TaskProgress) -> None:
        self.bar.setRange(0, event.total)
        self.bar.setValue(event.done)
        left = messages.time_left(event.seconds_left) if event.seconds_left is not None else ""
        self.doing.say(" · ".join(filter(None, [event.message, left])))

    def _finished(self, event: TaskFinished) -> None:
        """How it ended otherwise, the window says."""
        self._say_busy(False)
        if event.reason is not Reason.COMPLETED:
            return
        self._ask(newest=True)
        if not self.isVisible():
            show = Command("diagnosis.show", words.SHOW, "", lambda: self.desk.go_to(self.name))
            exams = messages.count(len(event.result.get("exams", ())), "exam")
            self.desk.notify("info", words.FINISHED.format(exams=exams), "", show)

    def _inspect(self, one: DiagnosisFacts | None) -> None:
        asked = [run for run in self._runs if one is not None and run.run in one.request.runs]
        self.looked.show_runs([(run.run, run.title, run.plane) for run in asked])
        if one is None:
            self._facts_view.show_facts(words.ABOUT_TITLE, words.ABOUT, prose=True)
            return
        heads, request, titles = words.FACTS, one.request, {run.run: run for run in self._runs}
        runs = [f"{titles[run].title} ({titles[run].plane})" if run in titles else run for run in request.runs]
        lines = {
            heads["runs"]: "\n".join(runs),
            heads["labels"]: ", ".join(one.labels),
            heads["exams"]: str(len(one.exams)),
            heads["draws"]: str(request.draws),
            heads["weights"]: words.WEIGHTS_TITLES[str(request.weights)],
            heads["seed"]: str(request.seed),
            heads["created"]: messages.local_time(one.created),
        }
        if one.notes:
            lines[words.NOTES_HEADING] = "\n".join(one.notes)
        self._facts_view.show_facts(title_of(one), lines, words.LEAK if request.weights is Weights.PUBLISHED else "")

    def shut_down(self) -> None:
        if self.view is not None:
            self.view.shut_down()
