"""How a plane of a RAS+ volume lies on the screen: pure arithmetic, no Qt.

Three kinds of coordinates meet here. *Voxel* (x, y, z) indexes the canonical volume, whose axes grow towards the
patient's right, front and head. *Screen* (row, column) indexes the plane as it is shown, row 0 at the top and column 0
at the left. *Millimetres* are RAS+ patient coordinates, voxel indices through the scan's affine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

LETTERS = ("RL", "AP", "SI")
"""Letter of the positive and the negative end of each patient axis."""

OBLIQUE = 0.02
"""Sine of the angle (about 1 degree) from which a scan counts as lying at an angle to the patient's axes."""

SECOND_LETTER = 0.26
"""Sine of the angle (about 15 degrees) from which an edge carries a second letter."""


class Plane(StrEnum):
    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


AXES: dict[Plane, tuple[int, int, int]] = {
    Plane.AXIAL: (2, 1, 0),
    Plane.CORONAL: (1, 2, 0),
    Plane.SAGITTAL: (0, 2, 1),
}
"""Volume axes (through the plane, along rows, along columns) of each plane."""


@dataclass(frozen=True)
class Box:
    """A box of voxels: start inclusive, stop exclusive, per volume axis."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    def slices(self) -> tuple[slice, slice, slice]:
        first, second, third = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return first, second, third

    def within(self, outer: Box) -> tuple[slice, slice, slice]:
        """This box as slices of an array that covers `outer`."""
        first, second, third = (
            slice(a - first, b - first) for a, b, first in zip(self.start, self.stop, outer.start, strict=True)
        )
        return first, second, third

    def where(self, mask: NDArray[np.bool_]) -> Box | None:
        """The smallest box around what is set in a mask of this box; None where nothing is."""
        # Along the longest axis first: what it leaves out need not be looked at again.
        start, stop = list(self.start), list(self.stop)
        for axis in sorted(range(3), key=lambda one: -mask.shape[one]):
            others = tuple(other for other in range(3) if other != axis)
            found = np.flatnonzero(mask.any(axis=others))
            if not found.size:
                return None
            start[axis], stop[axis] = self.start[axis] + int(found[0]), self.start[axis] + int(found[-1]) + 1
            kept = [slice(None)] * 3
            kept[axis] = slice(int(found[0]), int(found[-1]) + 1)
            mask = mask[tuple(kept)]
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def flat(self, shape: Sequence[int]) -> NDArray[np.int64]:
        """Flat C-order index, in a volume of `shape`, of every voxel of the box; of the box's shape."""
        x, y, z = (np.arange(a, b, dtype=np.int64) for a, b in zip(self.start, self.stop, strict=True))
        return (x[:, None, None] * shape[1] + y[:, None]) * shape[2] + z

    def union(self, other: Box | None) -> Box:
        """The smallest box around both."""
        if other is None:
            return self
        start = [min(a, b) for a, b in zip(self.start, other.start, strict=True)]
        stop = [max(a, b) for a, b in zip(self.stop, other.stop, strict=True)]
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    @classmethod
    def around(cls, indices: NDArray[np.int64], shape: Sequence[int]) -> Box:
        """The box around flat C-order `indices` of a volume of `shape`; there must be at least one."""
        # Divided as 32-bit numbers where they fit: half the time, and three divisions are most of it.
        kind = np.uint32 if np.prod(shape, dtype=float) < 2**32 else np.int64
        slab, row = kind(shape[1] * shape[2]), kind(shape[2])
        flat = indices.astype(kind)
        x = flat // slab
        flat -= x * slab
        y = flat // row
        flat -= y * row
        return cls.of((x, y, flat))

    @classmethod
    def of(cls, axes: Sequence[NDArray[np.integer]]) -> Box:
        """The box around voxels given by their indices along each axis; there must be at least one."""
        low, high = [int(a.min()) for a in axes], [int(a.max()) + 1 for a in axes]
        return cls((low[0], low[1], low[2]), (high[0], high[1], high[2]))


