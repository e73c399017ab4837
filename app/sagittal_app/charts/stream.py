"""Curves over the scans of a stream: a point per scan, the scan at hand marked, a click goes to a point's scan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

from sagittal_app import theme
from sagittal_app.charts.plot import CurveData, LinesPanel

MOST_TICKS = 6
"""Numbers along the axis of scans at most."""


class StreamPanel(LinesPanel):
    """A `LinesPanel` whose x axis counts scans from 1."""

    chosen = Signal(int)
    """The number of the scan that was clicked at."""

    def __init__(self, title: str, about: str = "", x_label: str = "scan", y_label: str = "", *, name: str) -> None:
        super().__init__(title, about, x_label, y_label, name=name)
        self.smooths = False
        self.log.hide()
        self._mark = pg.InfiniteLine(angle=90, movable=False)
        self._mark.setVisible(False)
        self.plot.addItem(self._mark, ignoreBounds=True)
        self.view.scene().sigMouseClicked.connect(self._clicked)

    def set_curves(self, curves: Sequence[CurveData]) -> None:
        super().set_curves(curves)
        if self._curves:
            step = max(1, math.ceil(self._last() / MOST_TICKS))
            self.plot.getAxis("bottom").setTickSpacing(step, step)

    def _follow(self) -> None:
        """As the other charts, but with half a scan of room at both ends: marks stand on whole numbers."""
        super()._follow()
        if self._follows and self._curves:
            self.plot.vb.setXRange(0.5, self._last() + 0.5, padding=0)

    def _last(self) -> int:
        return max(int(curve.x[-1]) for curve in self._curves)

    def mark(self, place: int | None) -> None:
        """Marks the scan of this number, or none."""
        self._mark.setVisible(place is not None)
        if place is not None:
            self._mark.setPen(pg.mkPen(theme.colour("accent"), width=2))
            self._mark.setPos(place)

    def _clicked(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._curves:
            at = self.plot.vb.mapSceneToView(event.scenePos()).x()
            self.chosen.emit(min(max(round(at), 1), self._last()))
