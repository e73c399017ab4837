"""Which control a parameter gets."""

from __future__ import annotations

from sagittal.params import META_LABELS, RUNS, VALUES_OF, FieldDescription
from sagittal_app.forms.controls import Choice, Control, NumberEdit, PathEdit, Switch, TextEdit
from sagittal_app.forms.study_choices import RunChoice, StudyChoice, StudyTicks, ValueChoice

KINDS: dict[str, type[Control]] = {
    "int": NumberEdit,
    "float": NumberEdit,
    "bool": Switch,
    "choice": Choice,
    "text": TextEdit,
    "path": PathEdit,
}
FROM_STUDY: dict[tuple[str, bool], type[Control]] = {
    (META_LABELS, False): StudyChoice,
    (META_LABELS, True): StudyTicks,
    (VALUES_OF, False): ValueChoice,
    (RUNS, False): RunChoice,
}
"""By what a parameter takes its values from, and whether it takes several."""


def control_for(field: FieldDescription) -> Control:
    """The control of a parameter's kind, at its default; of the study's names where it takes its values from there."""
    source = field.choices_from
    if source and source.startswith(VALUES_OF):
        source = VALUES_OF
    made = (FROM_STUDY[source, field.multiple] if source else KINDS[field.kind])(field)
    made.set_value(field.default)
    return made
