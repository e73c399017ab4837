"""A drawn tree of vessels with saccular bulges at its forks: spheres along walked paths, in millimetres.

Coordinates are RAS+ about the middle of the volume. Nothing is measured from a patient: radii and sizes are such as
large intracranial arteries and their aneurysms have, so that a method for small targets can be shown offline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sagittal_engine.phantom.shapes import Array

STEP = 0.5
"""mm between two spheres of a path."""
ROOT_RADIUS = 2.3
THINNEST = 1.0
"""mm: branches that would be thinner are not grown."""
REACH = 19.0
"""mm from the middle from which on paths bend back."""
MARGIN = 3.0
"""mm around a sphere within which distances are kept."""
SACS = ((2.6, 4.2), (2.2, 3.2))
"""Smallest and largest radius, mm, of the first bulge, which every subject has, and of a second, which half have."""


@dataclass(frozen=True)
class Tree:
    """Spheres (n, 4) of x, y, z and radius: of the vessels, and of each bulge."""

    vessels: Array
    sacs: tuple[Array, ...]


def grow(rng: np.random.Generator) -> Tree:
    """One subject's tree: a trunk from the feet up that forks three or four times, with one or two bulges at forks."""
    paths: list[Array] = []
    forks: list[tuple[Array, Array, float]] = []
    root = np.array([rng.uniform(-3, 3), rng.uniform(-3, 3), -21.0])
    queue = [(root, np.array([0.0, 0.0, 1.0]), ROOT_RADIUS * rng.uniform(0.92, 1.08), rng.uniform(13, 17))]
    while queue:
        start, heading, radius, length = queue.pop(0)
        path, heading = _walk(rng, start, heading, radius, length)
        paths.append(path)
        thinner = radius * rng.uniform(0.74, 0.86)
        if thinner < THINNEST:
            continue
        forks.append((path[-1, :3], heading, radius))
        for side in _sides(rng, heading):
            spread = np.radians(rng.uniform(32, 58))
            queue.append(
                (
                    path[-1, :3],
                    np.cos(spread) * heading + np.sin(spread) * side,
                    thinner,
                    length * rng.uniform(0.7, 0.95),
                )
            )
    chosen = rng.permutation(len(forks))[: 1 + int(rng.random() < 0.5)]
    sacs = tuple(_sac(rng, forks[fork], SACS[number]) for number, fork in enumerate(chosen))
    return Tree(np.concatenate(paths), sacs)


def _walk(rng: np.random.Generator, start: Array, heading: Array, radius: float, length: float) -> tuple[Array, Array]:
    """A path that wanders, becomes a tenth thinner, and bends back where it would leave; with its last heading."""
    count = max(4, round(length / STEP))
    place, points = start, []
    for number in range(count):
        far = max(0.0, float(np.linalg.norm(place)) - REACH)
        heading = heading + rng.normal(0, 0.05, 3) - 0.02 * far * place / REACH
        heading = heading / np.linalg.norm(heading)
        place = place + STEP * heading
        points.append([*place, radius * (1 - 0.1 * number / count)])
    return np.array(points), heading


def _sides(rng: np.random.Generator, heading: Array) -> tuple[Array, Array]:
    """Two opposite directions across `heading`."""
    side = np.cross(heading, rng.normal(size=3))
    side = side / np.linalg.norm(side)
    return side, -side


def _sac(rng: np.random.Generator, at: tuple[Array, Array, float], sizes: tuple[float, float]) -> Array:
    """A bulge beyond a fork, between its branches: a body, a smaller lobe on it, and a neck."""
    fork, heading, radius = at
    size = rng.uniform(*sizes)
    out = heading + rng.normal(0, 0.25, 3)
    out = out / np.linalg.norm(out)
    body = fork + out * (0.5 * radius + 0.85 * size)
    lobe = body + 0.6 * size * (out + rng.normal(0, 0.5, 3)) / 1.3
    neck = fork + out * 0.6 * radius
    return np.array([[*body, size], [*lobe, 0.6 * size], [*neck, 0.7 * min(size, radius * 1.3)]])


def distance(spheres: Array, axes: tuple[Array, Array, Array]) -> Array:
    """Signed distance to the union of spheres, float32 over the grid of `axes` (mm), negative inside.

    Beyond `MARGIN` of every sphere it is `MARGIN`.
    """
    found = np.full([len(axis) for axis in axes], MARGIN, np.float32)
    for x, y, z, radius in spheres:
        box = tuple(
            slice(*np.searchsorted(axis, (middle - radius - MARGIN, middle + radius + MARGIN)))
            for axis, middle in zip(axes, (x, y, z), strict=True)
        )
        dx, dy, dz = (
            (axis[part] - middle).astype(np.float32) for axis, part, middle in zip(axes, box, (x, y, z), strict=True)
        )
        own = np.sqrt(dx[:, None, None] ** 2 + dy[None, :, None] ** 2 + dz**2) - np.float32(radius)
        found[box] = np.minimum(found[box], own)
    return found
