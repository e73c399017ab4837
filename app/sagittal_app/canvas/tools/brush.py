"""Brush, eraser and threshold brush: round in millimetres, on the slice shown or, in 3D, as a ball."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sagittal_app.canvas import regions, strokes
from sagittal_app.canvas.regions import Region
from sagittal_app.canvas.strokes import Point
from sagittal_app.canvas.tools.painting import PaintingTool
from sagittal_app.canvas.tools.tool import Preview, Spot


class Brush(PaintingTool):
    """Paints while the button is held, without gaps however fast the hand is."""

    id: ClassVar[str] = "brush"
    dabs: ClassVar[bool] = True
    _last: Point | None = None

    def press(self, spot: Spot) -> None:
        if self.state.document is not None:
            self.state.document.begin_stroke(self.id)
            self._last = spot.at
            self.move(spot)

    def move(self, spot: Spot) -> None:
        if self._last is not None:
            start, self._last = self._last, spot.at
            self.put(spot, *self.shapes(spot, start))

    def release(self, spot: Spot) -> None:
        self._last = None
        if self.state.document is not None:
            self.state.document.end_stroke()

    def shapes(self, spot: Spot, start: Point) -> list[Region]:
        """The voxels under the brush on its way from `start` to here."""
        radius = self.state.brush_diameter / 2
        if self.state.options.in_3d:
            return regions.ball_stroke(spot.view, spot.index, start, spot.at, radius)
        patch = strokes.stroke(start, spot.at, radius, spot.view.pixel, spot.view.size)
        return [] if patch.empty else [regions.on_slice(spot.view, spot.index, patch)]

    def preview(self, spot: Spot | None) -> Preview:
        said = super().preview(spot)
        if spot is None:
            return said
        return replace(said, circle=(spot.at, self.state.brush_diameter / 2), erases=self.erases != spot.inverted)


class Eraser(Brush):
    """Takes the active label away, and no other."""

    id: ClassVar[str] = "eraser"
    erases = True


class ThresholdBrush(Brush):
    """Paints where the intensity lies within the range of the tool's options, and shows where that is."""

    id: ClassVar[str] = "threshold"

    def shapes(self, spot: Spot, start: Point) -> list[Region]:
        found = [Region(one.box, one.mask & self._in_range(one)) for one in super().shapes(spot, start)]
        return [one for one in found if one.mask.any()]

    def preview(self, spot: Spot | None) -> Preview:
        said = super().preview(spot)
        if spot is None or said.text:
            return said
        patch = strokes.stroke(spot.at, spot.at, self.state.brush_diameter / 2, spot.view.pixel, spot.view.size)
        if patch.empty:
            return said
        region = regions.on_slice(spot.view, spot.index, patch)
        shown = Region(region.box, region.mask & self._in_range(region))
        return replace(said, patch=regions.as_patch(spot.view, shown))

    def _in_range(self, region: Region) -> NDArray[np.bool_]:
        assert self.state.scan is not None
        values = regions.grey(self.state.scan.data[region.box.slices()])
        low, high = self.state.paint_range
        return (values >= low) & (values <= high)
