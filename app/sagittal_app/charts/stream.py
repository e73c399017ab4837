"""Curves over the scans of a stream: a point per scan, the scan at hand marked, a click goes to a point's scan."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

from sagittal_app import theme
from sagittal_app.charts.plot import LinesPanel


class StreamPanel(LinesPanel):
    """A `LinesPanel` whose x axis counts scans from 1."""

    chosen = Signal(int)
    """The number of the scan that was clicked at."""

    def __init__(self, title: str, about: str = "", x_label: str = "scan", y_label: str = "", *, name: str) -> None:
        super().__init__(title, about, x_label, y_label, name=name)
        self.smooths = False
        self._mark = pg.InfiniteLine(angle=90, movable=False)
        self._mark.setVisible(False)
        self.plot.addItem(self._mark, ignoreBounds=True)
        self.view.scene().sigMouseClicked.connect(self._clicked)

    def mark(self, place: int | None) -> None:
        """Marks the scan of this number, or none."""
        self._mark.setVisible(place is not None)
        if place is not None:
            self._mark.setPen(pg.mkPen(theme.colour("accent"), width=2))
            self._mark.setPos(place)

    def _clicked(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._curves:
            at = self.plot.vb.mapSceneToView(event.scenePos()).x()
            last = max(int(curve.x[-1]) for curve in self._curves)
            self.chosen.emit(min(max(round(at), 1), last))
