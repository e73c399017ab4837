"""Names to tick, laid out as words in a paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from sagittal_app.widgets.basics import UNIT, Flow, clear


class Ticks(QWidget):
    """`changed` is emitted when the user ticks or unticks."""

    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._boxes: dict[str, QCheckBox] = {}
        self._flow = Flow(2 * UNIT)
        self.setLayout(self._flow)

    def show_names(
        self, offers: Mapping[str, str], ticked: Iterable[str], shown: Mapping[str, str] | None = None
    ) -> None:
        """A box for each of `offers` (name → tooltip), those of `ticked` checked; `shown` says what to write there."""
        clear(self._flow)
        chosen = set(ticked)
        self._boxes = {}
        for name, help in offers.items():
            box = QCheckBox((shown or {}).get(name, name))
            box.setObjectName(f"{self._name}_{name}")
            box.setToolTip(help)
            box.setChecked(name in chosen)
            box.toggled.connect(lambda _on: self.changed.emit())
            self._boxes[name] = box
            self._flow.addWidget(box)
        self.updateGeometry()

    def names(self) -> tuple[str, ...]:
        return tuple(self._boxes)

    def ticked(self) -> tuple[str, ...]:
        """In the order they are shown."""
        return tuple(name for name, box in self._boxes.items() if box.isChecked())

    def box(self, name: str) -> QCheckBox:
        return self._boxes[name]
