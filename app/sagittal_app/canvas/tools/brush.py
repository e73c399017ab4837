"""Brush and eraser: round in millimetres, on the slice shown or, in 3D, as a ball through its neighbours."""

from __future__ import annotations

from typing import ClassVar

from sagittal_app.canvas import regions, strokes
from sagittal_app.canvas.regions import Region
from sagittal_app.canvas.strokes import Point
from sagittal_app.canvas.tools.painting import PaintingTool
from sagittal_app.canvas.tools.tool import NOTHING, Preview, Spot


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
        return NOTHING if spot is None else Preview(circle=(spot.at, self.state.brush_diameter / 2))


class Eraser(Brush):
    """Takes the active label away, and no other."""

    id: ClassVar[str] = "eraser"
    erases = True
