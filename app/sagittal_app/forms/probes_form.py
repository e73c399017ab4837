"""What is measured while a run trains: each probe a tick, and its parameters folded under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from sagittal.method import MethodCard
from sagittal.probe import ProbeCard, read_probe, write_probe
from sagittal_app.forms.form import ParameterForm
from sagittal_app.widgets.basics import UNIT, Fold, label


class _Choice(QWidget):
    """One probe. Its parameters' form is made when it is first asked for: five of them take as long as a method's."""

    def __init__(self, card: ProbeCard, probes: ProbesForm) -> None:
        super().__init__()
        self.card = card
        self._probes = probes
        self._form: ParameterForm | None = None
        self.tick = QCheckBox(card.title)
        self.tick.setObjectName(f"probe_{card.name}")
        self.fold = Fold("Settings", f"probe_{card.name}_settings")
        self.fold.setVisible(False)
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, UNIT)
        body.setSpacing(UNIT // 2)
        body.addWidget(self.tick)
        body.addWidget(label(card.summary, "quiet", wrap=True))
        body.addWidget(self.fold)
        self.tick.toggled.connect(self._ticked)

    @property
    def form(self) -> ParameterForm:
        if self._form is None:
            self._form = ParameterForm(self.card.params)
            self._form.set_base({})
            self._form.changed.connect(self._probes.changed)
            self.fold.body.addWidget(self._form)
        return self._form

    def set_values(self, values: Mapping[str, str] | None) -> None:
        """Texts of a request's parameters; None where it does not ask for the probe."""
        self.tick.setChecked(values is not None)
        if values is not None or self._form is not None:
            made = self.card.params.model_validate(dict(values or {}))
            self.form.set_values({name: getattr(made, name) for name in values or {}})

    def _ticked(self, on: bool) -> None:
        if on:
            _ = self.form
        self.fold.setVisible(on)
        self._probes.changed.emit()

    def asked(self) -> bool:
        return self.isVisibleTo(self.parentWidget()) and self.tick.isChecked()


class ProbesForm(QWidget):
    """`values()` is what a `RunRequest` carries as `probes`."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("probes_form")
        self._choices: dict[str, _Choice] = {}
        self._body = QVBoxLayout(self)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.setSpacing(0)

    def show_probes(self, cards: Sequence[ProbeCard]) -> None:
        for card in cards:
            if card.name not in self._choices:
                self._choices[card.name] = choice = _Choice(card, self)
                self._body.addWidget(choice)

    def show_method(self, card: MethodCard) -> bool:
        """Offers the probes that fit `card`, and says whether any does."""
        for choice in self._choices.values():
            choice.setVisible(set(choice.card.needs) <= set(card.capabilities))
        return any(not choice.isHidden() for choice in self._choices.values())

    def values(self) -> tuple[str, ...]:
        asked = [choice for choice in self._choices.values() if choice.asked()]
        return tuple(write_probe(choice.card.name, choice.form.differences()) for choice in asked)

    def set_values(self, probes: Sequence[str]) -> None:
        """Ticks and fills in what a past request asked for; what is not installed any more is passed over."""
        wanted: Mapping[str, Mapping[str, str]] = dict(map(read_probe, probes))
        for name, choice in self._choices.items():
            choice.set_values(wanted.get(name))

    def problem(self) -> str:
        """The first thing wrong with a probe that is asked for, in words."""
        for choice in self._choices.values():
            if choice.asked() and (wrong := choice.form.problem()):
                return f"{choice.card.title}: {wrong}"
        return ""
