"""Everything of a run request beside the method's parameters: scans, label set, seed, device, where to stop."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sagittal.facts import StudyFacts
from sagittal.params import FieldDescription
from sagittal.run_request import RunRequest
from sagittal_app import messages
from sagittal_app.forms.controls import Choice, NumberEdit
from sagittal_app.forms.rows import labelled_rows
from sagittal_app.widgets.label_table import label_sets
from sagittal_app.widgets.scan_chooser import ScanChooser

DEVICES = {
    "auto": "A CUDA card if there is one, else the CPU.",
    "cpu": "The processor; slower, and the same everywhere.",
    "cuda": "The first CUDA card.",
}
LARGEST_SEED = 2**31 - 1


class RunForm(QWidget):
    """`values()` are the fields of a `RunRequest`."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("run_form")
        self.scans = ScanChooser()
        self.seed = NumberEdit(FieldDescription("seed", "int", 0, messages.SEED_HELP, minimum=0, maximum=LARGEST_SEED))
        self.device = Choice(FieldDescription("device", "choice", "auto", messages.DEVICE_HELP, choices=DEVICES))
        self.stop_at = NumberEdit(
            FieldDescription("stop_at", "int", None, messages.STOP_AT_HELP, minimum=0, unit="steps")
        )
        self.label_set = LabelSets()
        self.seed.set_value(0)
        truth = "The label set that counts as truth, for methods that look at any."
        rows: tuple[tuple[str, QWidget, str], ...] = (
            ("Scans", self.scans, messages.SCANS_TITLE),
            ("Truth", self.label_set, truth),
            ("Seed", self.seed, messages.SEED_HELP),
            ("Device", self.device, messages.DEVICE_HELP),
            ("Stop at step", self.stop_at, messages.STOP_AT_HELP),
        )
        self.setLayout(labelled_rows(*rows))
        for control in (self.scans, self.label_set, self.seed, self.device, self.stop_at):
            control.changed.connect(self.changed)

    def show_study(self, facts: StudyFacts | None) -> None:
        self.scans.show_scans(facts.scans if facts else ())
        self.label_set.show_sets(list(label_sets(facts)))

    def problem(self) -> str:
        for control in (self.seed, self.stop_at):
            if wrong := control.problem():
                return f"{control.field.name.replace('_', ' ').capitalize()}: {wrong}"
        return ""

    def values(self) -> dict[str, Any]:
        return {
            "scans": self.scans.value(),
            "label_set": self.label_set.value(),
            "seed": self.seed.value(),
            "device": self.device.value(),
            "stop_at": self.stop_at.value(),
        }

    def set_values(self, request: RunRequest) -> None:
        self.scans.set_value(request.scans)
        self.label_set.set_value(request.label_set)
        self.seed.set_value(request.seed)
        self.device.set_value(request.device)
        self.stop_at.set_value(request.stop_at)


class LabelSets(Choice):
    """The study's label sets."""

    def __init__(self) -> None:
        field = FieldDescription("label_set", "choice", "truth", "", choices={"truth": ""})
        super().__init__(field)
        self._sentence.hide()

    def show_sets(self, names: list[str]) -> None:
        kept = self.value()
        self.box.blockSignals(True)
        self.box.clear()
        for name in dict.fromkeys(["truth", *names]):
            self.box.addItem(name, name)
        self.set_value(kept)
        self.box.blockSignals(False)
