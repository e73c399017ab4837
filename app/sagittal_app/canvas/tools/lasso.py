"""Lasso: the outline drawn while the button is held, filled when it is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sagittal_app.canvas import strokes
from sagittal_app.canvas.strokes import Point
from sagittal_app.canvas.tools.painting import PaintingTool
from sagittal_app.canvas.tools.tool import Preview, Spot

if TYPE_CHECKING:
    from sagittal_app.canvas.state import CanvasState


class Lasso(PaintingTool):
    id: ClassVar[str] = "lasso"

    def __init__(self, state: CanvasState) -> None:
        super().__init__(state)
        self._path: list[Point] = []

    @property
    def busy(self) -> bool:
        return bool(self._path)

    def press(self, spot: Spot) -> None:
        self._path = [spot.at]

    def move(self, spot: Spot) -> None:
        if self._path:
            self._path.append(spot.at)

    def release(self, spot: Spot) -> None:
        if self._path:
            self.finish(spot)

    def finish(self, spot: Spot) -> None:
        path, self._path = self._path, []
        self.put_patch(spot, strokes.polygon(path, spot.view.size))

    def drop(self) -> None:
        self._path = []

    def preview(self, spot: Spot | None) -> Preview:
        if not self._path:
            return super().preview(spot)
        return Preview(path=(*self._path, self._path[0]), erases=spot is not None and spot.inverted)
