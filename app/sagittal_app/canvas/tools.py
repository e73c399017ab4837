"""What the tools do on a plane: presses and drags in, edits of the document out. No Qt.

A tool works on the slice shown. Positions are screen (row, column) of the plane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sagittal_app.canvas import strokes
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import PlaneView
from sagittal_app.canvas.strokes import Patch, Point

CLOSE_ENOUGH = 8.0
"""A click this near (pixels on the screen) to a polygon's first corner closes it."""


@dataclass
class Painter:
    """Applies tools to one document on one view; `inverted` (Ctrl) turns painting to erasing and back."""

    document: LabelDocument
    radius: float = 5.0
    """Of the brush, millimetres."""
    _last: Point | None = field(default=None, repr=False)

    def begin(self, tool: str, view: PlaneView, index: int, at: Point, inverted: bool) -> None:
        """Starts a brush or eraser stroke."""
        self.document.begin_stroke(tool)
        self._last = at
        self.extend(tool, view, index, at, inverted)

    def extend(self, tool: str, view: PlaneView, index: int, to: Point, inverted: bool) -> None:
        """Paints from the last position to this one, without gaps however fast the hand was."""
        start = self._last or to
        self._last = to
        patch = strokes.stroke(start, to, self.radius, view.pixel, view.size)
        self._put(tool, view, index, patch, erase=(tool == "eraser") != inverted)

    def end(self) -> None:
        self._last = None
        self.document.end_stroke()

    def fill(self, view: PlaneView, index: int, at: Point, inverted: bool) -> None:
        """Gives the pixels joined to the one under the mouse, and of its label, the active label (or none)."""
        plane = np.asarray(view.take(self.document.data, index))
        patch = strokes.flood(plane, (round(at[0]), round(at[1])))
        self._put("fill", view, index, patch, erase=inverted)

    def polygon(self, view: PlaneView, index: int, corners: list[Point], inverted: bool) -> None:
        self._put("polygon", view, index, strokes.polygon(corners, view.size), erase=inverted)

    def pick(self, view: PlaneView, index: int, at: Point) -> None:
        """Makes the label under the mouse the active one."""
        row, column = round(at[0]), round(at[1])
        rows, columns = view.size
        if 0 <= row < rows and 0 <= column < columns:
            self.document.choose(int(view.take(self.document.data, index)[row, column]))

    def _put(self, tool: str, view: PlaneView, index: int, patch: Patch, erase: bool) -> None:
        if patch.empty:
            return
        indices = view.flat_indices(patch.mask, index, patch.origin)
        if erase:
            # Erasing takes away the active label alone, so that a neighbour is never lost by a careless stroke.
            here = self.document.data[np.unravel_index(indices, self.document.data.shape)]
            self.document.paint(tool, indices[here == self.document.active], 0)
        else:
            self.document.paint(tool, indices, self.document.active)


def closes(corners: list[Point], at: Point, millimetres: Callable[[Point, Point], float], pixels_per_mm: float) -> bool:
    """Whether a click at `at` closes the polygon: near its first corner on the screen, with at least three corners."""
    return len(corners) >= 3 and millimetres(corners[0], at) * pixels_per_mm <= CLOSE_ENOUGH
