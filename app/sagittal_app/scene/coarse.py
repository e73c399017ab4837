"""Fewer voxels, each the mean of a block: for volumes and surfaces too large for the scene. No VTK, no Qt.

The whole is read slab by slab, so that a memory-mapped scan is never held at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Factors = tuple[int, int, int]
Array = NDArray[Any]
WHOLE: Factors = (1, 1, 1)


def factors_for(shape: Sequence[int], spacing: Sequence[float], voxels: float, side: int = 0) -> Factors:
    """Blocks per axis so that at most `voxels` are left, none of the axes longer than `side` (0: as long as it likes).

    The axis with the finest spacing is thinned first, so that thick slices are kept and voxels become more even.
    """
    factors = [1, 1, 1]

    def left(axis: int) -> int:
        return max(1, shape[axis] // factors[axis])

    for axis in range(3):
        while side and left(axis) > side:
            factors[axis] += 1
    while left(0) * left(1) * left(2) > voxels and max(left(axis) for axis in range(3)) > 1:
        finest = min((axis for axis in range(3) if left(axis) > 1), key=lambda axis: spacing[axis] * factors[axis])
        factors[finest] += 1
    return factors[0], factors[1], factors[2]


def block_means(
    data: Array,
    factors: Factors,
    dtype: np.dtype[Any] | type = np.float32,
    read: Callable[[Array], Array] | None = None,
) -> Array:
    """Means of blocks of `data` (X, Y, Z[, C]): `dtype` (X / fx, Y / fy, Z / fz), Fortran order.

    `read` turns each slab (X, Y, n[, C]) into the numbers that are averaged, (X, Y, n); without it they are the voxels
    themselves, colours as the mean of their channels. Voxels beyond the last whole block are left out.
    """
    fx, fy, fz = factors
    nx, ny, nz = (n // f for n, f in zip(data.shape[:3], factors, strict=True))
    out = np.empty((nx, ny, nz), dtype=dtype, order="F")
    total = np.empty((nx, ny), dtype=np.float32, order="F")
    for k in range(nz):
        slab = data[: nx * fx, : ny * fy, k * fz : (k + 1) * fz]
        if read is not None:
            slab = read(slab)
        elif slab.ndim == 4:
            slab = slab.mean(axis=-1, dtype=np.float32)
        total[...] = 0
        for dx, dy, dz in product(range(fx), range(fy), range(fz)):
            total += slab[dx::fx, dy::fy, dz]
        total /= fx * fy * fz
        out[:, :, k] = np.rint(total) if np.issubdtype(out.dtype, np.integer) else total
    return out


def matrix_of(affine: NDArray[np.float64], factors: Factors) -> NDArray[np.float64]:
    """(4, 4): index of a block to the millimetres of its middle."""
    step = np.diag([*factors, 1.0])
    step[:3, 3] = [(factor - 1) / 2 for factor in factors]
    return np.asarray(affine, dtype=np.float64) @ step
