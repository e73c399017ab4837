"""Branching vessels and fine tissue grain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from sagittal_engine.phantom.shapes import Array, Point


def speckle(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Fine grain about two voxels across in plane, float32 of `shape`, unit standard deviation."""
    grain = rng.standard_normal(tuple(shape), dtype=np.float32)
    grain = ndimage.uniform_filter(grain, (2, 2, 1), mode="wrap")
    return grain * np.float32(2.0)


def liver_tree(rng: np.random.Generator, grid: tuple[Array, Array, Array], porta: Point, veins: Point) -> Array:
    """Cover 0…1 of two vessel trees: portal branches from `porta`, hepatic veins from `veins` (mm).

    Branches are walked in steps of a millimetre and dropped onto the grid, so thin ones fill voxels only partly.
    """
    points = [_branches(rng, porta, count=7, length=46.0), _branches(rng, veins, count=4, length=58.0)]
    x, y, z = grid
    origin = np.array([x.min(), y.min(), z.min()])
    step = (np.array([x.max(), y.max(), z.max()]) - origin) / (np.array(x.shape) - 1)
    tree = np.zeros(x.shape, np.float32)
    for cloud in points:
        index = np.rint((cloud[:, :3] - origin) / step).astype(int)
        inside = ((index >= 0) & (index < x.shape)).all(axis=1)
        np.add.at(tree, tuple(index[inside].T), cloud[inside, 3].astype(np.float32))
    tree = ndimage.gaussian_filter(tree, (0.7, 0.7, 0.35), truncate=3.0)
    return np.clip(tree, 0.0, 1.0)


def _branches(rng: np.random.Generator, root: Point, count: int, length: float) -> Array:
    """Points (n, 4): x, y, z in mm and the area they fill, of a tree with `count` main branches."""
    walks: list[Array] = []
    queue = []
    for number in range(count):
        turn = 2 * np.pi * (number + rng.uniform(-0.3, 0.3)) / count
        queue.append((np.array(root), np.array([np.cos(turn), np.sin(turn), rng.uniform(-0.5, 0.6)]), length, 2.6))
    while queue:
        start, heading, extent, radius = queue.pop()
        steps = max(4, int(extent))
        wander = np.cumsum(rng.normal(0, 0.09, (steps, 3)), axis=0)
        directions = heading / np.linalg.norm(heading) + wander
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        path = start + np.cumsum(directions, axis=0)
        radii = np.linspace(radius, radius * 0.65, steps)
        walks.append(np.column_stack([path, (radii / 2.6) ** 2 * 1.7]))
        if radius > 0.9:
            for fraction in (0.45, 0.75, 1.0):
                at = min(steps - 1, int(fraction * steps))
                spread = directions[at] + rng.normal(0, 0.55, 3)
                queue.append((path[at], spread, extent * rng.uniform(0.5, 0.75), radius * 0.66))
    return np.concatenate(walks)
