"""A diagnosis in figures: each label's with intervals and n, the planes' weights, and what to keep in mind."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QFileDialog, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from sagittal.diagnosis import DiagnosisFacts, Weights
from sagittal_app import diagnosis_words as words
from sagittal_app import theme
from sagittal_app.forms.controls import QuietCombo
from sagittal_app.models.diagnoses import PLANES, difference_words, figure_words
from sagittal_app.widgets.basics import Panel, button, column, label, row, scrolled

ROW, LOW_ROW = 44, 28
KINDS = {"table": (".md", words.TABLE_FILTER), "csv": (".csv", words.EXAMS_FILTER)}
"""A file of a diagnosis → its ending, and what the dialog calls it."""


def make_table(name: str, row_height: int = LOW_ROW) -> QTableWidget:
    """A table that is read and not edited, as high as its rows."""
    made = QTableWidget()
    made.setObjectName(name)
    made.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    made.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setFont(theme.tabular(made.font()))
    made.setShowGrid(False)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
    made.verticalHeader().hide()
    made.verticalHeader().setDefaultSectionSize(row_height)
    made.horizontalHeader().setHighlightSections(False)
    made.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return made


def fill_table(table: QTableWidget, heads: list[str], rows: list[list[str]], helps: dict[tuple[int, int], str]) -> None:
    """Replaces what a table says; `helps` are tooltips by row and column."""
    table.setColumnCount(len(heads))
    table.setHorizontalHeaderLabels(heads)
    table.setRowCount(len(rows))
    for i, parts in enumerate(rows):
        for j, text in enumerate(parts):
            item = QTableWidgetItem(text)
            item.setToolTip(helps.get((i, j), ""))
            if text == "–":
                item.setForeground(QColor(theme.colour("quiet")))
            table.setItem(i, j, item)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    height = table.verticalHeader().defaultSectionSize() * len(rows)
    table.setFixedHeight(height + table.horizontalHeader().sizeHint().height() + 4)


class FiguresPanel(QWidget):
    """See the module's docstring."""

    against_chosen = Signal(str)
    """Another diagnosis to compare with; empty for none."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("diagnosis_figures")
        self.facts: DiagnosisFacts | None = None
        self.figures = make_table("diagnosis_figures_table", ROW)
        self.weights = make_table("diagnosis_weights_table")
        self.leak = label(words.LEAK, "warning", wrap=True)
        self.leak.setObjectName("diagnosis_leak")
        self.says = label(words.NO_TRUTH, "soft", wrap=True)
        self.notes = label("", wrap=True, selectable=True)
        self.notes.setObjectName("diagnosis_notes")
        self.saved = label("", "soft", wrap=True, selectable=True)
        self.saved.setObjectName("diagnosis_saved")
        self.save_table = button(
            words.SAVE_TABLE, "diagnosis_save_table", lambda: self.ask_save("table"), icon="mdi6.table-arrow-down",
            help=words.SAVE_TABLE_HELP,
        )  # fmt: skip
        self.save_exams = button(
            words.SAVE_EXAMS, "diagnosis_save_exams", lambda: self.ask_save("csv"), icon="mdi6.table-arrow-down",
            help=words.SAVE_EXAMS_HELP,
        )  # fmt: skip
        figures = Panel(words.FIGURES_HEADING, margin=12)
        figures.heading.setToolTip(words.FIGURES_ABOUT)
        for part in (self.leak, self.says, self.figures):
            figures.body.addWidget(part)
        self._weights = Panel(words.WEIGHTS_HEADING, margin=12)
        self._about = label("", "quiet", wrap=True)
        self._weights.body.addWidget(self._about)
        self._weights.body.addWidget(self.weights)
        self._notes = Panel(words.NOTES_HEADING, margin=12)
        self._notes.body.addWidget(self.notes)
        self.against = QuietCombo()
        self.against.setObjectName("diagnosis_against")
        self.against.setToolTip(words.AGAINST_HELP)
        self.against.setMinimumContentsLength(32)
        self.against.currentIndexChanged.connect(self._against_changed)
        self.differences = make_table("diagnosis_differences")
        self._against = Panel(words.AGAINST_HEADING, margin=12)
        self._against.top.addWidget(self.against)
        self._against.body.addWidget(label(words.AGAINST_ABOUT, "quiet", wrap=True))
        self._against.body.addWidget(self.differences)
        self.differences.hide()
        content = QWidget()
        content.setLayout(column(figures, self._weights, self._against, self._notes, None))
        end = row(self.saved, self.save_table, self.save_exams)
        end.setStretch(0, 1)
        body = column(scrolled(content), end)
        body.setStretch(0, 1)
        self.setLayout(body)

    def show_facts(self, facts: DiagnosisFacts) -> None:
        if self.facts is None or self.facts.id != facts.id:
            self.saved.setText("")
        self.facts = facts
        self.leak.setVisible(facts.request.weights is Weights.PUBLISHED)
        self.notes.setText("\n".join(facts.notes))
        self._notes.setVisible(bool(facts.notes))
        self.save_table.setEnabled("table" in facts.files)
        self.save_exams.setEnabled("csv" in facts.files)
        self._show_figures(facts)
        self._show_weights(facts)

    def show_others(self, others: Mapping[str, str]) -> None:
        """Diagnoses that this one can be compared with: id → title; the one chosen stays where it is still there."""
        kept = self.against.currentData()
        self.against.blockSignals(True)
        self.against.clear()
        self.against.addItem(words.AGAINST_NONE, "")
        for id, title in others.items():
            self.against.addItem(title, id)
        self.against.setCurrentIndex(max(0, self.against.findData(kept)))
        self.against.blockSignals(False)
        self._against.setVisible(bool(others))
        if not self.against.currentData():
            self.differences.hide()

    def show_differences(self, found: Mapping[str, Any]) -> None:
        """The document of `EnginePort.compare_diagnoses`."""
        rows = [
            [name, title, *difference_words(one)]
            for name, own in found["labels"].items()
            for title, one in ((words.BY_DELONG, own["delong"]), (words.BY_BOOTSTRAP, own["bootstrap"]["accuracy"]))
        ]
        fill_table(self.differences, list(words.DIFFERENCE_COLUMNS), rows, {})
        self.differences.show()

    def _against_changed(self) -> None:
        self.differences.hide()
        self.against_chosen.emit(str(self.against.currentData() or ""))

    def _show_figures(self, facts: DiagnosisFacts) -> None:
        known = [name for name in facts.labels if facts.figures.get(name)]
        self.says.setVisible(not known)
        self.figures.setVisible(bool(known))
        rows = [[name, *(figure_words(facts.figures[name].get(figure)) for figure in words.FIGURES)] for name in known]
        helps = {
            (i, j): words.ONE_CLASS if text == "–" else about
            for i, parts in enumerate(rows)
            for j, (text, (_, about)) in enumerate(zip(parts[1:], words.FIGURES.values(), strict=True), start=1)
        }
        fill_table(self.figures, [words.LABEL_COLUMN, *(head for head, _ in words.FIGURES.values())], rows, helps)

    def _show_weights(self, facts: DiagnosisFacts) -> None:
        there = {plane for weights in facts.weights.values() for plane in weights}
        planes = [plane for plane in PLANES if plane in there]
        self._weights.setVisible(len(planes) > 1)
        self._about.setText(words.WEIGHTS_ABOUT[str(facts.request.weights)])
        rows = [
            [name, *(f"{weights[plane]:.3f}" if plane in weights else "–" for plane in planes)]
            for name, weights in facts.weights.items()
        ]
        fill_table(self.weights, [words.LABEL_COLUMN, *(plane.capitalize() for plane in planes)], rows, {})

    def ask_save(self, kind: str) -> None:
        """Asks for a place and writes "table" (Markdown) or "csv" (a row per exam and label) there."""
        if self.facts is None or kind not in self.facts.files:
            return
        ending, filter = KINDS[kind]
        path, _ = QFileDialog.getSaveFileName(self, "", f"diagnosis_{self.facts.id}{ending}", filter)
        if path:
            self.save(kind, Path(path) if Path(path).suffix else Path(path).with_suffix(ending))

    def save(self, kind: str, path: Path) -> None:
        assert self.facts is not None
        try:
            shutil.copyfile(self.facts.files[kind], path)
        except OSError as error:
            self.saved.setText(f"{path}: {error.strerror or error}")
            return
        self.saved.setText(words.SAVED.format(path=path))
