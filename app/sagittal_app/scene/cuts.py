"""Cutting the scene open: which half-spaces are taken away at the crosshair. No VTK, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sagittal_app.canvas.geometry import to_millimetres


@dataclass(frozen=True)
class HalfSpace:
    """What is kept: the side of a plane that its normal points to."""

    origin: tuple[float, float, float]
    """A point of the plane, RAS+ millimetres."""
    normal: tuple[float, float, float]
    """Unit vector towards what is kept."""


@dataclass(frozen=True)
class Cuts:
    """What the user has chosen to take away."""

    sides: tuple[int, int, int] = (0, 0, 0)
    """Per axis of the scan: +1 takes away what lies towards its positive end (right, front, head), −1 the other."""
    eye: tuple[float, float, float] | None = None
    """Direction towards the eye, RAS+: what is nearer to it than the crosshair is taken away."""
    follows: bool = True
    """Whether the planes go with the crosshair, or stay where it was."""
    volume: bool = True
    surfaces: bool = True

    @property
    def any(self) -> bool:
        return self.eye is not None or self.sides != (0, 0, 0)

    def with_side(self, axis: int, side: int) -> Cuts:
        """Takes away `side` of `axis`, or gives it back where it was taken away."""
        sides = list(self.sides)
        sides[axis] = 0 if sides[axis] == side else side
        return replace(self, sides=(sides[0], sides[1], sides[2]))

    def without(self) -> Cuts:
        """The whole scene, with the same ways of cutting it."""
        return replace(self, sides=(0, 0, 0), eye=None)


def half_spaces(cuts: Cuts, affine: NDArray[np.float64], voxel: Sequence[float]) -> tuple[HalfSpace, ...]:
    """What is kept of the scene when it is cut at `voxel`: along the scan's own slices, also where it is oblique.

    A cut along slices runs half a voxel behind the slice at `voxel`, which so stands whole on the face of the cut.
    """
    # Rows of the inverse are perpendicular to the slices, whatever angles the axes have to each other.
    across = np.linalg.inv(affine[:3, :3])
    kept = []
    for axis, side in enumerate(cuts.sides):
        if side:
            at = [v - side / 2 if a == axis else v for a, v in enumerate(voxel)]
            kept.append(HalfSpace(to_millimetres(affine, at), _unit(-side * across[axis])))
    if cuts.eye is not None:
        kept.append(HalfSpace(to_millimetres(affine, voxel), _unit(-np.asarray(cuts.eye))))
    return tuple(kept)


def _unit(direction: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = direction / np.linalg.norm(direction)
    return float(x), float(y), float(z)
