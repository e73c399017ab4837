"""Names and colours of labels from a file, looked at before they are used; and into a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QFileDialog,
    QFrame,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from sagittal.facts import Label
from sagittal_app import export_words as words
from sagittal_app import messages
from sagittal_app.actions import Command
from sagittal_app.desk import Desk
from sagittal_app.widgets.basics import UNIT, button, column, label, row
from sagittal_app.widgets.label_table import label_sets, swatch_style

PAINTED = "painted"
"""The label set of the user's own painting, which may be given names before anything is painted."""


def is_label_table(path: Path) -> bool:
    """Whether a dropped file is a table of names alone; a `.seg.nrrd` has voxels and is imported."""
    return path.name.lower().endswith((".label", ".labels.json"))


def ask_table(desk: Desk, parent: QWidget, label_set: str = "") -> None:
    """Asks for a file and shows its names and colours, to be used for `label_set`."""
    chosen, _ = QFileDialog.getOpenFileName(parent, words.TABLE_IMPORT_TITLE, "", words.TABLE_IMPORT_FILTER)
    if chosen:
        show_table(desk, parent, Path(chosen), label_set)


def show_table(desk: Desk, parent: QWidget, path: Path, label_set: str = "") -> None:
    """Reads a file in the background and shows its names and colours."""

    def show(rows: tuple[Label, ...]) -> None:
        TableDialog(desk, parent, path, rows, label_set).open()

    desk.ask(desk.port.read_label_table, path, then=show, owner=parent)


def ask_table_file(desk: Desk, parent: QWidget, label_set: str) -> None:
    """Asks for a file and writes the label set's names and colours into it."""
    filters = ";;".join(words.TABLE_EXPORT_FILTERS)
    chosen, kind = QFileDialog.getSaveFileName(parent, words.TABLE_EXPORT_TITLE, label_set, filters)
    if not chosen:
        return
    ending = words.TABLE_EXPORT_FILTERS.get(kind, ".label")
    path = Path(chosen if chosen.lower().endswith((".label", ".json")) else chosen + ending)
    text = words.TABLE_WRITTEN.format(label_set=label_set, path=path)
    desk.ask(desk.port.write_label_table, label_set, path, then=lambda _none: desk.notify("info", text), owner=parent)


class TableDialog(QDialog):
    """What a file names, beside what the chosen label set has now."""

    def __init__(self, desk: Desk, parent: QWidget, path: Path, rows: Sequence[Label], label_set: str = "") -> None:
        super().__init__(parent)
        self.setObjectName("table_dialog")
        self.setWindowTitle(words.TABLE_HEADING.format(file=path.name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(520, 480)
        self._desk, self._path, self._new = desk, path, tuple(rows)
        self._sets = {PAINTED: (), **label_sets(desk.study())}
        self.sets = QComboBox()
        self.sets.setObjectName("table_set")
        self.sets.addItems(sorted(self._sets, key=lambda name: (name != label_set, name != PAINTED)))
        self.sets.currentTextChanged.connect(lambda _name: self._fill())
        self.table = QTableWidget(len(rows), len(words.TABLE_COLUMNS))
        self.table.setObjectName("table_rows")
        self.table.setHorizontalHeaderLabels(words.TABLE_COLUMNS)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for narrow, width in ((0, 5 * UNIT), (1, 9 * UNIT)):
            head.setSectionResizeMode(narrow, QHeaderView.ResizeMode.Fixed)
            self.table.setColumnWidth(narrow, width)
        self._fill()
        into = row(label(words.TABLE_INTO, "soft"), self.sets)
        into.setStretch(1, 1)
        end = row(
            None,
            button(messages.CANCEL, "table_cancel", self.reject),
            button(words.TABLE_APPLY, "table_apply", self._apply, role="primary"),
        )
        body = column(into, self.table, label(words.TABLE_ABOUT, "soft", wrap=True), end, spacing=2 * UNIT)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)

    def _fill(self) -> None:
        have = {one.number: one for one in self._sets[self.sets.currentText()]}
        for place, one in enumerate(self._new):
            now = have.get(one.number)
            said = words.TABLE_NEW if now is None else words.TABLE_SAME if now == one else now.name
            self.table.setCellWidget(place, 0, _swatch(one.colour))
            for at, text in enumerate((str(one.number), one.name, said), start=1):
                self.table.setItem(place, at, QTableWidgetItem(text))

    def _apply(self) -> None:
        """Uses the names and colours; what was there before comes back by Undo."""
        desk, name = self._desk, self.sets.currentText()
        count = messages.count(len(self._new), "label")
        text = words.TABLE_TAKEN.format(count=count, label_set=name, file=self._path.name)

        def tell(before: tuple[Label, ...]) -> None:
            undo = Command(
                "labels.undo_table", messages.UNDO_BUTTON, "", lambda: desk.ask(desk.port.set_label_table, name, before)
            )
            desk.notify("info", text, "", undo)

        desk.ask(desk.port.merge_label_table, name, self._new, then=tell)
        self.accept()


def _swatch(colour: str) -> QWidget:
    """A small field of the colour, in the middle of its cell."""
    field, cell = QFrame(), QWidget()
    field.setFixedSize(2 * UNIT, 2 * UNIT)
    field.setStyleSheet(swatch_style(colour))
    cell.setLayout(row(None, field, None))
    return cell