@dataclass(frozen=True)
class PlaneView:
    """One plane of one volume as it is shown.

    `radiological` puts the patient's right on the left of the screen in axial and coronal views; `nose_left` puts the
    front of the patient on the left in sagittal views. Rows always run from front to back, or from head to foot.
    """

    plane: Plane
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    radiological: bool = True
    nose_left: bool = True

    @property
    def through(self) -> int:
        """The volume axis that the wheel moves along."""
        return AXES[self.plane][0]

    @property
    def columns_flipped(self) -> bool:
        """Whether columns run against their volume axis."""
        return self.nose_left if self.plane is Plane.SAGITTAL else self.radiological

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the plane."""
        _, row, column = AXES[self.plane]
        return self.shape[row], self.shape[column]

    @property
    def pixel(self) -> tuple[float, float]:
        """Millimetres per row and per column."""
        _, row, column = AXES[self.plane]
        return self.spacing[row], self.spacing[column]

    @property
    def slices(self) -> int:
        return self.shape[self.through]

    def take(self, volume: NDArray[np.generic], index: int) -> NDArray[np.generic]:
        """Slice `index` of a volume (X, Y, Z) or (X, Y, Z, C), as shown: (rows, columns[, C]), a view, not a copy."""
        through, row, column = AXES[self.plane]
        flat = (
            np.take(volume, index, axis=through)
            if not isinstance(volume, np.ndarray)
            else volume[tuple(index if axis == through else slice(None) for axis in range(3))]
        )
        turned = flat.swapaxes(0, 1) if row > column else flat
        return turned[::-1, :: -1 if self.columns_flipped else 1]

    def to_screen(self, voxel: Sequence[float]) -> tuple[float, float]:
        """Row and column of a voxel position; whole numbers are voxel centres."""
        _, row, column = AXES[self.plane]
        rows, columns = self.size
        shown_column = columns - 1 - voxel[column] if self.columns_flipped else voxel[column]
        return rows - 1 - voxel[row], shown_column

    def to_voxel(self, row: float, column: float, index: float) -> tuple[float, float, float]:
        """Voxel position under a row and column of slice `index`."""
        through, row_axis, column_axis = AXES[self.plane]
        rows, columns = self.size
        voxel = [0.0, 0.0, 0.0]
        voxel[through] = index
        voxel[row_axis] = rows - 1 - row
        voxel[column_axis] = columns - 1 - column if self.columns_flipped else column
        return voxel[0], voxel[1], voxel[2]

    def flat_indices(self, mask: NDArray[np.bool_], index: int, origin: tuple[int, int] = (0, 0)) -> NDArray[np.int64]:
        """Flat C-order volume indices of the set pixels of `mask`, whose pixel (0, 0) lies at screen `origin`."""
        rows, columns = np.nonzero(mask)
        x, y, z = self.to_voxel(rows + origin[0], columns + origin[1], index)  # type: ignore[arg-type]
        return np.ravel_multi_index(
            tuple(np.broadcast_to(np.asarray(a, dtype=np.int64), rows.shape) for a in (x, y, z)), self.shape
        ).astype(np.int64)

    def region(self, box: Box, index: int) -> tuple[slice, slice] | None:
        """Rows and columns of slice `index` that a box of voxels covers, or None where it does not touch the slice."""
        through, row, column = AXES[self.plane]
        if not box.start[through] <= index < box.stop[through]:
            return None
        rows, columns = self.size
        first_row, last_row = rows - box.stop[row], rows - box.start[row]
        first, last = box.start[column], box.stop[column]
        if self.columns_flipped:
            first, last = columns - last, columns - first
        return slice(first_row, last_row), slice(first, last)

    def edges(self, affine: NDArray[np.float64]) -> dict[str, str]:
        """Letters at the left, right, top and bottom edge of the view, from the scan's real directions."""
        _, row, column = AXES[self.plane]
        up, down = direction_letters(affine[:3, row])
        right, left = direction_letters(affine[:3, column])
        if self.columns_flipped:
            left, right = right, left
        return {"left": left, "right": right, "top": up, "bottom": down}


def direction_letters(direction: NDArray[np.float64]) -> tuple[str, str]:
    """Letters of the positive and negative end of a direction in RAS+ space; two each where it lies well between."""
    unit = np.asarray(direction, dtype=float)
    unit = unit / (np.linalg.norm(unit) or 1.0)
    positive = negative = ""
    for axis in np.argsort(-np.abs(unit), kind="stable"):
        if positive and abs(unit[axis]) < SECOND_LETTER:
            break
        ends = LETTERS[axis] if unit[axis] >= 0 else LETTERS[axis][::-1]
        positive, negative = positive + ends[0], negative + ends[1]
        if len(positive) == 2:
            break
    return positive, negative


def is_oblique(affine: NDArray[np.float64]) -> bool:
    """Whether the scan's axes lie at an angle to the patient's."""
    directions = affine[:3, :3] / np.maximum(np.linalg.norm(affine[:3, :3], axis=0), 1e-12)
    return bool(np.any(np.abs(directions - np.diag(np.diag(directions))) > OBLIQUE))


def to_millimetres(affine: NDArray[np.float64], voxel: Sequence[float]) -> tuple[float, float, float]:
    """RAS+ millimetres of a voxel position."""
    x, y, z = affine[:3, :3] @ np.asarray(voxel, dtype=float) + affine[:3, 3]
    return float(x), float(y), float(z)


def from_millimetres(affine: NDArray[np.float64], point: Sequence[float]) -> tuple[float, float, float]:
    """Voxel position of a point in RAS+ millimetres."""
    x, y, z = np.linalg.solve(affine[:3, :3], np.asarray(point, dtype=float) - affine[:3, 3])
    return float(x), float(y), float(z)


def file_voxel(voxel: Sequence[int], shape: Sequence[int], orientation: str) -> tuple[int, ...]:
    """The index under which a file whose voxel axes run towards `orientation` ("LPS") keeps a canonical voxel."""
    found = []
    for letter in orientation:
        axis = next(axis for axis, ends in enumerate(LETTERS) if letter in ends)
        found.append(voxel[axis] if letter == LETTERS[axis][0] else shape[axis] - 1 - voxel[axis])
    return tuple(found)


def position_words(point: Sequence[float]) -> str:
    """A point in RAS+ millimetres as a reader says it: "R 12.5  A 30.0  I 41.2 mm"."""
    parts = (f"{LETTERS[axis][0 if value >= 0 else 1]} {abs(value):.1f}" for axis, value in enumerate(point))
    return "  ".join(parts) + " mm"


def clamp(voxel: Sequence[float], shape: Sequence[int]) -> tuple[int, int, int]:
    """The voxel of the volume nearest to a position."""
    x, y, z = (int(min(max(round(v), 0), n - 1)) for v, n in zip(voxel, shape[:3], strict=True))
    return x, y, z
