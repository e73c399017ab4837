"""A slider through what a run published of one thing over its steps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSlider, QWidget

from sagittal_app.models.run_model import Preview
from sagittal_app.widgets.basics import Elided, row


class Moments(QWidget):
    """Stays at the newest until it is moved back; `chosen` gives the `Preview` it stands at."""

    chosen = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._previews: list[Preview] = []
        self._follows = True
        self._shown = ""
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"{name}_slider")
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderMoved.connect(self._dragged)
        self.caption = Elided("", "quiet")
        self.caption.setObjectName(f"{name}_caption")
        line = row(self.slider, self.caption)
        line.setStretch(0, 1)
        line.setStretch(1, 1)
        self.setLayout(line)
        self.hide()

    def set_previews(self, previews: Sequence[Preview]) -> None:
        """Everything published so far, the oldest first."""
        if list(previews) == self._previews:
            return
        self._previews = list(previews)
        self.setVisible(bool(previews))
        self.slider.setVisible(len(previews) > 1)
        if previews:
            self.slider.setRange(0, len(previews) - 1)
            if self._follows:
                self.slider.setValue(len(previews) - 1)
            self._moved(self.slider.value())

    def step(self) -> int:
        """Step of what is shown; 0 where nothing is."""
        return self._previews[self.slider.value()].step if self._previews else 0

    def _dragged(self, position: int) -> None:
        self._follows = position == self.slider.maximum()

    def _moved(self, position: int) -> None:
        one = self._previews[position]
        if one.path != self._shown:
            self._shown = one.path
            self.caption.say(f"Step {one.step}")
            self.chosen.emit(one)
