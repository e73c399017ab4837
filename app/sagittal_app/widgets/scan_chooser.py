"""Choosing scans, or exams: a line that says how many, and a dialog with a tick for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QWidget

from sagittal.facts import ScanFacts
from sagittal_app import messages
from sagittal_app.models.scan_table import labels_of
from sagittal_app.widgets.basics import UNIT, button, column, label, row


def scan_lines(scans: Iterable[ScanFacts]) -> dict[str, str]:
    """Scan's id → its name and labels."""
    return {scan.scan: f"{scan.name}   {', '.join(labels_of(scan))}".rstrip() for scan in scans}


class ScanDialog(QDialog):
    """A tick for each of `choices`: id → what the list says."""

    chosen = Signal(tuple)

    def __init__(
        self,
        choices: Mapping[str, str],
        ticked: Collection[str],
        parent: QWidget,
        *,
        title: str = messages.SCANS_TITLE,
        none_fits: bool = False,
    ) -> None:
        """`none_fits`: no tick at all may be chosen too."""
        super().__init__(parent)
        self.setObjectName("scan_dialog")
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(480, 520)
        self._none_fits = none_fits
        self.list = QListWidget()
        self.list.setObjectName("scan_ticks")
        # The labels of hundreds of scans are not measured one by one: what has no room ends in …
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for id, text in choices.items():
            item = QListWidgetItem(text)
            item.setToolTip(text)
            item.setData(Qt.ItemDataRole.UserRole, id)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if id in ticked else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self._choose = button("Choose", "scan_choose", self._accept, role="primary")
        self.list.itemChanged.connect(lambda _item: self._enable())
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
        self.list.blockSignals(True)  # each change would have all ticks counted
        for item in self._items():
            item.setCheckState(state)
        self.list.blockSignals(False)
        self.list.viewport().update()
        self._enable()

    def _enable(self) -> None:
        self._choose.setEnabled(self._none_fits or bool(self._ticked()))

    def _ticked(self) -> list[QListWidgetItem]:
        return [item for item in self._items() if item.checkState() is Qt.CheckState.Checked]

    def _accept(self) -> None:
        self.chosen.emit(tuple(item.data(Qt.ItemDataRole.UserRole) for item in self._ticked()))
        self.accept()


class ScanChooser(QWidget):
    """Says "All 10" or "5 of 10"."""

    changed = Signal()

    def __init__(
        self, all_words: str = messages.SCANS_ALL, *, title: str = messages.SCANS_TITLE, own_choice: bool = False
    ) -> None:
        """`all_words` say what an empty choice means: everything, or with `own_choice` what the program chooses."""
        super().__init__()
        self.setObjectName("scan_chooser")
        self._all_words = all_words
        self._title = title
        self._own_choice = own_choice
        self._choices: dict[str, str] = {}
        self._chosen: tuple[str, ...] = ()
        self._words = label("")
        self._words.setObjectName("scan_words")
        self.setLayout(row(self._words, button(messages.SCANS_CHOOSE, "choose_scans", self._ask), None))

    def show_scans(self, scans: tuple[ScanFacts, ...]) -> None:
        self.show_choices(scan_lines(scans))

    def show_choices(self, choices: Mapping[str, str]) -> None:
        """What there is to choose: id → what the list says; of what was chosen, what is still there stays."""
        self._choices = dict(choices)
        self._chosen = tuple(one for one in self._chosen if one in choices)
        self._say()

    def value(self) -> tuple[str, ...]:
        """Ids chosen; empty as `all_words` say."""
        return self._chosen

    def set_value(self, ids: Sequence[str]) -> None:
        chosen = tuple(one for one in self._choices if one in ids)
        self._chosen = () if len(chosen) == len(self._choices) and not self._own_choice else chosen
        self._say()
        self.changed.emit()

    def _say(self) -> None:
        total = len(self._choices)
        some = messages.SCANS_SOME.format(chosen=len(self._chosen), count=total)
        self._words.setText(some if self._chosen else self._all_words.format(count=total))

    def _ask(self) -> None:
        # No scan at all would be understood as all of them, where that is what an empty choice means.
        ticked = self._chosen or (() if self._own_choice else tuple(self._choices))
        dialog = ScanDialog(self._choices, ticked, self, title=self._title, none_fits=self._own_choice)
        dialog.chosen.connect(self.set_value)
        dialog.open()
