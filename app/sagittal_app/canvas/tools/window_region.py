"""The window from a region: a rectangle drawn on the slice, whose intensities then fill the greys."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sagittal_app.canvas.tools.tool import NOTHING, Preview, Spot, Tool
from sagittal_app.canvas.windowing import region_window, window_words


class WindowRegion(Tool):
    """A gesture rather than a tool to choose: Ctrl with the left button while no tool is."""

    id: ClassVar[str] = "window_region"
    paints: ClassVar[bool] = False
    _start: Spot | None = None

    def press(self, spot: Spot) -> None:
        self._start = spot

    def release(self, spot: Spot) -> None:
        values = self._values(spot)
        self._start = None
        if values.size > 1:
            self.state.set_window(region_window(values))

    def drop(self) -> None:
        self._start = None

    def preview(self, spot: Spot | None) -> Preview:
        if self._start is None or spot is None:
            return NOTHING
        (top, left), (bottom, right) = self._start.at, spot.at
        values = self._values(spot)
        text = window_words(region_window(values)) if values.size > 1 else ""
        return Preview(path=((top, left), (top, right), (bottom, right), (bottom, left), (top, left)), text=text)

    def _values(self, spot: Spot) -> NDArray[np.generic]:
        """Intensities in the rectangle, as far as it lies on the scan; none of a scan in colour."""
        scan = self.state.scan
        if self._start is None or scan is None or scan.data.ndim != 3:
            return np.zeros(0)
        rows, columns = (sorted((a, b)) for a, b in zip(self._start.at, spot.at, strict=True))
        plane = spot.view.take(scan.data, spot.index)
        top, left = max(round(rows[0]), 0), max(round(columns[0]), 0)
        return np.asarray(plane[top : max(round(rows[1]) + 1, 0), left : max(round(columns[1]) + 1, 0)])
