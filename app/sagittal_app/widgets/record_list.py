"""The records that a page keeps, newest first, over them the button that sets up another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from sagittal_app.widgets.basics import Panel, button, label

ID = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Record:
    """A line of the list."""

    id: str
    text: str
    about: str = ""
    """Shown while the mouse rests on it."""


class RecordList(Panel):
    """At most one record is chosen, none while a new one is set up. Parts are named `{name}_list` and `{name}_new`."""

    chosen = Signal()
    """Another record was chosen, or none."""

    def __init__(self, name: str, heading: str, empty: str, new: str) -> None:
        """`empty` stands where there are no records, `new` on the button, which takes the choice back."""
        super().__init__(heading, name=f"{name}_panel", margin=12)
        self.items = QListWidget()
        self.items.setObjectName(f"{name}_list")
        self.items.setProperty("role", "records")
        self.items.setSpacing(4)
        self.items.setWordWrap(True)
        self.items.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.items.itemSelectionChanged.connect(self.chosen)
        self._none = label(empty, "soft", wrap=True)
        self.body.addWidget(button(new, f"{name}_new", self.clear_choice, icon="mdi6.plus"))
        self.body.addWidget(self._none)
        self.body.addWidget(self.items, 1)

    def fill(self, records: Iterable[Record]) -> None:
        """Lists `records` in place of those before; the chosen one stays chosen where it is still there."""
        kept = self.chosen_id()
        self._quietly(lambda: self._list(records, kept))
        self._none.setVisible(not self.items.count())

    def chosen_id(self) -> str:
        """The chosen record's id, or empty."""
        return next((item.data(ID) for item in self.items.selectedItems()), "")

    def choose(self, id: str) -> None:
        """Chooses a record; says so also where it was chosen already."""
        for place in range(self.items.count()):
            if self.items.item(place).data(ID) == id:
                self._quietly(lambda row=place: self.items.setCurrentRow(row))
        self.chosen.emit()

    def clear_choice(self) -> None:
        self._quietly(self.items.clearSelection)
        self.chosen.emit()

    def _list(self, records: Iterable[Record], kept: str) -> None:
        self.items.clear()
        for record in records:
            item = QListWidgetItem(record.text)
            item.setData(ID, record.id)
            item.setToolTip(record.about)
            self.items.addItem(item)
            item.setSelected(record.id == kept)

    def _quietly(self, change: Callable[[], object]) -> None:
        self.items.blockSignals(True)
        change()
        self.items.blockSignals(False)
