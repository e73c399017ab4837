"""Choosing what the active label is combined with, and how."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QComboBox, QDialog, QRadioButton, QWidget

from sagittal.facts import Label, LabelSetFacts
from sagittal_app.canvas import tool_words
from sagittal_app.canvas.operations import INTERSECT, SUBTRACT, UNION
from sagittal_app.widgets.basics import UNIT, button, column, label, row

HERE = ""
"""Stands for the set that is open."""


class CombineDialog(QDialog):
    """Offers the other labels of the open set, and every label of the scan's other sets.

    Labels of one set never overlap, so within it only the union has a meaning.
    """

    chosen = Signal(str, str, int)
    """Operation, label set ("" for the open one), label."""

    def __init__(
        self, parent: QWidget, active: Label, where: str, own: Sequence[Label], others: Sequence[LabelSetFacts]
    ) -> None:
        super().__init__(parent)
        self.setObjectName("combine_dialog")
        self.setWindowTitle(tool_words.COMBINE_TITLE)
        self._labels = {HERE: [one for one in own if one.number != active.number]}
        self._labels |= {one.name: list(one.labels) for one in others if one.labels}
        self._set = QComboBox()
        self._set.setObjectName("combine_set")
        for name, labels in self._labels.items():
            if labels:
                self._set.addItem(name or tool_words.THIS_SET, name)
        self._label = QComboBox()
        self._label.setObjectName("combine_label")
        self._how = QButtonGroup(self)
        choices = []
        for how, text in (
            (UNION, tool_words.UNION_OF), (SUBTRACT, tool_words.SUBTRACT_OF), (INTERSECT, tool_words.INTERSECT_OF),
        ):  # fmt: skip
            choice = QRadioButton(text.format(label=active.name))
            choice.setObjectName(f"combine_{how}")
            self._how.addButton(choice)
            choices.append(choice)
        choices[0].setChecked(True)
        self._note = label("", "quiet", wrap=True)
        self._go = button(tool_words.COMBINE_GO, "combine_go", self._choose, role="primary")
        end = row(None, button("Cancel", "combine_cancel", self.reject), self._go)
        body = column(
            label(tool_words.COMBINE_ABOUT.format(label=active.name, where=where), "soft", wrap=True),
            *choices,
            row(label(tool_words.OTHER, "quiet"), self._label, label(tool_words.OF_SET, "quiet"), self._set, None),
            self._note,
            end,
            spacing=UNIT,
        )
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self.resize(440, 240)
        self._set.currentIndexChanged.connect(lambda _index: self._follow())
        self._follow()

    def _follow(self) -> None:
        name = self._set.currentData()
        self._label.clear()
        for one in self._labels.get(name, []):
            self._label.addItem(one.name, one.number)
        within = name == HERE
        for choice in self._how.buttons()[1:]:
            choice.setEnabled(not within)
        if within:
            self._how.buttons()[0].setChecked(True)
        self._note.setText(tool_words.NO_OTHER if name is None else tool_words.NO_OVERLAP if within else "")
        self._go.setEnabled(self._label.count() > 0)

    def _choose(self) -> None:
        how = self._how.checkedButton().objectName().removeprefix("combine_")
        self.accept()
        self.chosen.emit(how, self._set.currentData(), self._label.currentData())
