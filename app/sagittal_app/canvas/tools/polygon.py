"""Polygon: a click for each corner; closed at the first corner, by a double-click or by Return."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sagittal_app.canvas import strokes
from sagittal_app.canvas.strokes import Point
from sagittal_app.canvas.tools.painting import PaintingTool
from sagittal_app.canvas.tools.tool import Preview, Spot

if TYPE_CHECKING:
    from sagittal_app.canvas.state import CanvasState

CLOSE_ENOUGH = 8.0
"""A click this near (pixels on the screen) to the first corner closes the polygon."""


class Polygon(PaintingTool):
    id: ClassVar[str] = "polygon"

    def __init__(self, state: CanvasState) -> None:
        super().__init__(state)
        self._corners: list[Point] = []

    @property
    def busy(self) -> bool:
        return bool(self._corners)

    def press(self, spot: Spot) -> None:
        if len(self._corners) >= 3 and spot.millimetres_to(self._corners[0]) * spot.zoom <= CLOSE_ENOUGH:
            self.finish(spot)
        else:
            self._corners.append(spot.at)

    def finish(self, spot: Spot) -> None:
        corners, self._corners = self._corners, []
        self.put_patch(spot, strokes.polygon(corners, spot.view.size))

    def drop(self) -> None:
        self._corners = []

    def preview(self, spot: Spot | None) -> Preview:
        if not self._corners:
            return super().preview(spot)
        here = () if spot is None else (spot.at,)
        return Preview(path=(*self._corners, *here), corners=True, erases=spot is not None and spot.inverted)
