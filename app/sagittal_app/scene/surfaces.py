"""Surfaces of labels, as points and triangles in the patient's millimetres. No VTK, no Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sagittal_app.canvas.geometry import Box

LARGEST = 16_000_000
"""A label whose box holds more voxels is meshed from every second one."""


FINEST = 4
"""Parts a thick slice is divided into at most, for smoothing."""


@dataclass(frozen=True)
class Surface:
    """One label's surface."""

    number: int
    points: NDArray[np.float32]
    """(N, 3) RAS+ millimetres."""
    triangles: NDArray[np.int64]
    """(M, 3) indices of points."""
    box: Box


def boxes(labels: NDArray[np.uint16]) -> dict[int, Box]:
    """Label number → the box of voxels around it; one pass over the volume."""
    from scipy import ndimage

    found: dict[int, Box] = {}
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is not None:
            a, b, c = place
            found[number] = Box((a.start, b.start, c.start), (a.stop, b.stop, c.stop))
    return found


def touching(a: Box, b: Box) -> bool:
    """Whether two boxes share a voxel or lie side by side."""
    return all(a.start[i] <= b.stop[i] and b.start[i] <= a.stop[i] for i in range(3))


def surface(labels: NDArray[np.uint16], number: int, box: Box, affine: NDArray[np.float64], smooth: bool) -> Surface:
    """The surface of label `number` inside its box, half-way between voxels in and out.

    With `smooth` thick slices are first divided into thinner ones and the mask is blurred over about one slice: stairs
    between slices soften, and thin parts shrink a little.
    """
    from scipy import ndimage
    from skimage.measure import marching_cubes

    mask = (labels[box.slices()] == number).astype(np.float32)
    step = 2 if mask.size > LARGEST else 1
    mask = np.pad(mask[::step, ::step, ::step], 2)
    parts = np.ones(3, dtype=int)
    if smooth:
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        parts = np.clip(np.round(spacing / spacing.min()), 1, FINEST).astype(int)
        for axis in np.flatnonzero(parts > 1):
            mask = np.repeat(mask, parts[axis], axis=axis)
        mask = ndimage.gaussian_filter(mask, np.where(parts > 1, 1.0 * parts, 1.0))
    level = 0.5 if mask.max() > 0.5 else float(mask.max()) / 2
    vertices, triangles, _, _ = marching_cubes(mask, level)
    voxels = ((vertices + 0.5) / parts - 0.5 - 2) * step + np.asarray(box.start)
    points = voxels @ affine[:3, :3].T + affine[:3, 3]
    if np.linalg.det(affine[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    return Surface(number, points.astype(np.float32), triangles.astype(np.int64), box)


def surfaces(
    labels: NDArray[np.uint16],
    affine: NDArray[np.float64],
    smooth: bool,
    known: dict[int, Box] | None = None,
    dirty: Box | None = None,
) -> tuple[list[Surface], set[int]]:
    """Surfaces of all labels, and the numbers there are.

    With `dirty`, only those are made anew that touch it or whose box is another than the `known` one.
    """
    there = boxes(labels)
    wanted = {
        number: box
        for number, box in there.items()
        if dirty is None or touching(box, dirty) or (known or {}).get(number) != box
    }
    return [surface(labels, number, box, affine, smooth) for number, box in wanted.items()], set(there)
