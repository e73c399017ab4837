"""A method's parameters as a form: groups, units, ranges, what the paper used, what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from sagittal.facts import StudyFacts
from sagittal.params import META_LABELS, RUNS, VALUES_OF, FieldDescription, ParameterError, Params, describe, make
from sagittal_app import messages
from sagittal_app.forms.controls import Control, show_number
from sagittal_app.forms.kinds import control_for
from sagittal_app.models.meta_labels import meta_labels, values_of
from sagittal_app.widgets.basics import UNIT, Fold, label, set_role, tool

LABEL_WIDTH = 176


def words(name: str) -> str:
    """ "learning_rate" → "Learning rate"."""
    return name.replace("_", " ").capitalize()


def help_of(field: FieldDescription) -> str:
    """The tooltip: what it is, its range, its default and the paper's value."""
    parts = [field.help]
    low, high = field.minimum, field.maximum
    if low is not None and high is not None:
        parts.append(f"From {show_number(low)} to {show_number(high)}.")
    elif low is not None:
        parts.append(messages.WRONG_LOW.format(minimum=show_number(low)))
    parts.append(f"Default: {_shown(field.default)}.")
    if field.paper is not None:
        parts.append(messages.PAPER_DEFAULT.format(value=_shown(field.paper)))
    return "\n".join(parts)


class _Row:
    """Label, control, way back, and the line under them."""

    def __init__(self, field: FieldDescription, form: ParameterForm) -> None:
        self.field = field
        self.name = label(words(field.name))
        self.name.setToolTip(help_of(field))
        self.name.setFixedWidth(LABEL_WIDTH)
        self.name.setWordWrap(True)
        self.control: Control = control_for(field)
        self.control.setToolTip(help_of(field))
        self.back: QToolButton = tool("mdi6.undo-variant", messages.FORM_RESET, f"reset_{field.name}", self.reset)
        self.back.setFixedSize(24, 24)
        self.note: QLabel = label("", "quiet", wrap=True)
        self.note.setObjectName(f"note_{field.name}")
        self._form = form
        self.control.changed.connect(form.row_changed)

    def reset(self) -> None:
        self.control.set_value(self._form.base(self.field.name))

    def changed(self) -> bool:
        return bool(self.control.problem()) or not self.control.same(self._form.base(self.field.name))

    def refresh(self) -> None:
        problem = self.control.problem()
        changed = self.changed()
        self.back.setVisible(changed)
        font = self.name.font()
        font.setBold(changed)
        self.name.setFont(font)
        paper = self.field.paper
        other = not problem and paper is not None and not self.control.same(paper)
        self.note.setText(problem or (messages.PAPER_DEFAULT.format(value=_shown(paper)) if other else ""))
        set_role(self.note, "danger" if problem else "quiet")
        self.note.setVisible(bool(self.note.text()))


