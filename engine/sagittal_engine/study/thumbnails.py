"""Small pictures of scans for the study page."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagittal_engine import imaging

Array = np.ndarray[Any, Any]

SIDE = 96
"""Most pixels along a side."""


def draw(volume: imaging.Volume) -> Array:
    """uint8 (rows, columns): the middle axial slice, patient right at the left, in true proportions.

    Of a volume of one slice that is not axial, that slice: right or front at the left, head at the top. So too of
    slices without a header: they lie across the axis with the fewest voxels.
    """
    shape = volume.data.shape[:3]
    through = 2 if 1 not in shape or shape[2] == 1 else shape.index(1)
    if volume.grid.assumed_axes and shape[2] > min(shape):
        through = shape.index(min(shape))
    plane = np.take(volume.data, shape[through] // 2, axis=through).astype(np.float32)
    if plane.ndim == 3:
        plane = plane.mean(axis=2)
    sides = [step for axis, step in enumerate(volume.spacing) if axis != through]
    width, height = (n * s for n, s in zip(plane.shape, sides, strict=True))
    scale = SIDE / max(width, height)
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    picture = _shrink(_shrink(plane, columns, 0), rows, 1)
    low, high = volume.window
    levels = np.nan_to_num((picture - low) / max(high - low, 1e-12), nan=0.0, posinf=1.0, neginf=0.0)
    return np.ascontiguousarray((levels.clip(0, 1) * 255).astype(np.uint8)[::-1, ::-1].T)


def _shrink(plane: Array, size: int, axis: int) -> Array:
    """Means over equal stretches where there are more samples than wanted, the nearest sample otherwise."""
    have = plane.shape[axis]
    if have >= size:
        edges = (np.arange(size) * have) // size
        counts = np.diff([*edges, have]).reshape((-1, 1) if axis == 0 else (1, -1))
        return np.add.reduceat(plane, edges, axis=axis) / counts
    return np.take(plane, (np.arange(size) * have) // size, axis=axis)
