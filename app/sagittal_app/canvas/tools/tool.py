"""What a tool is: press, move and release on a plane, and what it draws there meanwhile. No Qt.

Every view owns one of each tool, made with the canvas's state. The view turns mouse and keys into these calls and draws
what `preview` gives; gestures such as panning, zooming and window/level never reach a tool. A new tool is one file with
a class of its own, a line in `TOOLS` (`tools/__init__.py`) and a row in `keys.py` that gives it title, icon and keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sagittal_app.canvas.geometry import PlaneView, clamp
from sagittal_app.canvas.strokes import Patch, Point

if TYPE_CHECKING:
    from sagittal_app.canvas.state import CanvasState


@dataclass(frozen=True)
class Spot:
    """Where the mouse is on a view, and how it is held."""

    view: PlaneView
    index: int
    """The slice shown."""
    at: Point
    """Row and column of the plane; whole numbers are pixel centres."""
    zoom: float = 1.0
    """Screen pixels per millimetre."""
    inverted: bool = False
    """Ctrl is held: painting erases, erasing paints."""

    @property
    def pixel(self) -> tuple[int, int]:
        """Row and column of the pixel under the mouse; it may lie beyond the plane."""
        return round(self.at[0]), round(self.at[1])

    @property
    def inside(self) -> bool:
        """Whether there is a pixel under the mouse."""
        return all(0 <= here < n for here, n in zip(self.pixel, self.view.size, strict=True))

    @property
    def voxel(self) -> tuple[int, int, int]:
        """The voxel nearest to the mouse."""
        return clamp(self.view.to_voxel(*self.at, self.index), self.view.shape)

    def millimetres_to(self, other: Point) -> float:
        """How far another position of the same plane lies away."""
        row, column = self.view.pixel
        return float(np.hypot((self.at[0] - other[0]) * row, (self.at[1] - other[1]) * column))


@dataclass(frozen=True)
class Preview:
    """What a tool draws over its view. Positions are (row, column) of the plane."""

    circle: tuple[Point, float] | None = None
    """Centre, and radius in millimetres."""
    path: tuple[Point, ...] = ()
    """A line being drawn."""
    corners: bool = False
    """Whether the points of `path` are marked."""
    patch: Patch | None = None
    """Pixels that would be painted."""
    erases: bool = False
    """Whether a press would take away: drawn in white, not in the label's colour."""
    text: str = ""
    """A few words beside the mouse, as a live figure."""


NOTHING = Preview()


class Tool:
    """The base of all tools: does nothing. A tool overrides what it needs."""

    id: ClassVar[str]
    """As in `keys.ACTIONS`."""
    paints: ClassVar[bool] = True
    """Changes labels: of no use where they cannot be written."""
    dabs: ClassVar[bool] = False
    """Two quick presses in the large view are two presses. Elsewhere a double-click maximises."""

    def __init__(self, state: CanvasState) -> None:
        self.state = state

    @property
    def busy(self) -> bool:
        """Whether something is half made, which Return or a double-click finishes, and `drop` forgets."""
        return False

    def press(self, spot: Spot) -> None:
        """The left button goes down."""

    def move(self, spot: Spot) -> None:
        """The mouse moves with the button held."""

    def release(self, spot: Spot) -> None:
        """The button goes up. Every press is followed by one release."""

    def finish(self, spot: Spot) -> None:
        """Return or a double-click: completes what is half made."""

    def drop(self) -> None:
        """Escape, another tool, slice or scan: forgets what is half made."""

    def preview(self, spot: Spot | None) -> Preview:
        """What is drawn now; `spot` is None while the mouse is elsewhere."""
        return NOTHING
