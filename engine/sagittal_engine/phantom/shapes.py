"""Smooth random fields and soft implicit shapes: the pencils the anatomy is drawn with.

Coordinates are millimetres in RAS+ (x to the right, y to the front, z to the head). A shape answers a *cover*, 0…1
per voxel: the fraction of the voxel inside it, which is what gives edges their partial-volume softness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
Point = tuple[float, float, float]

FAR = 15.0
"""mm: distances on a whole grid are not told beyond."""
TALL = 130.0
"""Half the height of what is drawn, mm: longer shapes are columns through the whole volume."""


def _cubic_weights(places: Array, knots: int) -> Array:
    """float32 (samples, knots): uniform cubic B-spline weights of `knots` control values at `places`, in knots."""
    t = np.abs(places[:, None] - np.arange(knots)[None, :])
    inner = 2.0 / 3.0 - t**2 + t**3 / 2.0
    outer = (2.0 - t).clip(0.0) ** 3 / 6.0
    return np.where(t < 1.0, inner, outer).astype(np.float32)


def smooth_field(rng: np.random.Generator, shape: Sequence[int], knots: Sequence[int]) -> Array:
    """A smooth random field, float32 of `shape` (X, Y, Z), about unit standard deviation.

    Cubic B-splines over a grid of (kx, ky, kz) normal control values (each at least 4): the more knots, the finer.
    """
    values = rng.standard_normal(tuple(knots), dtype=np.float32) * np.float32(2.6)
    return spline(values, [np.linspace(1.0, k - 2.0, n) for n, k in zip(shape, knots, strict=True)])


def spline(values: Array, places: Sequence[Array]) -> Array:
    """The cubic B-spline of control `values` (kx, ky, kz), float32, on the grid of `places` along each axis, in knots:
    1 … k − 2 is where it is whole."""
    knots = values.shape
    across, along, up = (_cubic_weights(at, k) for at, k in zip(places, knots, strict=True))
    half = (across @ values.reshape(knots[0], -1)).reshape(len(across), knots[1], knots[2]) @ up.T
    return np.matmul(along, half)


def soft(distance: Array, width: float) -> Array:
    """Cover of a signed distance (negative inside, mm) with an edge `width` mm wide."""
    return np.clip(np.float32(0.5) - distance / np.float32(width), 0.0, 1.0)


def merge(first: Array, second: Array, radius: float) -> Array:
    """Union of two signed distances whose seam is rounded over `radius` mm (polynomial smooth minimum)."""
    blend = np.clip(0.5 + 0.5 * (second - first) / radius, 0.0, 1.0)
    return second + (first - second) * blend - radius * blend * (1.0 - blend)


@dataclass(frozen=True)
class Ellipsoid:
    """A turned ellipsoid: the signed distance is approximate, exact enough near the surface."""

    centre: Point
    radii: Point
    turn: float = 0.0
    """Degrees about the z axis, positive from right to front."""
    tilt: Point = (0.0, 0.0, 0.0)
    """How far (x, y) leans per millimetre of z; the third value is unused."""

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Signed distance in mm, negative inside; x, y, z broadcast."""
        dz = z - self.centre[2]
        dx = x - self.centre[0] - self.tilt[0] * dz
        dy = y - self.centre[1] - self.tilt[1] * dz
        c, s = np.float32(np.cos(np.radians(self.turn))), np.float32(np.sin(np.radians(self.turn)))
        u, v, w = (c * dx + s * dy) / self.radii[0], (c * dy - s * dx) / self.radii[1], dz / self.radii[2]
        level = np.sqrt(u * u + v * v + w * w)
        return (level - 1.0) * np.float32(min(self.radii[0], self.radii[1]))

    def reach(self) -> Point:
        """Half the sides in mm of a box about the centre that holds the shape."""
        flat, height = max(self.radii[:2]), min(self.radii[2], TALL)
        return (flat + abs(self.tilt[0]) * height, flat + abs(self.tilt[1]) * height, self.radii[2])


