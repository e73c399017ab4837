"""Shapes in the volume: a box of voxels, and which of them are meant. Pure numpy, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagittal_app.canvas import strokes
from sagittal_app.canvas.geometry import AXES, Box, PlaneView
from sagittal_app.canvas.strokes import Patch, Point

Voxels = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Voxels of a volume: `mask` has the shape of `box`, which lies within the volume."""

    box: Box
    mask: Voxels


def on_slice(view: PlaneView, index: int, patch: Patch) -> Region:
    """The voxels of slice `index` under a patch of the plane. A view of its mask, not a copy."""
    through, row, column = AXES[view.plane]
    (top, left), (rows, columns) = patch.origin, patch.mask.shape
    start, stop = [0, 0, 0], [0, 0, 0]
    start[through], stop[through] = index, index + 1
    start[row], stop[row] = view.size[0] - top - rows, view.size[0] - top
    flipped = view.columns_flipped
    start[column] = view.size[1] - left - columns if flipped else left
    stop[column] = start[column] + columns
    turned = patch.mask[::-1, :: -1 if flipped else 1]
    along = turned.T if row > column else turned
    return Region(Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])), np.expand_dims(along, through))


def ball_stroke(view: PlaneView, index: int, start: Point, end: Point, radius: float) -> list[Region]:
    """A ball of `radius` mm drawn from `start` to `end` on slice `index`: one region for each slice it reaches.

    On a slice `d` mm away the ball's cross-section is a disc of radius sqrt(radius² − d²), so the stroke there is the
    round brush of that radius. Regions of slices, not one of the whole ball: each is small and quickly compared.
    """
    thickness = view.spacing[view.through]
    reach = int(radius / thickness)
    found = []
    for other in range(max(index - reach, 0), min(index + reach, view.slices - 1) + 1):
        across = radius**2 - ((other - index) * thickness) ** 2
        if other == index or across > 0:
            disc = max(across, 1e-12) ** 0.5
            patch = strokes.stroke(start, end, disc, view.pixel, view.size, dot=other == index)
            if not patch.empty:
                found.append(on_slice(view, other, patch))
    return found


def as_patch(view: PlaneView, region: Region) -> Patch:
    """A region of one slice as it is shown, no larger than what is set: the way back from `on_slice`."""
    through, row, column = AXES[view.plane]
    box = region.box.where(region.mask)
    place = view.region(box, region.box.start[through]) if box is not None else None
    if box is None or place is None:
        return strokes.NOTHING
    flat = np.squeeze(region.mask[box.within(region.box)], axis=through)
    turned = flat.T if row > column else flat
    return Patch(turned[::-1, :: -1 if view.columns_flipped else 1], (place[0].start, place[1].start))


def flat(region: Region, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Flat C-order indices, in a volume of `shape`, of a region's voxels."""
    if not region.mask.any():
        return np.zeros(0, np.int64)
    where = tuple(along + first for along, first in zip(np.nonzero(region.mask), region.box.start, strict=True))
    return np.ravel_multi_index(where, shape).astype(np.int64, copy=False)


def grey(values: NDArray[Any]) -> NDArray[Any]:
    """Intensities of voxels (X, Y, Z): as they are, or the mean of their colours (X, Y, Z, C)."""
    return values.mean(axis=-1) if values.ndim == 4 else values
