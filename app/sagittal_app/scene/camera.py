"""Where the eye stands: standard views, and the distance from which all of a scan is in sight. No VTK, no Qt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "front": ((0, 1, 0), (0, 0, 1)),
    "back": ((0, -1, 0), (0, 0, 1)),
    "right": ((1, 0, 0), (0, 0, 1)),
    "left": ((-1, 0, 0), (0, 0, 1)),
    "head": ((0, 0, 1), (0, 1, 0)),
    "feet": ((0, 0, -1), (0, 1, 0)),
}
"""Standard views: where the eye is (RAS+), and which way is up. From the head up is the front, as on axial slices."""
KEYS = {"1": "front", "3": "right", "7": "head"}
"""Keys of the number pad, as in programs for 3D work."""
MARGIN = 1.06
"""Room left around the scan."""


def corners(shape: Sequence[int], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """(8, 3): RAS+ millimetres of the outer corners of a scan."""
    ends = [(-0.5, n - 0.5) for n in shape[:3]]
    voxels = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3)
    return voxels @ affine[:3, :3].T + affine[:3, 3]


def distance(
    points: NDArray[np.float64], eye: Sequence[float], up: Sequence[float], angle: float, aspect: float
) -> float:
    """Millimetres from the middle of `points` (N, 3) at which all of them are in sight.

    `eye` points from the middle to the eye, `angle` is the whole vertical angle of view in degrees, `aspect` the
    picture's width over its height.
    """
    towards = np.asarray(eye, dtype=float) / np.linalg.norm(eye)
    right = np.cross(up, towards)
    right /= np.linalg.norm(right)
    above = np.cross(towards, right)
    from_middle = points - (points.min(axis=0) + points.max(axis=0)) / 2
    tangent = np.tan(np.radians(angle) / 2)
    sideways = np.maximum(np.abs(from_middle @ above), np.abs(from_middle @ right) / max(aspect, 1e-3)) * MARGIN
    return float(np.max(from_middle @ towards + sideways / tangent))
