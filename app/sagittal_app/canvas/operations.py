"""Changes of one label on a slice or in the whole scan: what they add and what they take away. No Qt.

Every operation reads the labels, leaves them alone and gives a `Change`; it may so run beside the painting hand. Flat
indices are in C order. Lengths are millimetres. An operation calls `tick` with its share done as it goes along; `tick`
raises to stop it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagittal_app.canvas import regions
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.regions import Region

Labels = NDArray[np.uint16]
Mask = NDArray[np.bool_]
Tick = Callable[[float], object]

SLAB = 16
"""Slices compared at a time."""

UNION, SUBTRACT, INTERSECT = "union", "subtract", "intersect"


@dataclass(frozen=True)
class Change:
    """Flat indices of the voxels that a label gains and loses."""

    added: NDArray[np.int64]
    removed: NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """An operation to be run in the background and then applied to `label`."""

    title: str
    """What is done, as "Smooth"."""
    tool: str
    label: int
    compute: Callable[[Tick], Change]
    where: str
    """Where it works, in words."""
    erase: bool = False
    """What it adds is taken away instead."""


@dataclass(frozen=True)
class Scope:
    """Which label of which volume, and where."""

    labels: Labels
    """(X, Y, Z)."""
    label: int
    spacing: tuple[float, float, float]
    on: tuple[int, int] | None = None
    """(axis, index) of the one slice worked on; None for the whole scan."""

    def box(self, margin: Sequence[int] = (0, 0, 0)) -> Box | None:
        """The box around the label with `margin` voxels on each side, within the scope; None where it has no voxel."""
        found = extent(self.labels, self.label, self.on)
        if found is None:
            return None
        start, stop = list(found.start), list(found.stop)
        for axis, n in enumerate(self.labels.shape):
            if self.on is None or axis != self.on[0]:
                start[axis], stop[axis] = max(0, start[axis] - margin[axis]), min(n, stop[axis] + margin[axis])
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def mask(self, box: Box) -> Mask:
        return self.labels[box.slices()] == self.label

    def change(self, box: Box, before: Mask, after: Mask) -> Change:
        return Change(self.flat(box, after & ~before), self.flat(box, before & ~after))

    def flat(self, box: Box, mask: Mask) -> NDArray[np.int64]:
        return regions.flat(Region(box, mask), self.labels.shape)


NONE = Change(np.zeros(0, np.int64), np.zeros(0, np.int64))


def extent(labels: Labels, label: int, on: tuple[int, int] | None = None) -> Box | None:
    """The box around a label, on one slice (axis, index) or in the whole volume; None where there is none of it.

    Goes through the volume along the axis of its largest stride, a slab of memory at a time.
    """
    if on is not None:
        plane = tuple(slice(on[1], on[1] + 1) if axis == on[0] else slice(None) for axis in range(3))
        here = np.nonzero(labels[plane] == label)
        if not here[0].size:
            return None
        found = Box.of(here)
        start, stop = list(found.start), list(found.stop)
        start[on[0]], stop[on[0]] = on[1], on[1] + 1
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    outer = int(np.argmax(labels.strides))
    lines = [np.zeros(n, bool) for n in labels.shape]
    others = [axis for axis in range(3) if axis != outer]
    for index, slab in enumerate(np.moveaxis(labels, outer, 0)):
        mask = slab == label
        rows = mask.any(axis=1)
        if rows.any():
            lines[outer][index] = True
            lines[others[0]] |= rows
            lines[others[1]] |= mask.any(axis=0)
    if not lines[outer].any():
        return None
    return Box.of([np.flatnonzero(line) for line in lines])


def smoothed(scope: Scope, millimetres: float, tick: Tick) -> Change:
    """The label with its edge smoothed by a Gaussian of that standard deviation.

    It keeps its volume: of the blurred mask, as many voxels are taken as there were, the fullest first.
    """
    from scipy import ndimage

    sigma = [millimetres / mm for mm in scope.spacing]
    if scope.on is not None:
        sigma[scope.on[0]] = 0.0
    box = scope.box([int(np.ceil(3 * one)) for one in sigma])
    if box is None:
        return NONE
    mask = scope.mask(box)
    blurred = mask.astype(np.float32)
    for axis in range(3):
        if sigma[axis]:
            blurred = ndimage.gaussian_filter1d(blurred, sigma[axis], axis=axis, mode="nearest", truncate=3.0)
        tick((axis + 1) / 4)
    count = int(np.count_nonzero(mask))
    least = np.partition(blurred, blurred.size - count, axis=None)[blurred.size - count]
    tick(1.0)
    return scope.change(box, mask, blurred >= max(float(least), 1e-6))


def largest_island(scope: Scope, tick: Tick) -> Change:
    """The largest of the label's pieces (joined by faces, edges or corners); the first one of equals."""
    from scipy import ndimage

    box = scope.box()
    if box is None:
        return NONE
    mask = scope.mask(box)
    tick(0.2)
    islands, count = ndimage.label(mask, np.ones((3, 3, 3)))
    tick(0.7)
    if count < 2:
        return NONE
    sizes = np.bincount(islands.ravel())
    sizes[0] = 0
    return scope.change(box, mask, islands == int(sizes.argmax()))