class ParameterForm(QWidget):
    """All parameters of a method. `changed` is emitted after any edit."""

    changed = Signal()

    def __init__(
        self,
        params: type[Params],
        *,
        asked: Sequence[str] = (),
        offers: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Of the parameters only those `asked` for, where any are named; `offers` (name → value → sentence) makes a
        choice of a text whose sensible values are known.
        """
        super().__init__()
        self.setObjectName("parameter_form")
        self._params = params
        self._base: dict[str, Any] = {}
        self._quiet = False
        self._facts: StudyFacts | None = None
        fields = [field for field in describe(params) if not asked or field.name in asked]
        offers = offers or {}
        fields = [replace(f, kind="choice", choices=offers[f.name]) if f.name in offers else f for f in fields]
        self._base = {field.name: field.default for field in fields}
        self.rows = {field.name: _Row(field, self) for field in fields}
        self.problem_line = label("", "danger", wrap=True)
        self.problem_line.setObjectName("form_problem")
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(UNIT)
        groups = list(dict.fromkeys(field.group for field in fields))
        groups.sort(key=lambda group: group != "Essentials")
        self.folds: dict[str, Fold] = {}
        for group in groups:
            fold = Fold(group, f"group_{group.lower().replace(' ', '_')}", open=group == "Essentials")
            fold.body.addLayout(self._grid([row for row in self.rows.values() if row.field.group == group]))
            self.folds[group] = fold
            body.addWidget(fold)
        body.addWidget(self.problem_line)
        self._refresh()

    def base(self, name: str) -> Any:
        """What the recipe (or else the method) gives the parameter."""
        return self._base[name]

    def set_base(self, values: Mapping[str, Any]) -> None:
        """Starts from a recipe: every parameter takes its value, or the method's default."""
        self._base = {name: values.get(name, row.field.default) for name, row in self.rows.items()}
        self.set_values({})

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Puts every parameter at `values`, or at the recipe's where it has none."""
        self._quiet = True
        for name, row in self.rows.items():
            row.control.set_value(values.get(name, self._base[name]))
        self._quiet = False
        self.row_changed()

    def show_study(self, facts: StudyFacts | None) -> None:
        """Offers the study's meta labels and their values, for parameters that name one of them."""
        self._facts = facts
        self._offer(META_LABELS, meta_labels(facts))
        self._offer_values()

    def show_runs(self, runs: Mapping[str, str]) -> None:
        """Offers runs (id → what is said of each), for parameters that start from one."""
        self._offer(RUNS, runs)

    def _offer(self, source: str, names: Mapping[str, str]) -> None:
        for row in self.rows.values():
            if row.field.choices_from == source:
                row.control.offer(names)
        self._refresh()

    def _offer_values(self) -> None:
        """Where a parameter names an attribute, another may name a value of it."""
        for row in self.rows.values():
            source = row.field.choices_from or ""
            naming = self.rows.get(source.removeprefix(VALUES_OF))
            if source.startswith(VALUES_OF) and naming is not None:
                row.control.offer(values_of(self._facts, naming.control.value()))

    def differences(self) -> dict[str, Any]:
        """Parameters that differ from the recipe: what a request carries."""
        return {name: row.control.value() for name, row in self.rows.items() if row.changed()}

    def values(self) -> dict[str, Any]:
        """Every parameter that is shown; meaningless while there is a `problem`."""
        return {name: row.control.value() for name, row in self.rows.items()}

    def problem(self) -> str:
        """The first thing wrong with the form, in words; empty where all is well."""
        for name, row in self.rows.items():
            if wrong := row.control.problem():
                return f"{words(name)}: {wrong}"
        try:
            make(self._params, {**self._base, **self.differences()})
        except ParameterError as error:
            return str(error)
        return ""

    def row_changed(self) -> None:
        """A control was edited."""
        if not self._quiet:
            self._offer_values()
            self._refresh()
            self.changed.emit()

    def _refresh(self) -> None:
        for row in self.rows.values():
            row.refresh()
        shown_beside = any(row.control.problem() for row in self.rows.values())
        problem = "" if shown_beside else self.problem()
        self.problem_line.setText(problem)
        self.problem_line.setVisible(bool(problem))
        for group, fold in self.folds.items():
            changed = sum(row.changed() for row in self.rows.values() if row.field.group == group)
            fold.set_title(f"{group}  ·  {changed} {messages.DIFFERS}" if changed else group)

    def _grid(self, rows: list[_Row]) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * UNIT)
        grid.setVerticalSpacing(UNIT // 2)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(2, 24)
        for index, row in enumerate(rows):
            top = Qt.AlignmentFlag.AlignTop
            row.name.setContentsMargins(0, 6, 0, 0)
            grid.addWidget(row.name, 2 * index, 0, top)
            grid.addWidget(row.control, 2 * index, 1)
            grid.addWidget(row.back, 2 * index, 2, top)
            grid.addWidget(row.note, 2 * index + 1, 1)
        return grid


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return show_number(value) if isinstance(value, int | float) else str(value)
