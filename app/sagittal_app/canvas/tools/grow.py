"""Grow: from a seed over joined voxels of like intensity. Dragging sideways changes how like they must be."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sagittal_app.canvas import operations, regions, tool_words
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.operations import NONE, Change, Task, Tick
from sagittal_app.canvas.regions import Region
from sagittal_app.canvas.strokes import NOTHING, Patch
from sagittal_app.canvas.tools.painting import PaintingTool
from sagittal_app.canvas.tools.tool import Preview, Spot

PIXELS_PER_DOUBLING = 60.0
"""A drag this far to the right (pixels on the screen) doubles the tolerance; to the left, it halves it."""


class Grow(PaintingTool):
    """Shows what it would paint while the button is held, and paints it when it is let go.

    Growth ends at `reach` mm from the seed, so that a leak is never larger than that, and at labels that may not be
    painted over. In 3D it goes through the neighbouring slices as well.
    """

    id: ClassVar[str] = "grow"
    _seed: Spot | None = None
    _tolerance = 0.0
    _patch: Patch = NOTHING

    @property
    def busy(self) -> bool:
        return self._seed is not None

    def press(self, spot: Spot) -> None:
        if self.state.document is not None and self.state.scan is not None and spot.inside and not self.refusal():
            self._seed = spot
            self.move(spot)

    def move(self, spot: Spot) -> None:
        if self._seed is None:
            return
        pulled = (spot.at[1] - self._seed.at[1]) * spot.view.pixel[1] * spot.zoom
        usual = self.state.options.tolerance / 100 * self.state.value_range
        self._tolerance = usual * 2 ** (pulled / PIXELS_PER_DOUBLING)
        self._patch = regions.as_patch(self._seed.view, self._grown(self._seed, in_3d=False))

    def release(self, spot: Spot) -> None:
        if self._seed is not None:
            self.finish(spot)

    def finish(self, spot: Spot) -> None:
        seed, patch, document = self._seed, self._patch, self.state.document
        if seed is None or document is None:
            return
        if self.state.options.in_3d:
            shape = document.data.shape

            def compute(tick: Tick) -> Change:
                found = self._grown(seed, in_3d=True)
                tick(1.0)
                return Change(regions.flat(found, shape), NONE.removed)

            task = Task(tool_words.GROW, self.id, document.active, compute, tool_words.IN_SCAN, spot.inverted)
            self.state.task_wanted.emit(task)
        else:
            self.put_patch(seed, patch)
        self.drop()

    def drop(self) -> None:
        self._seed, self._patch = None, NOTHING

    def preview(self, spot: Spot | None) -> Preview:
        if self._seed is None:
            return super().preview(spot)
        unit = self.state.scan.unit if self.state.scan else ""
        return Preview(patch=self._patch, text=tool_words.TOLERANCE.format(f"{self._tolerance:.3g} {unit}".rstrip()))

    def _grown(self, seed: Spot, in_3d: bool) -> Region:
        """What the seed grows to, on its slice or through its neighbours as well."""
        document, scan, view, options = self.state.document, self.state.scan, seed.view, self.state.options
        assert document is not None and scan is not None
        reach = [max(1, int(options.reach / mm)) for mm in view.spacing]
        if not in_3d:
            reach[view.through] = 0
        start = [max(0, at - by) for at, by in zip(seed.voxel, reach, strict=True)]
        stop = [min(n, at + by + 1) for at, by, n in zip(seed.voxel, reach, view.shape, strict=True)]
        box = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
        here = document.data[box.slices()]
        at = tuple(np.subtract(seed.voxel, box.start))
        allowed = (here == document.active) | document.yields(here, document.active)
        allowed &= operations.within(at, here.shape, view.spacing, options.reach)
        values = regions.grey(scan.data[box.slices()])
        return Region(box, operations.grown(values, at, self._tolerance, allowed))
