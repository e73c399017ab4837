"""Names and colours of a label set, edited for the whole study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QComboBox, QGridLayout, QLineEdit, QToolButton, QWidget

from sagittal.facts import Label, StudyFacts
from sagittal_app import export_words as words
from sagittal_app import messages, theme
from sagittal_app.widgets.basics import UNIT, button, clear, column, label, row, set_role


def label_sets(facts: StudyFacts | None) -> dict[str, tuple[Label, ...]]:
    """Each label set of the study with the labels any scan has of it, by number."""
    found: dict[str, dict[int, Label]] = {}
    for scan in facts.scans if facts else ():
        for one in scan.label_sets:
            found.setdefault(one.name, {}).update({each.number: each for each in one.labels})
    return {name: tuple(rows[number] for number in sorted(rows)) for name, rows in found.items()}


def swatch_style(colour: str) -> str:
    return f"background: {colour}; border: 1px solid {theme.colour('line')}; border-radius: 4px;"


class LabelTable(QWidget):
    """A chooser of the label set and one line per label: number, colour, name."""

    def __init__(
        self,
        write: Callable[[str, Sequence[Label]], object],
        from_file: Callable[[str], object],
        to_file: Callable[[str], object],
    ) -> None:
        """`write(label_set, labels)` is called with the whole table after each change.

        `from_file` and `to_file` ask for a file with names and colours for the label set.
        """
        super().__init__()
        self.setObjectName("label_table")
        self._write = write
        self._sets: dict[str, tuple[Label, ...]] = {}
        self._names: list[QLineEdit] = []
        self.choice = QComboBox()
        self.choice.setObjectName("label_set_choice")
        self.choice.currentTextChanged.connect(lambda _name: self._fill())
        self.choice.hide()
        self.about = label("", "quiet", wrap=True)
        self.problem = label("", "danger", wrap=True)
        self.problem.setObjectName("label_table_problem")
        self.problem.hide()
        self._rows = QGridLayout()
        self._rows.setColumnStretch(2, 1)
        self._rows.setVerticalSpacing(UNIT // 2)
        chosen = self.choice.currentText
        self._to_file = button(
            words.TABLE_EXPORT, "label_table_export", lambda: to_file(chosen()), help=words.TABLE_EXPORT_HELP
        )
        files = row(
            button(words.TABLE_IMPORT, "label_table_import", lambda: from_file(chosen()), help=words.TABLE_IMPORT_HELP),
            self._to_file,
            None,
        )
        self.setLayout(column(self.choice, self.about, files, self._rows, self.problem))
        self._fill()

    def show_study(self, facts: StudyFacts | None) -> None:
        """Shows the study's label sets; what is being typed stays."""
        sets = label_sets(facts)
        if sets == self._sets:
            return
        self._sets = sets
        kept = self.choice.currentText()
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems(list(sets))
        if kept in sets:
            self.choice.setCurrentText(kept)
        self.choice.blockSignals(False)
        self.choice.setVisible(len(sets) > 1)
        self._fill()

    def _fill(self) -> None:
        clear(self._rows)
        self._names = []
        name = self.choice.currentText()
        labels = self._sets.get(name, ())
        self.problem.hide()
        self._to_file.setEnabled(bool(labels))
        self.about.setText(messages.LABELS_ABOUT.format(label_set=name) if labels else messages.LABELS_NONE)
        for place, one in enumerate(labels):
            number = label(str(one.number), "soft")
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            swatch = QToolButton()
            swatch.setObjectName(f"label_colour_{one.number}")
            swatch.setToolTip(f"Colour of {one.name}")
            swatch.setFixedSize(24, 24)
            swatch.setStyleSheet(swatch_style(one.colour))
            swatch.clicked.connect(lambda _checked=False, one=one: self._ask_colour(one))
            field = QLineEdit(one.name)
            field.setObjectName(f"label_name_{one.number}")
            field.editingFinished.connect(lambda one=one, field=field: self._rename(one, field))
            self._names.append(field)
            self._rows.addWidget(number, place, 0)
            self._rows.addWidget(swatch, place, 1)
            self._rows.addWidget(field, place, 2)

    def _rename(self, one: Label, field: QLineEdit) -> None:
        name = field.text().strip()
        others = [other.name for other in self._sets.get(self.choice.currentText(), ()) if other.number != one.number]
        wrong = messages.LABEL_NAME_EMPTY if not name else ""
        if name in others:
            wrong = messages.LABEL_NAME_TAKEN.format(name=name)
        set_role(field, "true" if wrong else "false", "wrong")
        self.problem.setText(wrong)
        self.problem.setVisible(bool(wrong))
        if not wrong and name != one.name:
            self._change(replace(one, name=name))

    def _ask_colour(self, one: Label) -> None:
        dialog = QColorDialog(QColor(one.colour), self)
        dialog.setObjectName("label_colour_dialog")
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._change(replace(one, colour=colour.name().upper())))
        dialog.open()

    def _change(self, new: Label) -> None:
        name = self.choice.currentText()
        table = tuple(new if one.number == new.number else one for one in self._sets[name])
        self._write(name, table)
