"""Ruler, angle and region: drawn on a slice, moved by their handles. They change no label."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sagittal_app.canvas.measures import Kind, Measure, Place, words
from sagittal_app.canvas.tools.tool import NOTHING, Preview, Spot, Tool

if TYPE_CHECKING:
    from sagittal_app.canvas.state import CanvasState

REACH = 9.0
"""A handle is taken hold of from this near, pixels on the screen."""
SHORTEST = 3.0
"""A drag shorter than this, pixels on the screen, draws nothing."""


class Measuring(Tool):
    """Press, drag, release draws one; a press on a handle of any measure moves it instead."""

    kind: ClassVar[Kind]
    paints: ClassVar[bool] = False

    def __init__(self, state: CanvasState) -> None:
        super().__init__(state)
        self._held: tuple[Measure, int] | None = None
        """The measure as it was, and which of its handles is held."""
        self._points: tuple[Place, ...] = ()
        """Of the measure being drawn, but for the one that follows the mouse."""
        self._index = 0
        """The slice it lies on; the wheel may turn to another while the button is held."""
        self._pressed: Spot | None = None

    @property
    def busy(self) -> bool:
        return bool(self._points) and self._pressed is None

    def press(self, spot: Spot) -> None:
        self._pressed = spot
        self._held = None if self._points else grasped(self.state, spot)
        if self._held is None:
            if not self._points:
                self._index = spot.index
                self._points = (_place(spot, self._index),)
            self.move(spot)

    def move(self, spot: Spot) -> None:
        if self._held is not None:
            measure, handle = self._held
            self.state.measures.sketch(measure.moved(handle, _place(spot, measure.index)), instead_of=measure)
        elif self._points:
            self.state.measures.sketch(self._with(spot))

    def release(self, spot: Spot) -> None:
        pressed, self._pressed = self._pressed, None
        if self._held is not None:
            (measure, handle), self._held = self._held, None
            moved = measure.moved(handle, _place(spot, measure.index))
            self._keep([moved if one == measure else one for one in self.state.measures.of(self.state.scan)])
        elif self._points and pressed is not None:
            far = pressed.millimetres_to(spot.at) * pressed.zoom >= SHORTEST
            drawn = self._with(spot)
            if drawn.whole and (far or len(drawn.points) > 2):
                self._points = ()
                self._keep([*self.state.measures.of(self.state.scan), drawn])
            elif far:
                self._points = drawn.points
            elif len(self._points) == 1:
                self.drop()

    def finish(self, spot: Spot) -> None:
        self._pressed = spot
        self.release(spot)

    def drop(self) -> None:
        self._held, self._points = None, ()
        self.state.measures.sketch(None)

    def _with(self, spot: Spot) -> Measure:
        """What is drawn, with the mouse as its next point."""
        points = (*self._points, _place(spot, self._index))
        return Measure(self.kind, spot.view.plane, self._index, points)

    def _keep(self, measures: list[Measure]) -> None:
        if self.state.scan is not None:
            self.state.measures.set(self.state.scan, measures, self.state.depth)


def grasped(state: CanvasState, spot: Spot) -> tuple[Measure, int] | None:
    """The measure and the handle nearest to the mouse, where one is near."""
    near = [
        (spot.millimetres_to(spot.view.to_screen(handle)) * spot.zoom, number, one)
        for one in state.measures.of(state.scan)
        if one.plane is spot.view.plane and one.index == spot.index
        for number, handle in enumerate(one.handles())
    ]
    distance, number, measure = min(near, key=lambda found: found[0], default=(REACH + 1, 0, None))
    return (measure, number) if measure is not None and distance <= REACH else None


def _place(spot: Spot, index: int) -> Place:
    """The voxel position under the mouse, on slice `index`."""
    return spot.view.to_voxel(*spot.at, index)


class Ruler(Measuring):
    id: ClassVar[str] = "ruler"
    kind: ClassVar[Kind] = Kind.RULER


class Angle(Measuring):
    """The first drag is one arm, towards the vertex; a click then sets the end of the other."""

    id: ClassVar[str] = "angle"
    kind: ClassVar[Kind] = Kind.ANGLE

    def preview(self, spot: Spot | None) -> Preview:
        """The second arm follows the mouse, with the angle it would make."""
        if not self.busy or spot is None or self.state.scan is None:
            return NOTHING
        text = " ".join(words(self._with(spot), self.state.scan))
        return Preview(path=(spot.view.to_screen(self._points[-1]), spot.at), text=text)


class RegionStatistics(Measuring):
    id: ClassVar[str] = "region"
    kind: ClassVar[Kind] = Kind.REGION
