"""Which control a parameter gets."""

from __future__ import annotations

from sagittal.params import FieldDescription
from sagittal_app.forms.controls import Choice, Control, NumberEdit, PathEdit, Switch, TextEdit
from sagittal_app.forms.study_choices import StudyChoice, StudyTicks

KINDS: dict[str, type[Control]] = {
    "int": NumberEdit,
    "float": NumberEdit,
    "bool": Switch,
    "choice": Choice,
    "text": TextEdit,
    "path": PathEdit,
}


def control_for(field: FieldDescription) -> Control:
    """The control of a parameter's kind, at its default; of the study's names where it takes its values from there."""
    from_study = StudyTicks if field.multiple else StudyChoice
    made = (from_study if field.choices_from else KINDS[field.kind])(field)
    made.set_value(field.default)
    return made
