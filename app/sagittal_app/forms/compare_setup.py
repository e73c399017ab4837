"""Setting up a comparison: what to start from, what to segment and on whom, how it is fine-tuned, and Start."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QWidget

from sagittal.comparison import SCRATCH, ComparisonRequest
from sagittal.facts import StudyFacts
from sagittal.measure import MeasureCard
from sagittal.method import Recipe
from sagittal.params import FieldDescription
from sagittal_app import compare_words as words
from sagittal_app import messages
from sagittal_app.forms.controls import NumberEdit
from sagittal_app.forms.form import ParameterForm
from sagittal_app.forms.rows import labelled_rows
from sagittal_app.forms.run_form import LARGEST_SEED, LabelSets
from sagittal_app.forms.starts import Starts
from sagittal_app.models.comparisons import Start, budgets_in, labels_in
from sagittal_app.widgets.basics import UNIT, Panel, button, column, label, row, scrolled
from sagittal_app.widgets.label_table import label_sets
from sagittal_app.widgets.scan_chooser import ScanChooser
from sagittal_app.widgets.ticks import Ticks

OWN = ("budgets", "repeats", "seed", "labels")
"""Parameters of fine-tuning that stand in the form's own rows."""
BUDGETS = "1, 2, 8"
REPEATS = 5