def holes_filled(scope: Scope, tick: Tick) -> Change:
    """The label with the background that it encloses; other labels inside it stay."""
    from scipy import ndimage

    box = scope.box()
    if box is None:
        return NONE
    mask = scope.mask(box)
    around = [(0, 0) if scope.on is not None and axis == scope.on[0] else (1, 1) for axis in range(3)]
    outside, _ = ndimage.label(np.pad(~mask, around, constant_values=True))
    tick(0.7)
    inner = tuple(slice(before, n - after) for (before, after), n in zip(around, outside.shape, strict=True))
    corner = outside.flat[0]
    enclosed = (outside[inner] != corner) & ~mask & (scope.labels[box.slices()] == 0)
    return scope.change(box, mask, mask | enclosed)


def interpolated(scope: Scope, axis: int, tick: Tick) -> Change:
    """The label on the slices along `axis` that lie between slices it is painted on.

    Shape-based interpolation (Raya and Udupa, 1990): between two painted slices the signed distances to their outlines,
    in millimetres, are mixed by nearness. The two are first laid over each other by their centres of mass, so that what
    runs at an angle through the slices is followed and not lost.
    """
    box = scope.box()
    if box is None:
        return NONE
    slabs = np.moveaxis(scope.mask(box), axis, 0)
    pixel = [mm for other, mm in enumerate(scope.spacing) if other != axis]
    painted = np.flatnonzero(slabs.any(axis=(1, 2)))
    gaps = [(int(a), int(b)) for a, b in pairwise(painted) if b - a > 1]
    filled = np.zeros_like(slabs)
    for number, (first, last) in enumerate(gaps):
        between = np.arange(1, last - first) / (last - first)
        filled[first + 1 : last] = _between(slabs[first], slabs[last], between, pixel)
        tick((number + 1) / len(gaps))
    return Change(scope.flat(box, np.moveaxis(filled, 0, axis)), NONE.removed)


def combined(scope: Scope, other: Callable[[Box], Mask], how: str, tick: Tick) -> Change:
    """The label joined with, without, or only where `other` is: `UNION`, `SUBTRACT` or `INTERSECT`.

    `other` gives the second operand's mask of a box. Raises ValueError for another `how`.
    """
    if how not in (UNION, SUBTRACT, INTERSECT):
        raise ValueError(f"'{how}' is none of {UNION}, {SUBTRACT}, {INTERSECT}")
    start, stop = [0, 0, 0], list(scope.labels.shape)
    if scope.on is not None:
        start[scope.on[0]], stop[scope.on[0]] = scope.on[1], scope.on[1] + 1
    # Along the largest stride, so that each box is one piece of memory.
    outer = int(np.argmax(scope.labels.strides))
    first, last = start[outer], stop[outer]
    added, removed = [], []
    for at in range(first, last, SLAB):
        start[outer], stop[outer] = at, min(at + SLAB, last)
        box = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
        mask, there = scope.mask(box), other(box)
        tick((stop[outer] - first) / (last - first))
        if not (mask.any() or there.any()):
            continue
        after = {UNION: mask | there, SUBTRACT: mask & ~there, INTERSECT: mask & there}[how]
        change = scope.change(box, mask, after)
        added.append(change.added)
        removed.append(change.removed)
    return Change(np.concatenate([NONE.added, *added]), np.concatenate([NONE.removed, *removed]))


def grown(values: NDArray[Any], seed: Sequence[int], tolerance: float, allowed: Mask) -> Mask:
    """The voxels joined to `seed` by faces through `allowed` ones, whose values differ from the seed's by at most
    `tolerance`. The seed's value is the median of the voxels around it, so that noise in one does not decide."""
    from scipy import ndimage

    around = tuple(slice(max(0, at - 1), at + 2) for at in seed)
    base = np.median(values[around])
    alike = (np.abs(values - base) <= tolerance) & allowed
    alike[tuple(seed)] = allowed[tuple(seed)]
    parts, _ = ndimage.label(alike)
    part = parts[tuple(seed)]
    return np.asarray(parts == part) if part else np.zeros(alike.shape, bool)


def within(seed: Sequence[int], shape: Sequence[int], spacing: Sequence[float], reach: float) -> Mask:
    """Which voxels of a box lie within `reach` mm of one of them."""
    lines = [((np.arange(n) - at) * mm) ** 2 for at, n, mm in zip(seed, shape, spacing, strict=True)]
    return lines[0][:, None, None] + lines[1][None, :, None] + lines[2][None, None, :] <= reach**2


def _between(first: Mask, last: Mask, shares: NDArray[np.float64], pixel: Sequence[float]) -> Mask:
    """Shapes between two: one for each share of the way, as (shares, rows, columns)."""
    from scipy import ndimage

    centres = [np.array(ndimage.center_of_mass(one)) for one in (first, last)]
    way = centres[1] - centres[0]
    margin = int(np.ceil(np.abs(way).max())) + 1
    sides = [np.pad(one, margin) for one in (first, last)]
    distances = [_signed_distance(one, pixel) for one in sides]
    made = np.zeros((len(shares), *first.shape), bool)
    for number, share in enumerate(shares):
        moved = [
            ndimage.shift(distance, by * way, order=1, mode="nearest")
            for distance, by in zip(distances, (share, share - 1), strict=True)
        ]
        mixed = (1 - share) * moved[0] + share * moved[1]
        made[number] = mixed[margin:-margin, margin:-margin] > 0
    return made


def _signed_distance(mask: Mask, pixel: Sequence[float]) -> NDArray[np.float32]:
    """Millimetres from the outline, which runs between the pixels: positive inside."""
    from scipy import ndimage

    half = min(pixel) / 2
    inside = ndimage.distance_transform_edt(mask, sampling=pixel)
    outside = ndimage.distance_transform_edt(~mask, sampling=pixel)
    return np.where(mask, inside - half, half - outside).astype(np.float32)
