"""Setting up an adaptation: which run, by which method, to which scans; whether it fits, and Start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from sagittal.engine_port import EnginePort
from sagittal.events import TaskProgress
from sagittal.facts import AdaptRequest, Check, ScanFacts, StudyFacts
from sagittal.method import MethodCard
from sagittal.params import FieldDescription
from sagittal.run_record import Adapted, RunRecord
from sagittal_app import adapt_words as words
from sagittal_app import messages
from sagittal_app.desk import Desk
from sagittal_app.forms.controls import NumberEdit
from sagittal_app.forms.form import ParameterForm
from sagittal_app.forms.rows import labelled_rows
from sagittal_app.forms.run_form import LARGEST_SEED, LabelSets
from sagittal_app.models.run_table import run_title
from sagittal_app.widgets.basics import UNIT, Elided, Panel, button, clear, column, label, row, scrolled
from sagittal_app.widgets.label_table import label_sets
from sagittal_app.widgets.scan_chooser import ScanChooser

CHECK_DELAY_MS = 250
"""The check follows typing by this much: it loads the network."""
FIRST = "grata"
"""The method that is proposed."""


class AdaptSetup(QWidget):
    """`start_asked` gives the `AdaptRequest` that the form describes, `cancel` asks to end what was started."""

    start_asked = Signal(object)
    cancel = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("adapt_setup")
        self._desk = desk
        self._facts: StudyFacts | None = None
        self._cards: dict[str, MethodCard] = {}
        self._form: ParameterForm | None = None
        self._checked: list[Check] | None = None
        self._starting = False
        self.runs, self.method, self.recipe, self.domain = (
            _choice(f"adapt_{name}") for name in ("run", "method", "recipe", "domain")
        )
        self._about = label("", "quiet", wrap=True)
        self._source = label("", "quiet", wrap=True)
        self.scans = ScanChooser(words.SCANS_UNSEEN, own_choice=True)
        self.truth = LabelSets()
        self.name = QLineEdit()
        self.name.setObjectName("adapt_name")
        self.name.setPlaceholderText(words.NAME_OWN)
        self.seed = NumberEdit(
            FieldDescription("adapt_seed", "int", 0, words.SEED_HELP, minimum=0, maximum=LARGEST_SEED)
        )
        self.seed.set_value(0)
        what = Panel(words.WHAT_HEADING, name="adapt_what")
        what.body.addWidget(label(words.WHAT_ABOUT, "quiet", wrap=True))
        what.body.addLayout(
            labelled_rows(
                (words.RUN, self.runs, words.RUN_HELP),
                (words.METHOD, _said_under(self.method, self._about), words.METHOD_HELP),
                (words.RECIPE, _said_under(self.recipe, self._source), ""),
            )
        )
        data = Panel(words.DATA_HEADING, name="adapt_data")
        data.body.addLayout(
            labelled_rows(
                (words.SCANS, self.scans, words.SCANS_HELP),
                (words.DOMAIN, self.domain, words.DOMAIN_HELP),
                (words.TRUTH, self.truth, words.TRUTH_HELP),
                (words.NAME, self.name, words.NAME_HELP),
                (words.SEED, self.seed, words.SEED_HELP),
            )
        )
        self._tuning = Panel(words.PARAMETERS_HEADING, name="adapt_parameters")
        self._form_place = QVBoxLayout()
        self._tuning.body.addLayout(self._form_place)
        content = QWidget()
        content.setLayout(column(what, data, self._tuning, None, spacing=2 * UNIT))
        self._lines = QVBoxLayout()
        self._lines.setSpacing(4)
        fits = Panel(words.CHECK_HEADING, name="adapt_check")
        fits.body.addLayout(self._lines)
        self.start = button(words.START, "adapt_start", self.ask_start, role="primary", icon="mdi6.play")
        self.start.setMinimumWidth(120)
        self.message = Elided("", "soft")
        self.message.setObjectName("adapt_message")
        self.bar = QProgressBar()
        self.bar.setObjectName("adapt_setup_progress")
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(160)
        self.stop = button(messages.CANCEL, "adapt_cancel", self.cancel.emit)
        end = row(self.message, self.bar, self.stop, self.start)
        end.setStretch(0, 1)
        body = column(scrolled(content, "adapt_scroll"), fits, end, spacing=2 * UNIT)
        body.setStretch(0, 1)
        self.setLayout(body)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(CHECK_DELAY_MS)
        self._soon.timeout.connect(self._ask_check)
        self.method.currentIndexChanged.connect(lambda _i: self._other_method())
        self.recipe.currentIndexChanged.connect(lambda _i: self._take_recipe())
        for box in (self.runs, self.domain):
            box.currentIndexChanged.connect(lambda _i: self._changed())
        self.name.textChanged.connect(lambda _text: self._changed())
        for part in (self.scans, self.truth, self.seed):
            part.changed.connect(self._changed)
        self.show_progress(None)

    # What there is ---------------------------------------------------------------------------------------------------

    def show_study(self, facts: StudyFacts | None) -> None:
        self._facts = facts
        self.truth.show_sets(list(label_sets(facts)))
        _offer(self.domain, {"": words.ONE_STREAM, **_domains(facts.scans if facts else ())})
        scans = sorted(facts.scans if facts else (), key=lambda scan: (scan.name, scan.scan))
        self.scans.show_scans(tuple(scans))
        if self._form is not None:
            self._form.show_study(facts)
        self._changed()

    def show_runs(self, records: Sequence[RunRecord], titles: Mapping[str, str]) -> None:
        """Runs whose networks can be adapted, newest first; `titles` are those of their methods."""
        kept = self.runs.currentData()
        offers = {}
        for record in records:
            method = record.facts.request.method
            offers[record.facts.run] = run_title(record, titles.get(method, method))
        _offer(self.runs, offers)
        if self.runs.currentData() != kept:
            self._changed()

    def show_methods(self, cards: Sequence[MethodCard]) -> None:
        """Methods that adapt."""
        if list(self._cards) == [card.name for card in cards]:
            return
        self._cards = {card.name: card for card in cards}
        _offer(self.method, {card.name: card.title for card in cards}, FIRST)
        self._other_method()

    def fill(self, adapted: Adapted) -> None:
        """Sets everything as it was asked for before."""
        self.runs.setCurrentIndex(max(0, self.runs.findData(adapted.run)))
        self.method.setCurrentIndex(max(0, self.method.findData(adapted.method)))
        self.recipe.setCurrentIndex(max(0, self.recipe.findData(adapted.recipe or "")))
        if self._form is not None:
            self._form.set_values(adapted.parameters)
        self.domain.setCurrentIndex(max(0, self.domain.findData(adapted.column)))
        self.scans.set_value(() if adapted.column else adapted.scans)
        self.truth.set_value(adapted.truth)
        self.seed.set_value(adapted.seed)
        self.name.clear()

    def choose_run(self, run: str) -> None:
        """Chooses a run to adapt, where it can be adapted."""
        if (at := self.runs.findData(run)) >= 0:
            self.runs.setCurrentIndex(at)

    def _other_method(self) -> None:
        card = self._cards.get(self.method.currentData())
        clear(self._form_place)
        self._form = None
        self._tuning.setVisible(card is not None)
        if card is None:
            return
        self._about.setText(" ".join(filter(None, (card.summary, card.note))))
        self._tuning.heading.setText(words.PARAMETERS_HEADING.format(method=card.title))
        self._form = ParameterForm(card.params)
        self._form.show_study(self._facts)
        self._form.changed.connect(self._changed)
        self._form_place.addWidget(self._form)
        _tab_after(self._form, self.stop, self.start)
        _offer(self.recipe, {"": words.OWN_RECIPE, **{one.name: one.title for one in card.recipes}}, "")
        self._take_recipe()

    def _take_recipe(self) -> None:
        card = self._cards.get(self.method.currentData())
        if card is None or self._form is None:
            return
        chosen = next((one for one in card.recipes if one.name == self.recipe.currentData()), None)
        self._source.setText(chosen.source if chosen else "")
        self._source.setVisible(bool(chosen and chosen.source))
        self._form.set_base(chosen.values if chosen else {})
        self._changed()

    # What is asked ---------------------------------------------------------------------------------------------------

    def problem(self) -> str:
        """What is wrong with the form, in words."""
        if self.runs.currentData() is None:
            return words.NO_RUNS
        if wrong := self.seed.problem():
            return f"{words.SEED}: {wrong}"
        return self._form.problem() if self._form is not None else ""

    def request(self) -> AdaptRequest:
        """What the form describes; meaningless while it has a problem."""
        return AdaptRequest(
            run=self.runs.currentData(),
            method=self.method.currentData(),
            recipe=self.recipe.currentData() or None,
            scans=self.scans.value(),
            parameters=self._form.differences() if self._form is not None else {},
            domain=self.domain.currentData() or "",
            label_set=self.truth.value(),
            name=self.name.text().strip(),
            seed=self.seed.value(),
        )

    def startable(self) -> bool:
        return self.start.isEnabled() and self.isVisible()

    def ask_start(self) -> None:
        if self.start.isEnabled():
            self.start_asked.emit(self.request())

    def say_starting(self, starting: bool) -> None:
        """While the engine takes the request up, Start cannot be pressed twice."""
        self._starting = starting
        for part in (self.bar, self.stop):
            part.setVisible(starting)
        self.bar.setRange(0, 0)
        self.message.say("")
        self._enable_start()

    def show_progress(self, event: TaskProgress | None) -> None:
        """Progress of what was started, until it has a run of its own; None where nothing is."""
        self.say_starting(event is not None)
        if event is not None:
            self.bar.setRange(0, event.total)
            self.bar.setValue(event.done)
            self.message.say(event.message)

    # Whether it fits -------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._checked = None
        self._enable_start()
        self._soon.start()

    def _ask_check(self) -> None:
        if self._desk.study() is None or not self.isVisible():
            return
        if wrong := self.problem():
            self._say_checks([Check(False, wrong, blocking=True)])
            return
        port, request = self._desk.port, self.request()
        if self._checked is None and not self._lines.count():
            self._lines.addWidget(label(words.STILL_LOOKING, "quiet"))
        self._desk.ask(
            _check, port, request, then=self._say_checks, failed=self._not_checked, owner=self, topic="check"
        )

    def showEvent(self, event: object) -> None:
        super().showEvent(event)
        if self._checked is None:
            self._soon.start()

    def _not_checked(self, sentence: str, _detail: str) -> None:
        self._say_checks([Check(False, sentence, blocking=True)])

    def _say_checks(self, lines: Sequence[Check]) -> None:
        self._checked = list(lines)
        self._say(lines)
        self._enable_start()

    def _say(self, lines: Sequence[Check]) -> None:
        clear(self._lines)
        for index, one in enumerate(lines):
            role = "good" if one.ok else "danger" if one.blocking else "warning"
            mark = label("✓" if one.ok else "!", role)
            mark.setFixedWidth(16)
            mark.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
            text = label(one.text, "" if one.ok else role, wrap=True)
            text.setObjectName(f"adapt_check_{index}")
            line = row(mark, text)
            line.setStretch(1, 1)
            if one.mend:
                values = ", ".join(f"{messages.words(name)} to {value}" for name, value in one.mend.items())
                line.addWidget(button(words.MEND.format(values=values), "adapt_mend", lambda one=one: self._mend(one)))
            self._lines.addLayout(line)

    def _mend(self, one: Check) -> None:
        if self._form is not None:
            self._form.set_values({**self._form.differences(), **one.mend})

    def _enable_start(self) -> None:
        fine = bool(self._checked) and not any(one.blocking and not one.ok for one in self._checked or ())
        self.start.setEnabled(fine and not self._starting and not self.problem())


def _check(port: EnginePort, request: AdaptRequest) -> list[Check]:
    return port.check_adaptation(request)


def _choice(name: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setMinimumWidth(240)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box


def _offer(box: QComboBox, names: Mapping[str, str], first: str = "") -> None:
    """Fills a box with name → words; what was chosen stays where it still is there."""
    kept = box.currentData()
    box.blockSignals(True)
    box.clear()
    for name, text in names.items():
        box.addItem(text, name)
    box.setCurrentIndex(max(0, box.findData(kept if kept in names else first)) if names else -1)
    box.blockSignals(False)


def _tab_after(form: QWidget, *buttons: QWidget) -> None:
    """The Tab key reaches the buttons once it has been through the form, which was made after them."""
    inside = [part for part in form.findChildren(QWidget) if part.focusPolicy() & Qt.FocusPolicy.TabFocus]
    for one, other in pairwise((*inside[-1:], *buttons)):
        QWidget.setTabOrder(one, other)


def _domains(scans: Sequence[ScanFacts]) -> dict[str, str]:
    """Meta labels that may divide a stream, each with how many values it has."""
    names = sorted({name for scan in scans for name in scan.meta})
    values = {name: len({scan.meta.get(name, "") for scan in scans} - {""}) for name in names}
    return {name: words.DOMAIN_VALUE.format(name=messages.words(name), count=values[name]) for name in names}


def _said_under(control: QWidget, sentence: QWidget) -> QWidget:
    both = QWidget()
    both.setLayout(column(control, sentence, spacing=UNIT // 2))
    return both
