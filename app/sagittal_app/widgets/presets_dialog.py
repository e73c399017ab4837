"""Edits the window presets: names, numbers, order; kept with the study, or as the user's own for every study."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QWidget,
)

from sagittal_app.canvas import presets, words
from sagittal_app.canvas.presets import CT, OTHER, WITH_KEYS, Tables
from sagittal_app.canvas.windowing import Preset
from sagittal_app.widgets.basics import UNIT, button, column, label, row, set_role

COLUMNS = {CT: words.PRESET_COLUMNS_CT, OTHER: words.PRESET_COLUMNS_OTHER}


class PresetTable(QWidget):
    """The presets of one kind of scan, a row each."""

    def __init__(self, kind: str, listed: tuple[Preset, ...], of_view: Callable[[str], Preset] | None) -> None:
        """`of_view` makes a preset of the window shown; None where no scan of this kind is shown."""
        super().__init__()
        self.kind = kind
        self._of_view = of_view
        self.table = QTableWidget(0, 4)
        self.table.setObjectName(f"presets_{kind}")
        self.table.setHorizontalHeaderLabels(COLUMNS[kind])
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        view = button(words.PRESET_OF_VIEW, f"presets_of_view_{kind}", self._add_of_view)
        view.setEnabled(of_view is not None)
        buttons = row(
            button(words.PRESET_ADD, f"presets_add_{kind}", self._add),
            view,
            button(words.PRESET_REMOVE, f"presets_remove_{kind}", self._remove),
            button(words.PRESET_UP, f"presets_up_{kind}", lambda: self._move(-1)),
            button(words.PRESET_DOWN, f"presets_down_{kind}", lambda: self._move(1)),
            None,
        )
        body = column(self.table, buttons)
        body.setContentsMargins(0, UNIT, 0, 0)
        self.setLayout(body)
        self.show_presets(listed)

    def show_presets(self, listed: tuple[Preset, ...] | list[Preset], chosen: int = 0) -> None:
        self.table.setRowCount(len(listed))
        for at, preset in enumerate(listed):
            numbers = preset.percentiles or (preset.width, preset.level)
            key = QTableWidgetItem(f"Alt+{at + 1}" if at < WITH_KEYS else "")
            key.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            self.table.setItem(at, 0, key)
            for place, text in enumerate((preset.name, *(f"{number:g}" for number in numbers)), start=1):
                self.table.setItem(at, place, QTableWidgetItem(text))
        if listed:
            self.table.selectRow(min(chosen, len(listed) - 1))

    def presets(self) -> list[Preset]:
        """What the table holds; text that is no number is "not a number", which `problem` then tells."""
        made = []
        for at in range(self.table.rowCount()):
            name = self.table.item(at, 1).text().strip()
            first, second = (_number(self.table.item(at, place).text()) for place in (2, 3))
            fixed = self.kind == CT
            made.append(Preset(name, first, second) if fixed else Preset(name, percentiles=(first, second)))
        return made

    def _add(self) -> None:
        fresh = words.PRESET_NEW
        self._append(Preset(fresh, 400, 40) if self.kind == CT else Preset(fresh, percentiles=(1.0, 99.0)))

    def _add_of_view(self) -> None:
        if self._of_view is not None:
            self._append(self._of_view(words.PRESET_NEW))

    def _append(self, preset: Preset) -> None:
        listed = [*self.presets(), preset]
        self.show_presets(listed, len(listed) - 1)
        self.table.editItem(self.table.item(len(listed) - 1, 1))

    def _remove(self) -> None:
        at = self.table.currentRow()
        if at >= 0:
            listed = self.presets()
            del listed[at]
            self.show_presets(listed, at)

    def _move(self, by: int) -> None:
        at = self.table.currentRow()
        if at >= 0:
            self.show_presets(presets.moved(self.presets(), at, by), max(at + by, 0))


class PresetsDialog(QDialog):
    """`save(tables, everywhere)` is called with what was edited. Nothing is kept before Save."""

    def __init__(
        self,
        parent: QWidget,
        tables: Tables,
        kind: str,
        of_view: Callable[[str], Preset] | None,
        save: Callable[[Tables, bool], object],
        may_keep: bool = True,
    ) -> None:
        """`kind` is that of the scan shown; `may_keep` tells whether the study can be written to."""
        super().__init__(parent)
        self.setObjectName("presets_dialog")
        self.setWindowTitle(words.PRESETS_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._save = save
        self.tables = {one: PresetTable(one, tables[one], of_view if one == kind else None) for one in (CT, OTHER)}
        tabs = QTabWidget()
        tabs.addTab(self.tables[CT], words.PRESETS_CT)
        tabs.addTab(self.tables[OTHER], words.PRESETS_OTHER)
        tabs.setCurrentWidget(self.tables[kind])
        self.everywhere = QCheckBox(words.PRESETS_EVERYWHERE)
        self.everywhere.setObjectName("presets_everywhere")
        self.everywhere.setChecked(not may_keep)
        self.everywhere.setEnabled(may_keep)
        self.said = label(words.PRESETS_ABOUT, "soft", wrap=True)
        self.said.setObjectName("presets_said")
        buttons = row(
            button(words.PRESETS_BUILT_IN, "presets_built_in", self._built_in),
            None,
            button(words.CANCEL, "presets_cancel", self.reject),
            button(words.PRESETS_SAVE, "presets_save", self._accept, role="primary"),
        )
        body = column(tabs, self.everywhere, self.said, buttons)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self.resize(560, 460)

    def _built_in(self) -> None:
        for kind, table in self.tables.items():
            table.show_presets(presets.BUILT_IN[kind])

    def _accept(self) -> None:
        tables = {kind: tuple(table.presets()) for kind, table in self.tables.items()}
        wrong = next((said for kind in tables for one in tables[kind] if (said := presets.problem(one))), "")
        if wrong:
            self.said.setText(wrong)
            set_role(self.said, "danger")
            return
        self._save(tables, self.everywhere.isChecked())
        self.accept()


def _number(text: str) -> float:
    """The number typed, with a point or a comma; not a number for anything else."""
    try:
        return float(text.replace("\u2212", "-").replace(",", ".").replace("%", "").strip())
    except ValueError:
        return float("nan")
