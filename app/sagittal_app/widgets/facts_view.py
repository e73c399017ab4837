"""A title and lines of name and value: what the inspector says of a method or a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QFormLayout, QWidget

from sagittal.method import MethodCard
from sagittal.run_record import Adapted, RunRecord
from sagittal_app import messages
from sagittal_app.widgets.basics import UNIT, column, label, scrolled
from sagittal_app.widgets.breaking import Breaking, breakable
from sagittal_app.widgets.method_gallery import learns_from_labels, needs_in_words

NAME_WIDTH = 120
"""Pixels of the names' column."""
CAN = {
    "pretext": "learns from scans without labels",
    "labels": "learns from labelled scans",
    "segmenter": "segments scans from a few painted slices",
    "predictor": "its networks segment scans by themselves",
    "classifier": "tells which labels an exam has",
    "adapter": "adapts a trained model to other scans",
    "representation": "gives each scan a representation to compare",
}
"""A method's capabilities in words."""


class FactsView(QWidget):
    """See the module's docstring."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._title = label("", "heading", wrap=True)
        self._note = label("", "warning", wrap=True)
        self._lines = QFormLayout()
        self._lines.setHorizontalSpacing(2 * UNIT)
        self._lines.setVerticalSpacing(UNIT // 2)
        content = QWidget()
        body = column(self._title, self._note, self._lines, None, spacing=2 * UNIT)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        content.setLayout(body)
        self.setLayout(column(scrolled(content)))

    def show_facts(self, title: str, lines: Mapping[str, str], note: str = "", *, prose: bool = False) -> None:
        """With `prose` names stand above their values, which may be whole sentences."""
        policy = QFormLayout.RowWrapPolicy
        self._lines.setRowWrapPolicy(policy.WrapAllRows if prose else policy.DontWrapRows)
        self._title.setText(title)
        self._note.setText(note)
        self._note.setVisible(bool(note))
        fill_form(self._lines, lines, name_width=0 if prose else NAME_WIDTH)


def fill_form(form: QFormLayout, lines: Mapping[str, str], name_width: int = NAME_WIDTH) -> None:
    """Replaces what a form layout says by `lines`; long names and paths break over lines.

    Names are `name_width` pixels wide, so that a long one never takes the room of the values; with 0 they are free.
    """
    while form.rowCount():
        form.removeRow(0)
    for name, value in lines.items():
        named = label(breakable(name), "soft", wrap=True)
        if name_width:
            # A form gives a row the height of its value; a name over more lines asks for its own.
            named.setFixedWidth(name_width)
            named.setMinimumHeight(named.heightForWidth(name_width))
        said = Breaking(value)
        if name_width:
            form.addRow(named, said)
        else:
            # Rows of their own: beside a value a form gives a name no more width than its shape asks for.
            form.addRow(named)
            form.addRow(said)


def shown(value: Any) -> str:
    """A parameter's value as one reads it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None or value == "" else str(value)


def method_lines(card: MethodCard) -> dict[str, str]:
    return {
        "What it does": card.summary,
        "Paper": card.paper,
        "Needs": needs_in_words(card),
        "Reads": card.reads,
        "What it can do": "; ".join(CAN.get(one, one) for one in _abilities(card)),
        **({"Recipes": "\n".join(recipe.title for recipe in card.recipes)} if card.recipes else {}),
    }


def _abilities(card: MethodCard) -> list[str]:
    learns = "labels" if learns_from_labels(card) else "pretext"
    return [learns if one == "pretext" else one for one in card.capabilities]


def _adapted_lines(adapted: Adapted, done: int) -> dict[str, str]:
    """Of which run an adapted one came, how, and how far; the lines after these are those of that run."""
    domain = {"Domain": f"{adapted.domain} ({adapted.column})"} if adapted.domain else {}
    return {
        "Adapted from": adapted.run,
        "Adapted by": adapted.method + (f" ({adapted.recipe})" if adapted.recipe else ""),
        "Adapted to": f"{done} of {messages.count(len(adapted.scans), 'scan')}",
        **domain,
        "Masks after": adapted.label_set,
        "Masks before": adapted.before_set,
        "Seed of adapting": str(adapted.seed),
        **{f"Adapting: {messages.words(name)}": shown(value) for name, value in adapted.parameters.items()},
    }


def request_lines(record: RunRecord) -> dict[str, str]:
    """What was asked of a run, and on what."""
    facts = record.facts
    return {
        "Run": facts.run,
        **(_adapted_lines(facts.adapted, record.state.step) if facts.adapted is not None else {}),
        "Method": facts.request.method,
        "Recipe": facts.request.recipe or messages.RECIPE_OWN,
        "Scans": str(len(facts.scans)),
        "Seed": str(facts.request.seed),
        "Device": facts.device,
        "Created": messages.local_time(facts.created),
        **{messages.heading(name): shown(value) for name, value in facts.parameters.items()},
        **{f"Version of {name}": value for name, value in facts.versions.items()},
    }
