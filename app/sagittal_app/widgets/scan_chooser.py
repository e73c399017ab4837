"""Choosing scans: a line that says how many, and a dialog with a tick per scan."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QWidget

from sagittal.facts import ScanFacts
from sagittal_app import messages
from sagittal_app.models.scan_table import labels_of
from sagittal_app.widgets.basics import UNIT, button, column, label, row


class ScanDialog(QDialog):
    """A tick per scan."""

    chosen = Signal(tuple)

    def __init__(self, scans: Sequence[ScanFacts], ticked: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("scan_dialog")
        self.setWindowTitle(messages.SCANS_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(480, 520)
        self.list = QListWidget()
        self.list.setObjectName("scan_ticks")
        for scan in scans:
            names = ", ".join(labels_of(scan))
            item = QListWidgetItem(f"{scan.name}   {names}" if names else scan.name)
            item.setData(Qt.ItemDataRole.UserRole, scan.scan)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if scan.scan in ticked else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        # No scan at all would be understood as all of them.
        self._choose = button("Choose", "scan_choose", self._accept, role="primary")
        self.list.itemChanged.connect(lambda _item: self._choose.setEnabled(bool(self._ticked())))
        tick = row(
            button("All", "scan_all", lambda: self._tick(Qt.CheckState.Checked)),
            button("None", "scan_none", lambda: self._tick(Qt.CheckState.Unchecked)),
            None,
            button(messages.CANCEL, "scan_cancel", self.reject),
            self._choose,
        )
        body = column(self.list, tick, spacing=2 * UNIT)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(i) for i in range(self.list.count())]

    def _tick(self, state: Qt.CheckState) -> None:
        for item in self._items():
            item.setCheckState(state)

    def _ticked(self) -> list[QListWidgetItem]:
        return [item for item in self._items() if item.checkState() is Qt.CheckState.Checked]

    def _accept(self) -> None:
        self.chosen.emit(tuple(item.data(Qt.ItemDataRole.UserRole) for item in self._ticked()))
        self.accept()


class ScanChooser(QWidget):
    """Says "All 10" or "5 of 10"; an empty choice is all."""

    changed = Signal()

    def __init__(self, all_words: str = messages.SCANS_ALL) -> None:
        """`all_words` say what an empty choice means."""
        super().__init__()
        self.setObjectName("scan_chooser")
        self._all_words = all_words
        self._scans: tuple[ScanFacts, ...] = ()
        self._chosen: tuple[str, ...] = ()
        self._words = label("")
        self._words.setObjectName("scan_words")
        self.setLayout(row(self._words, button(messages.SCANS_CHOOSE, "choose_scans", self._ask), None))

    def show_scans(self, scans: tuple[ScanFacts, ...]) -> None:
        self._scans = scans
        there = {scan.scan for scan in scans}
        self._chosen = tuple(scan for scan in self._chosen if scan in there)
        self._say()

    def value(self) -> tuple[str, ...]:
        """Ids of the chosen scans; empty for all."""
        return self._chosen

    def set_value(self, scans: Sequence[str]) -> None:
        there = [scan.scan for scan in self._scans]
        chosen = tuple(scan for scan in there if scan in scans)
        self._chosen = () if len(chosen) == len(there) else chosen
        self._say()
        self.changed.emit()

    def _say(self) -> None:
        total = len(self._scans)
        some = messages.SCANS_SOME.format(chosen=len(self._chosen), count=total)
        self._words.setText(some if self._chosen else self._all_words.format(count=total))

    def _ask(self) -> None:
        ticked = self._chosen or tuple(scan.scan for scan in self._scans)
        dialog = ScanDialog(self._scans, ticked, self)
        dialog.chosen.connect(self.set_value)
        dialog.open()
