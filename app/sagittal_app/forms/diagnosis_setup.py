"""Setting up a diagnosis: which classifiers judge which exams, how often slices are drawn, how planes are weighed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QListWidget, QListWidgetItem, QWidget

from sagittal.diagnosis import DiagnosisRequest, ExamFacts, Weights
from sagittal.params import FieldDescription
from sagittal_app import diagnosis_words as words
from sagittal_app import messages
from sagittal_app.forms.controls import NumberEdit
from sagittal_app.forms.rows import labelled_rows
from sagittal_app.forms.run_form import LARGEST_SEED
from sagittal_app.models.diagnoses import ClassifierRun, proposed, shared_labels
from sagittal_app.models.run_table import dot
from sagittal_app.widgets.basics import UNIT, Panel, button, column, label, row, scrolled, set_role
from sagittal_app.widgets.scan_chooser import ScanChooser

ROW = 26
MOST = 12
"""Rows in sight at most; the list scrolls."""
RUN = Qt.ItemDataRole.UserRole
DRAWS = DiagnosisRequest.draws


class DiagnosisSetup(QWidget):
    """`start_asked` gives the `DiagnosisRequest` that the form describes."""

    start_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("diagnosis_setup")
        self._known: list[ClassifierRun] = []
        self._ticked: tuple[str, ...] | None = None
        """What the user ticked; None while the form's own proposal stands."""
        self._busy = False
        self.runs = QListWidget()
        self.runs.setObjectName("diagnosis_runs")
        self.runs.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.runs.itemChanged.connect(lambda _item: self._take_ticks())
        self.exams = ScanChooser(words.EXAMS_OWN, title=words.EXAMS_TITLE, own_choice=True)
        self.draws = NumberEdit(
            FieldDescription(
                "diagnosis_draws", "int", DRAWS, words.DRAWS_HELP, minimum=1, maximum=1000, unit=words.DRAWS_UNIT
            )
        )
        self.seed = NumberEdit(
            FieldDescription("diagnosis_seed", "int", 0, words.SEED_HELP, minimum=0, maximum=LARGEST_SEED)
        )
        self.draws.set_value(DRAWS)
        self.seed.set_value(0)
        self.weights = QComboBox()
        self.weights.setObjectName("diagnosis_weights")
        for one in Weights:
            self.weights.addItem(words.WEIGHTS_TITLES[one], str(one))
            self.weights.setItemData(self.weights.count() - 1, words.WEIGHTS_ABOUT[one], Qt.ItemDataRole.ToolTipRole)
        self._weights_about = label("", "quiet", wrap=True)
        runs = Panel(words.RUNS_HEADING, name="diagnosis_runs_panel")
        runs.body.addWidget(label(words.RUNS_ABOUT, "quiet", wrap=True))
        runs.body.addWidget(self.runs)
        data = Panel(words.DATA_HEADING, name="diagnosis_data_panel")
        data.body.addLayout(self._rows())
        content = QWidget()
        content.setLayout(column(runs, data, None, spacing=2 * UNIT))
        self.says = label("", "soft", wrap=True)
        self.says.setObjectName("diagnosis_says")
        self.start = button(words.START, "diagnosis_start", self.ask_start, role="primary", icon="mdi6.play")
        end = row(self.says, self.start)
        end.setStretch(0, 1)
        body = column(scrolled(content, "diagnosis_scroll"), end, spacing=2 * UNIT)
        body.setStretch(0, 1)
        self.setLayout(body)
        for part in (self.exams, self.draws, self.seed):
            part.changed.connect(self._say)
        self.weights.currentIndexChanged.connect(lambda _index: self._say())
        self.show_runs([])

    def show_exams(self, exams: Sequence[ExamFacts]) -> None:
        """What there is to judge."""
        lines = {one.exam: words.EXAM_LINE.format(exam=one.exam, planes=", ".join(one.planes)) for one in exams}
        self.exams.show_choices(lines)
        self._say()

    def show_runs(self, known: Sequence[ClassifierRun]) -> None:
        """The study's classifiers, newest first; ticks stay."""
        self._known = list(known)
        wanted = self.ticked()
        self.runs.blockSignals(True)
        self.runs.clear()
        for one in known:
            item = QListWidgetItem(dot(one.colour), f"{one.title}   {one.about}")
            item.setToolTip(one.about)
            item.setSizeHint(QSize(0, ROW))
            item.setData(RUN, one.run)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if one.run in wanted else Qt.CheckState.Unchecked)
            self.runs.addItem(item)
        self.runs.blockSignals(False)
        self.runs.setFixedHeight(ROW * min(self.runs.count(), MOST) + UNIT)
        self._say()

    def fill(self, request: DiagnosisRequest) -> None:
        """Sets everything as it was asked for before."""
        self._ticked = request.runs
        self.exams.set_value(request.exams)
        self.draws.set_value(request.draws)
        self.seed.set_value(request.seed)
        self.weights.setCurrentIndex(self.weights.findData(str(request.weights)))
        self.show_runs(self._known)

    def ticked(self) -> tuple[str, ...]:
        """Runs that are ticked and there, in the order shown."""
        wanted = proposed(self._known) if self._ticked is None else self._ticked
        return tuple(one.run for one in self._known if one.run in wanted)

    def problem(self) -> str:
        """What is wrong with the form, in words."""
        chosen = [one for one in self._known if one.run in self.ticked()]
        if not chosen:
            return words.WRONG_RUNS
        if shared_labels(chosen) == ():
            labels = "; ".join(f"{one.title}: {', '.join(one.labels)}" for one in chosen)
            return words.WRONG_LABELS.format(labels=labels)
        for name, control in ((words.DRAWS, self.draws), (words.SEED, self.seed)):
            if wrong := control.problem():
                return f"{name}: {wrong}"
        return ""

    def request(self) -> DiagnosisRequest:
        """What the form describes; meaningless while it has a problem."""
        return DiagnosisRequest(
            runs=self.ticked(),
            exams=self.exams.value(),
            draws=self.draws.value(),
            weights=Weights(self.weights.currentData()),
            seed=self.seed.value(),
        )

    def startable(self) -> bool:
        return self.start.isEnabled() and self.isVisible()

    def ask_start(self) -> None:
        if self.start.isEnabled():
            self.start_asked.emit(self.request())

    def say_busy(self, busy: bool) -> None:
        """While a diagnosis is under way, no other begins."""
        self._busy = busy
        self._say()

    def _rows(self) -> QGridLayout:
        rows = (
            (words.EXAMS, self.exams, words.EXAMS_HELP),
            (words.DRAWS, self.draws, words.DRAWS_HELP),
            (words.WEIGHTS, self.weights, words.WEIGHTS_HELP),
            ("", self._weights_about, ""),
            (words.SEED, self.seed, words.SEED_HELP),
        )
        self.weights.setFixedWidth(240)
        return labelled_rows(*rows)

    def _take_ticks(self) -> None:
        items = [self.runs.item(i) for i in range(self.runs.count())]
        self._ticked = tuple(item.data(RUN) for item in items if item.checkState() is Qt.CheckState.Checked)
        self._say()

    def _say(self) -> None:
        leak = self.weights.currentData() == Weights.PUBLISHED
        self._weights_about.setText(words.WEIGHTS_ABOUT[self.weights.currentData()])
        set_role(self._weights_about, "caution" if leak else "quiet")
        problem = self.problem()
        if self._busy:
            self.says.setText(words.UNDER_WAY)
        elif problem:
            self.says.setText(problem)
        else:
            chosen = [one for one in self._known if one.run in self.ticked()]
            self.says.setText(
                words.AMOUNT.format(
                    runs=messages.count(len(chosen), "classifier"),
                    planes=messages.count(len({one.plane for one in chosen}), "plane"),
                    draws=messages.count(self.draws.value(), "draw"),
                )
            )
        self.start.setEnabled(not problem and not self._busy)