class CompareSetup(QWidget):
    """`start_asked` gives the `ComparisonRequest` that the form describes."""

    start_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("compare_setup")
        self._facts: StudyFacts | None = None
        self._starting = False
        self._form: ParameterForm | None = None
        self._recipes: dict[str, Recipe] = {}
        self.starts = Starts()
        self.title = QLineEdit()
        self.title.setObjectName("compare_title")
        self.truth = LabelSets()
        self.labels = Ticks("compare_label")
        self.labels.setContentsMargins(0, 6, 0, 0)
        self.scans = ScanChooser(words.TEST_ALL)
        self.budgets = QLineEdit(BUDGETS)
        self.budgets.setObjectName("compare_budgets")
        self.budgets.setFixedWidth(144)
        self.repeats = NumberEdit(
            FieldDescription("compare_repeats", "int", REPEATS, words.REPEATS_HELP, minimum=1, maximum=1000)
        )
        self.seed = NumberEdit(
            FieldDescription("compare_seed", "int", 0, words.SEED_HELP, minimum=0, maximum=LARGEST_SEED)
        )
        self.repeats.set_value(REPEATS)
        self.seed.set_value(0)
        starts = Panel(words.STARTS_HEADING, name="compare_starts_panel")
        starts.body.addWidget(label(words.STARTS_ABOUT, "quiet", wrap=True))
        starts.body.addWidget(self.starts)
        data = Panel(words.DATA_HEADING, name="compare_data_panel")
        data.body.addLayout(self._rows())
        self.recipe = QComboBox()
        self.recipe.setObjectName("compare_recipe")
        self.recipe.setMinimumWidth(240)
        self.recipe.currentIndexChanged.connect(lambda _index: self._take_recipe())
        self._source = label("", "quiet", wrap=True)
        self._tuning = Panel(words.TUNING_HEADING, name="compare_tuning_panel")
        self._tuning.top.addWidget(label(words.RECIPE, "soft"))
        self._tuning.top.addWidget(self.recipe)
        self._form_place = column(self._source)
        self._tuning.body.addLayout(self._form_place)
        self._tuning.hide()
        content = QWidget()
        content.setLayout(column(starts, data, self._tuning, None, spacing=2 * UNIT))
        self.says = label("", "soft", wrap=True)
        self.says.setObjectName("compare_says")
        self.start = button(words.START, "compare_start", self.ask_start, role="primary", icon="mdi6.play")
        end = row(self.says, self.start)
        end.setStretch(0, 1)
        body = column(scrolled(content, "compare_scroll"), end, spacing=2 * UNIT)
        body.setStretch(0, 1)
        self.setLayout(body)
        for edit in (self.title, self.budgets):
            edit.textChanged.connect(self._say)
        for part in (self.starts, self.labels, self.scans, self.repeats, self.seed):
            part.changed.connect(self._say)
        self.truth.changed.connect(self._other_truth)
        self._say()

    def show_study(self, facts: StudyFacts | None) -> None:
        self._facts = facts
        self.truth.show_sets(list(label_sets(facts)))
        if self._form is not None:
            self._form.show_study(facts)
        self._other_truth()

    def show_starts(self, known: Sequence[Start]) -> None:
        """What the study has to start from."""
        self.starts.show_starts(known)
        self._say()

    def show_tuning(self, card: MeasureCard, *, on_cpu: bool = False) -> None:
        """The form of how it is fine-tuned; what was typed into it stays.

        Without a card (`on_cpu`) the quickest recipe is the one proposed.
        """
        if self._form is not None:
            return
        asked = [name for name in card.asked or card.params.model_fields if name not in OWN]
        self._form = ParameterForm(card.params, asked=asked)
        self._form.show_study(self._facts)
        self._form.changed.connect(self._say)
        self._form_place.addWidget(self._form)
        self._recipes = {recipe.name: recipe for recipe in card.recipes}
        self.recipe.blockSignals(True)
        self.recipe.addItem(words.OWN_RECIPE, "")
        for recipe in card.recipes:
            self.recipe.addItem(recipe.title, recipe.name)
        quick = next((name for name in self._recipes if on_cpu and "quick" in name), "")
        self.recipe.setCurrentIndex(self.recipe.findData(quick))
        self.recipe.blockSignals(False)
        self._tuning.show()
        self._take_recipe()

    def fill(self, request: ComparisonRequest) -> None:
        """Sets everything as it was asked for before."""
        self.truth.set_value(request.label_set)
        self._other_truth()
        offered = labels_in(self._facts, request.label_set)
        self.labels.show_names(offered, request.labels or offered)
        self.starts.set_value(request.starts)
        self.scans.set_value(request.test_scans)
        self.title.setText(request.title)
        self.recipe.setCurrentIndex(max(0, self.recipe.findData(request.recipe)))
        self.budgets.setText(", ".join(map(str, request.budgets)))
        self.repeats.set_value(request.repeats)
        self.seed.set_value(request.seed)
        if self._form is not None:
            self._form.set_values(request.parameters)
        self._say()

    def problem(self) -> str:
        """What is wrong with the form, in words."""
        if not self.starts.value():
            return words.WRONG_STARTS
        if not labels_in(self._facts, self.truth.value()):
            return words.WRONG_SET.format(name=self.truth.value())
        if not self.labels.ticked():
            return words.WRONG_LABELS
        try:
            budgets_in(self.budgets.text())
        except ValueError as error:
            return str(error)
        for name, control in ((words.REPEATS, self.repeats), (words.SEED, self.seed)):
            if wrong := control.problem():
                return f"{name}: {wrong}"
        return self._form.problem() if self._form is not None else ""

    def request(self) -> ComparisonRequest:
        """What the form describes; meaningless while it has a problem."""
        labels = self.labels.ticked()
        everything = len(labels) == len(labels_in(self._facts, self.truth.value()))
        starts, budgets = self.starts.value(), budgets_in(self.budgets.text())
        return ComparisonRequest(
            title=self.title.text().strip() or self._own_title(starts, budgets),
            starts=starts,
            labels=() if everything else labels,
            label_set=self.truth.value(),
            test_scans=self.scans.value(),
            budgets=budgets,
            repeats=self.repeats.value(),
            seed=self.seed.value(),
            parameters=self._form.differences() if self._form is not None else {},
            recipe=self.recipe.currentData() or "",
        )

    def startable(self) -> bool:
        return self.start.isEnabled() and self.isVisible()

    def ask_start(self) -> None:
        if self.start.isEnabled():
            self.start_asked.emit(self.request())

    def say_starting(self, starting: bool) -> None:
        """While the engine takes the request up, Start cannot be pressed twice."""
        self._starting = starting
        self._say()

    def _own_title(self, starts: Sequence[str], budgets: Sequence[int]) -> str:
        told = {start.name: start.short for start in self.starts.starts()}
        last = sorted(starts, key=lambda start: start == SCRATCH)
        named = messages.listed(list(dict.fromkeys(told.get(start, start) for start in last)))
        named = named[:1].upper() + named[1:]
        return words.TITLE_OWN.format(starts=named, budgets=", ".join(map(str, budgets)))

    def _rows(self) -> QGridLayout:
        budgets = QWidget()
        budgets.setLayout(row(self.budgets, label(words.BUDGETS_UNIT, "soft"), None))
        rows = (
            (words.TITLE_LABEL, self.title, words.TITLE_HELP),
            (words.TRUTH, self.truth, words.TRUTH_HELP),
            (words.LABELS, self.labels, words.LABELS_HELP),
            (words.TEST_SCANS, self.scans, words.TEST_HELP),
            (words.BUDGETS, budgets, words.BUDGETS_HELP),
            (words.REPEATS, self.repeats, words.REPEATS_HELP),
            (words.SEED, self.seed, words.SEED_HELP),
        )
        return labelled_rows(*rows)

    def _take_recipe(self) -> None:
        """The recipe's values become what the form starts from; its budgets and draws stand in their own rows."""
        if self._form is None:
            return
        chosen = self._recipes.get(self.recipe.currentData())
        values = chosen.values if chosen else {}
        self._source.setText(chosen.source if chosen else "")
        self._source.setVisible(bool(chosen and chosen.source))
        self.budgets.setText(str(values.get("budgets", BUDGETS)))
        self.repeats.set_value(values.get("repeats", REPEATS))
        self._form.set_base({name: value for name, value in values.items() if name not in OWN})
        self._say()

    def _other_truth(self) -> None:
        """Another label set has other labels, and other scans have it."""
        name = self.truth.value()
        offered = labels_in(self._facts, name)
        if set(offered) != set(self.labels.names()):
            self.labels.show_names(offered, offered)
        scans = self._facts.scans if self._facts else ()
        self.scans.show_scans(tuple(scan for scan in scans if any(one.name == name for one in scan.label_sets)))
        self._say()

    def _say(self) -> None:
        problem = self.problem()
        if not problem:
            starts, budgets = self.starts.value(), budgets_in(self.budgets.text())
            self.title.setPlaceholderText(self._own_title(starts, budgets))
            draws = self.repeats.value()
            total = len(starts) * len(budgets) * draws
            amount = words.AMOUNT.format(
                starts=messages.count(len(starts), "start"),
                budgets=messages.count(len(budgets), "budget"),
                draws=messages.count(draws, "draw"),
                total=messages.count(total, *words.FINE_TUNING),
            )
        self.says.setText(problem or amount)
        self.start.setEnabled(not problem and not self._starting)
