"""Axes and millimetres: canonical order, right angles, LPS and RAS. Affines are float64 (4, 4), axes in columns."""

from __future__ import annotations

import itertools
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two axes that still counts as a right angle (0.06 degrees); header rounding stays below."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM, ITK, NRRD and STL count towards Left and Posterior; its own inverse."""


def spacing(affine: Array) -> tuple[float, float, float]:
    """Lengths of the three voxel axes in millimetres."""
    x, y, z = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    return (float(x), float(y), float(z))


def is_usable(affine: Array) -> bool:
    """Whether the affine is finite and spans space (no axis of length zero, no two axes parallel)."""
    linear = affine[:3, :3]
    if not np.isfinite(affine).all() or not all(length > 1e-6 for length in spacing(affine)):
        return False
    return abs(float(np.linalg.det(linear / spacing(affine)))) > 1e-3


def canonical_axes(affine: Array) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Which source axis becomes each canonical axis, and which of those must be turned round.

    The axes are those of the nearest rotation (polar decomposition of the unit axes), each given to the anatomical
    direction it is closest to, the clearest first: what nibabel's `as_closest_canonical` does.
    """
    rotation = _nearest_rotation(affine)
    order, flips, left = [0, 0, 0], [False, False, False], rotation.copy()
    for source in np.argsort(-np.abs(rotation).max(axis=0), kind="stable"):
        world = int(np.argmax(np.abs(left[:, source])))
        order[world], flips[world] = int(source), bool(left[world, source] < 0)
        left[world, :] = 0
    return (order[0], order[1], order[2]), (flips[0], flips[1], flips[2])


def reoriented_affine(
    affine: Array, shape: tuple[int, int, int], order: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> Array:
    """The affine of the array after its axes were permuted by `order` and turned round where `flips`."""
    to_source = np.zeros((4, 4))
    to_source[3, 3] = 1.0
    for canonical, (source, flip) in enumerate(zip(order, flips, strict=True)):
        to_source[source, canonical] = -1.0 if flip else 1.0
        to_source[source, 3] = shape[source] - 1 if flip else 0.0
    return affine @ to_source


def letters(affine: Array) -> str:
    """The anatomical direction each voxel axis runs towards, as "LAS"."""
    order, flips = canonical_axes(affine)
    named = {source: pair[flip] for source, flip, pair in zip(order, flips, ("RL", "AP", "SI"), strict=True)}
    return "".join(named[axis] for axis in range(3))


def shear_degrees(affine: Array) -> float:
    """How far the worst pair of axes is from a right angle, in degrees."""
    unit = affine[:3, :3] / spacing(affine)
    worst = max(abs(float(unit[:, a] @ unit[:, b])) for a, b in itertools.combinations(range(3), 2))
    return float(np.degrees(np.arcsin(min(1.0, worst))))


def is_sheared(affine: Array) -> bool:
    return shear_degrees(affine) > np.degrees(np.arcsin(SHEAR_TOLERANCE))


def displayed_affine(affine: Array, shape: tuple[int, int, int]) -> Array:
    """`affine` itself, or, where it is sheared, the nearest one with right angles: same spacing, same centre."""
    if not is_sheared(affine):
        return affine
    straight = np.eye(4)
    straight[:3, :3] = _nearest_rotation(affine) * np.asarray(spacing(affine))
    centre = (np.asarray(shape, dtype=float) - 1) / 2
    straight[:3, 3] = affine[:3, :3] @ centre + affine[:3, 3] - straight[:3, :3] @ centre
    return straight


def same_place(first: Array, second: Array, shape: tuple[int, int, int], tolerance: float = 0.05) -> bool:
    """Whether the two affines put every corner of the grid within `tolerance` voxels of the same place."""
    corners = np.array([[*corner, 1.0] for corner in itertools.product(*((0, size - 1) for size in shape))]).T
    apart = np.sqrt((((first - second) @ corners)[:3] ** 2).sum(axis=0)).max()
    return bool(apart <= tolerance * min(spacing(first)))


def _nearest_rotation(affine: Array) -> Array:
    """The orthogonal matrix nearest to the unit axes (polar decomposition), mirror images included."""
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing(affine))
    return left @ right


def shear_warnings(affine: Array) -> tuple[str, ...]:
    """What to say where axes are not at right angles."""
    if not is_sheared(affine):
        return ()
    return (
        f"The voxel axes are {shear_degrees(affine):.1f}° off right angles (shear); they are straightened for display,"
        " and the file's own grid is kept for export.",
    )
