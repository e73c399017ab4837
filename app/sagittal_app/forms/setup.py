"""Setting up a run: the gallery at the left, recipe, parameters and scans in the middle, the check, and Start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QSplitter, QVBoxLayout, QWidget

from sagittal.facts import Check, StudyFacts
from sagittal.method import MethodCard
from sagittal.probe import ProbeCard
from sagittal.run_record import RunRecord
from sagittal.run_request import RunRequest
from sagittal_app import messages
from sagittal_app.desk import Desk
from sagittal_app.forms.form import ParameterForm
from sagittal_app.forms.probes_form import ProbesForm
from sagittal_app.forms.run_form import RunForm
from sagittal_app.widgets.basics import UNIT, Panel, button, clear, column, label, row, scrolled
from sagittal_app.widgets.method_gallery import MethodGallery

CHECK_DELAY_MS = 150
"""The study check follows typing by this much."""
GALLERY_WIDTH = 288
QUICK = "quick-cpu"
"""What most methods call their quickest recipe for processors."""


class Setup(QWidget):
    """`start_asked` gives the `RunRequest` that the form describes."""

    start_asked = Signal(object)
    method_chosen = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("train_setup")
        self._desk = desk
        self._cards: dict[str, MethodCard] = {}
        self._facts: StudyFacts | None = None
        self._runs: Mapping[str, str] = {}
        self._method = ""
        self._forms: dict[str, ParameterForm] = {}
        self._checked: list[Check] | None = None
        self._starting = False
        self._on_cpu = False
        self._recipes: dict[str, int] = {}
        """Method → the recipe its form stands on, for coming back to it."""
        self.gallery = MethodGallery()
        self.gallery.chosen.connect(self.choose)
        self.recipe = QComboBox()
        self.recipe.setObjectName("recipe")
        self.recipe.setMinimumWidth(240)
        self.recipe.currentIndexChanged.connect(lambda _index: self._take_recipe())
        self._source = label("", "quiet", wrap=True)
        reset = button(messages.FORM_RESET, "form_reset", self._take_recipe, icon="mdi6.undo-variant")
        self._form_place = QVBoxLayout()
        self.run_form = RunForm()
        self.run_form.changed.connect(self._changed)
        self.probes = ProbesForm()
        self.probes.changed.connect(self._changed)
        parameters = Panel(messages.RECIPE, name="parameters_panel")
        parameters.top.insertWidget(1, self.recipe)
        parameters.top.addWidget(reset)
        parameters.body.addWidget(self._source)
        parameters.body.addLayout(self._form_place)
        data = Panel(messages.DATA_HEADING, name="data_panel")
        data.body.addWidget(self.run_form)
        self._watching = Panel(messages.PROBES_HEADING, name="probes_panel")
        self._watching.body.addWidget(self.probes)
        middle = QWidget()
        middle.setLayout(column(parameters, data, self._watching, None, spacing=2 * UNIT))
        self._check_lines = QGridLayout()
        self._check_lines.setColumnStretch(1, 1)
        self._check_lines.setHorizontalSpacing(UNIT)
        self._check_lines.setVerticalSpacing(4)
        check = Panel(messages.CHECK_HEADING, name="study_check")
        check.body.addLayout(self._check_lines)
        self.start = button(messages.START, "train_start", self.ask_start, role="primary", icon="mdi6.play")
        self.start.setMinimumWidth(120)
        self.bar = row(None, self.start)
        right = QWidget()
        layout = column(scrolled(middle, "setup_scroll"), check, self.bar, spacing=2 * UNIT)
        layout.setStretch(0, 1)
        layout.setContentsMargins(UNIT, 0, 0, 0)
        right.setLayout(layout)
        split = QSplitter()
        split.setObjectName("train_splitter")
        split.setHandleWidth(UNIT)
        split.addWidget(self.gallery)
        split.addWidget(right)
        split.setSizes([GALLERY_WIDTH, 800])
        split.setStretchFactor(1, 1)
        split.setCollapsible(1, False)
        self.setLayout(column(split))
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(CHECK_DELAY_MS)
        self._soon.timeout.connect(self._ask_check)
        self._say_checks([])

    def show_study(self, facts: StudyFacts | None) -> None:
        self._facts = facts
        self.run_form.show_study(facts)
        for form in self._forms.values():
            form.show_study(facts)
        self._changed()

    def show_runs(self, runs: Mapping[str, str]) -> None:
        """Offers the study's runs that left an encoder (id → what is said of each) to methods that start from one."""
        if runs != self._runs:
            self._runs = runs
            for form in self._forms.values():
                form.show_runs(runs)

    def show_methods(
        self,
        cards: Sequence[MethodCard],
        problems: Mapping[str, str],
        probes: Sequence[ProbeCard] = (),
        *,
        on_cpu: bool = False,
    ) -> None:
        """Fills the gallery; without a card (`on_cpu`) a method's recipe for CPUs is the one proposed."""
        self._on_cpu = on_cpu
        self.probes.show_probes(probes)
        self._cards = {card.name: card for card in cards}
        self.gallery.show_methods(cards, problems)
        if cards and self._method not in self._cards:
            self.choose(cards[0].name)

    def method(self) -> str:
        return self._method

    def choose(self, name: str) -> None:
        """Shows a method's recipes and form; what was typed into its form before is still there."""
        self._method = name
        self.gallery.mark(name)
        card = self._cards[name]
        known = name in self._forms
        if not known:
            form = ParameterForm(card.params)
            form.show_study(self._facts)
            form.show_runs(self._runs)
            form.changed.connect(self._changed)
            self._forms[name] = form
            self._form_place.addWidget(form)
        for other, form in self._forms.items():
            form.setVisible(other == name)
        self._watching.setVisible(self.probes.show_method(card))
        self.recipe.blockSignals(True)
        self.recipe.clear()
        for recipe in card.recipes:
            self.recipe.addItem(recipe.title, recipe.name)
        self.recipe.addItem(messages.RECIPE_OWN, None)
        self.recipe.setCurrentIndex(self._recipes.get(name, self._proposed(card)))
        self.recipe.blockSignals(False)
        if known:
            self._changed()
        else:
            self._take_recipe()
        self.method_chosen.emit(name)

    def _proposed(self, card: MethodCard) -> int:
        """Place of the recipe to begin with: without a card the quickest one made for processors, else the first."""
        names = [recipe.name for recipe in card.recipes]
        fit = [name for name in names if "cpu" in name] if self._on_cpu else []
        fit.sort(key=lambda name: (name != QUICK, "quick" not in name))
        return names.index(fit[0]) if fit else 0

    def fill(self, record: RunRecord) -> None:
        """Sets everything as it was in a past run."""
        request = record.facts.request
        if request.method not in self._cards:
            self._desk.notify("error", messages.NO_SUCH_METHOD.format(method=request.method))
            return
        self.choose(request.method)
        self.recipe.setCurrentIndex(max(0, self.recipe.findData(request.recipe)))
        self._take_recipe()
        self._forms[request.method].set_values({**record.facts.parameters, **request.parameters})
        self.run_form.set_values(request)
        self.probes.set_values(request.probes)

    def request(self) -> RunRequest:
        """What the form describes."""
        form = self._forms[self._method]
        return RunRequest(
            method=self._method,
            recipe=self.recipe.currentData(),
            parameters=form.differences(),
            probes=self.probes.values(),
            **self.run_form.values(),
        )

    def problem(self) -> str:
        """What is wrong with the form, in words."""
        form = self._forms.get(self._method)
        return (form.problem() if form else "") or self.run_form.problem() or self.probes.problem()

    def startable(self) -> bool:
        """Whether Start can be pressed."""
        return self.start.isEnabled() and self.isVisible()

    def ask_start(self) -> None:
        if self.start.isEnabled():
            self.start_asked.emit(self.request())

    def say_starting(self, starting: bool) -> None:
        """While the engine takes the request up, Start cannot be pressed twice."""
        self._starting = starting
        self._enable_start()

    def _take_recipe(self) -> None:
        card = self._cards.get(self._method)
        if card is None:
            return
        self._recipes[self._method] = self.recipe.currentIndex()
        chosen = next((recipe for recipe in card.recipes if recipe.name == self.recipe.currentData()), None)
        self._source.setText(chosen.source if chosen else "")
        self._source.setVisible(bool(chosen and chosen.source))
        self._forms[self._method].set_base(chosen.values if chosen else {})

    def _changed(self) -> None:
        self._checked = None
        self._enable_start()
        self._soon.start()

    def _ask_check(self) -> None:
        if not self._method or self._desk.study() is None:
            return
        if problem := self.problem():
            self._say_checks([Check(False, problem, blocking=True), Check(False, messages.FORM_WRONG, blocking=True)])
            return
        self._desk.ask(self._desk.port.check, self.request(), then=self._say_checks, owner=self, topic="check")

    def _say_checks(self, lines: Sequence[Check]) -> None:
        self._checked = list(lines)
        clear(self._check_lines)
        for index, line in enumerate(lines):
            role = "good" if line.ok else "danger" if line.blocking else "warning"
            mark = label("✓" if line.ok else "!", role)
            mark.setFixedWidth(16)
            mark.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
            text = label(line.text, "" if line.ok else role, wrap=True)
            text.setObjectName(f"check_{index}")
            self._check_lines.addWidget(mark, index, 0)
            self._check_lines.addWidget(text, index, 1)
        self._enable_start()

    def _enable_start(self) -> None:
        fine = bool(self._checked) and not any(line.blocking and not line.ok for line in self._checked or ())
        possible = fine and not self._starting and not self.problem()
        if possible != self.start.isEnabled():
            self.start.setEnabled(possible)
            self._desk.actions.refresh()  # the command and its key do what the button does