@dataclass(frozen=True)
class Capsule:
    """A straight rod with round ends."""

    start: Point
    end: Point
    radius: float

    @property
    def length(self) -> float:
        """mm between the ends' middles."""
        return float(np.linalg.norm(np.subtract(self.end, self.start)))

    @property
    def centre(self) -> Point:
        x, y, z = (float(value) for value in np.add(self.start, self.end) / 2)
        return x, y, z

    def reach(self) -> Point:
        """Half the sides in mm of a box about the centre that holds the shape."""
        x, y, z = (float(value) + self.radius for value in np.abs(np.subtract(self.end, self.start)) / 2)
        return x, y, z

    def along(self, x: Array, y: Array, z: Array) -> Array:
        """How far along the rod each point lies: 0 at the start, 1 at the end, cut there."""
        (dx, dy, dz), squared = np.subtract(self.end, self.start), np.float32(self.length**2)
        share = ((x - self.start[0]) * dx + (y - self.start[1]) * dy + (z - self.start[2]) * dz) / squared
        return np.clip(share, 0, 1)

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Signed distance in mm, negative inside."""
        share = self.along(x, y, z)
        (dx, dy, dz), (sx, sy, sz) = np.subtract(self.end, self.start), self.start
        off = ((x - sx - share * dx) ** 2, (y - sy - share * dy) ** 2, (z - sz - share * dz) ** 2)
        return np.sqrt(sum(off)) - np.float32(self.radius)


@dataclass
class Canvas:
    """Tissue as it is painted: water-like signal, label numbers, and the deformed coordinates of every voxel."""

    x: Array
    y: Array
    z: Array
    """float32 (X, Y, Z): anatomical millimetres of each voxel."""
    signal: Array = field(init=False)
    labels: Array = field(init=False)

    def __post_init__(self) -> None:
        self.signal = np.zeros(self.x.shape, np.float32)
        self.labels = np.zeros(self.x.shape, np.uint8)
        self._axes = (self.x.mean(axis=(1, 2)), self.y.mean(axis=(0, 2)), self.z.mean(axis=(0, 1)))

    def box(self, centre: Point, reach: float | Point, margin: float = 22.0) -> tuple[slice, slice, slice]:
        """The part of the grid within `reach` mm of `centre`, with a margin for the deformation."""
        reaches = (reach, reach, reach) if isinstance(reach, int | float) else reach
        slices = []
        for axis, middle, extent in zip(self._axes, centre, reaches, strict=True):
            inside = np.flatnonzero(np.abs(axis - middle) <= extent + margin)
            slices.append(slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0))
        return slices[0], slices[1], slices[2]

    def where(self, box: tuple[slice, slice, slice]) -> tuple[Array, Array, Array]:
        """The coordinates inside `box`."""
        return self.x[box], self.y[box], self.z[box]

    def distance(self, shape: Ellipsoid) -> Array:
        """A shape's signed distance on the whole grid, `FAR` where nothing of it is near."""
        found = np.full(self.x.shape, FAR, np.float32)
        box = self.box(shape.centre, shape.reach())
        found[box] = np.minimum(shape.distance(*self.where(box)), FAR)
        return found

    def paint(self, box: Any, cover: Array, signal: Array | float, label: int | None = 0) -> None:
        """Lays `signal` over what is there, weighted by `cover`; `label=None` leaves label numbers as they are."""
        target = self.signal[box]
        target += cover * (signal - target)
        if label is not None:
            self.labels[box][cover > 0.5] = label

    def ellipsoid(
        self,
        shape: Ellipsoid,
        signal: Array | float,
        *,
        label: int | None = 0,
        edge: float = 3.0,
        within: Array | None = None,
    ) -> None:
        """Paints one ellipsoid; `within` (whole grid, 0…1) limits it."""
        box = self.box(shape.centre, shape.reach())
        cover = soft(shape.distance(*self.where(box)), edge)
        if within is not None:
            cover = cover * within[box]
        self.paint(box, cover, signal if isinstance(signal, int | float) else signal[box], label)


def carve(distance: Array, cutters: Sequence[Array]) -> Array:
    """Takes other shapes away from a signed distance."""
    return reduce(lambda kept, cutter: np.maximum(kept, -cutter), cutters, distance)
