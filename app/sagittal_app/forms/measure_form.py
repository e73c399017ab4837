"""Asking for a measurement of a finished run: which checkpoint, how, on which scans; and what it may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QWidget

from sagittal.engine_port import EnginePort
from sagittal.facts import EvaluateRequest, SpectrumRequest, StudyFacts
from sagittal.measure import MeasureCard
from sagittal.params import FieldDescription
from sagittal.run_record import RunRecord
from sagittal_app import messages
from sagittal_app.forms.controls import Choice
from sagittal_app.forms.form import ParameterForm
from sagittal_app.forms.rows import labelled_rows
from sagittal_app.forms.run_form import LabelSets
from sagittal_app.widgets.basics import UNIT, button, column, label, row, scrolled
from sagittal_app.widgets.label_table import label_sets
from sagittal_app.widgets.scan_chooser import ScanChooser

SIZE = (560, 600)


@dataclass(frozen=True)
class Measurement:
    """A measurement as asked for."""

    name: str
    run: str
    checkpoint: str
    """Empty for what starts from the encoder that the run left."""
    values: Mapping[str, Any] = field(default_factory=dict)
    scans: tuple[str, ...] = ()
    label_set: str = "truth"

    def start(self, port: EnginePort) -> str:
        """Starts the port's task for it and returns the task's id."""
        if self.name == "spectrum":
            return port.start_spectrum(SpectrumRequest(self.run, self.checkpoint, **self.values))
        if self.name == "embedding":
            return port.start_embedding(self.run, checkpoint=self.checkpoint, parameters=self.values)
        parameters = {**self.values, **({"checkpoint": self.checkpoint} if self.checkpoint else {})}
        request = EvaluateRequest(self.run, self.name, self.scans, label_set=self.label_set, parameters=parameters)
        return port.start_evaluation(request)


def fitting(cards: Sequence[MeasureCard], capabilities: Sequence[str]) -> list[MeasureCard]:
    """The measurements that a method of these capabilities allows."""
    return [card for card in cards if set(card.needs) <= set(capabilities)]


def of_checkpoint(card: MeasureCard) -> bool:
    """Whether one of the run's checkpoints is measured."""
    return card.name in ("spectrum", "embedding") or "checkpoint" in card.params.model_fields


def checkpoints_of(record: RunRecord) -> dict[str, str]:
    """The run's checkpoints, each with a sentence."""
    words = {name: text.format(step=record.state.step) for name, text in messages.CHECKPOINT_WORDS.items()}
    return {name: words.get(name, messages.CHECKPOINT_STEP.format(step=name)) for name in record.checkpoints}


def targets_of(card: MeasureCard, record: RunRecord, facts: StudyFacts | None) -> dict[str, str]:
    """What may be told of an image, the run's own target first: name → sentence."""
    own = str(record.facts.parameters.get("label_target", "labels"))
    metas = sorted({name for scan in (facts.scans if facts else ()) for name in scan.meta})
    names = dict.fromkeys([own, *card.targets, *metas])
    return {name: messages.TARGETS.get(name, messages.TARGET_META.format(name=name)) for name in names}


def cost_of(values: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> str:
    """What a spectrum may take, in words; `earlier` are documents of the run's spectra, the newest last.

    Each vector takes one product per Lanczos step and batch; a second spectrum without trivial directions takes as
    many again.
    """
    twice = values["project_scale_directions"] and values["matrix"] == "hessian"
    products = values["steps"] * values["probes"] * (2 if twice else 1)
    said = messages.COST_PRODUCTS.format(products=f"{products:,}", twice=messages.COST_TWICE if twice else "")
    timed = [one for one in earlier if one.get("seconds") and one.get("products")]
    if not timed:
        return f"{said} {messages.COST_UNKNOWN}"
    each = timed[-1]["seconds"] / timed[-1]["products"]
    time = messages.duration(each * products * values["batches"])
    return f"{said} {messages.COST_SECONDS.format(time=time, each=f'{each:.2g}')}"


class MeasureDialog(QDialog):
    """One measurement's form; `asked` carries a `Measurement`."""

    asked = Signal(object)

    def __init__(
        self,
        card: MeasureCard,
        record: RunRecord,
        facts: StudyFacts | None,
        parent: QWidget,
        *,
        earlier: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(parent)
        self.setObjectName("measure_dialog")
        self.setWindowTitle(card.title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*SIZE)
        self._card, self._record, self._earlier = card, record, list(earlier)
        targets = targets_of(card, record, facts) if card.targets else {}
        offers = {"target": targets} if targets else {}
        self.form = ParameterForm(card.params, asked=card.asked, offers=offers)
        self.form.show_study(facts)
        self.form.set_base({"target": next(iter(targets))} if targets else {})
        self.checkpoint = Choice(
            FieldDescription("checkpoint", "choice", "last", messages.CHECKPOINT_HELP, choices=checkpoints_of(record))
        )
        self.scans = ScanChooser(messages.TESTED_ALL)
        self.truth = LabelSets()
        self.scans.show_scans(facts.scans if facts else ())
        self.truth.show_sets(list(label_sets(facts)))
        self.cost = label("", "soft", wrap=True)
        self.cost.setObjectName("measure_cost")
        self.problem = label("", "danger", wrap=True)
        self.problem.setObjectName("measure_problem")
        self.go = button(messages.MEASURE_START, "measure_start", self._accept, role="primary", icon="mdi6.play")
        end = row(self.problem, button(messages.CANCEL, "measure_cancel", self.reject), self.go)
        end.setStretch(0, 1)
        content = QWidget()
        content.setLayout(
            column(label(card.summary, "soft", wrap=True), self._places(card), self.form, None, spacing=2 * UNIT)
        )
        area = scrolled(content, "measure_scroll")
        body = column(area, self.cost, end, spacing=2 * UNIT)
        body.setStretch(0, 1)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self.form.changed.connect(self._say)
        self._say()

    def measurement(self) -> Measurement:
        """What is asked for as the form stands; meaningless while it has a problem."""
        tests = self._card.tests
        return Measurement(
            self._card.name,
            self._record.facts.run,
            self.checkpoint.value() if of_checkpoint(self._card) else "",
            self.form.values(),
            self.scans.value() if tests else (),
            self.truth.value() if tests else "truth",
        )

    def _places(self, card: MeasureCard) -> QGridLayout:
        """The rows that are no parameters: checkpoint, tested scans, truth."""
        rows: list[tuple[str, QWidget, str]] = [
            (messages.CHECKPOINT, self.checkpoint, messages.CHECKPOINT_HELP),
            (messages.TESTED_SCANS, self.scans, messages.TESTED_HELP),
            (messages.TRUTH_SET, self.truth, ""),
        ]
        return labelled_rows(*rows[0 if of_checkpoint(card) else 1 : 3 if card.tests else 1])

    def _say(self) -> None:
        problem = self.form.problem()
        self.problem.setText(problem)
        self.go.setEnabled(not problem)
        spectrum = self._card.name == "spectrum" and not problem
        self.cost.setText(cost_of(self.form.values(), self._earlier) if spectrum else "")
        self.cost.setVisible(spectrum)

    def _accept(self) -> None:
        self.asked.emit(self.measurement())
        self.accept()
