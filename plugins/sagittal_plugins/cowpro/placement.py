"""Where an organ lies along the body of a query, and which support slice serves each query slice.

Under the `published` protocol the query's true range says it. Under `deployed` nothing of the query's truth is known:
the query is laid along the support scan by the likeness of whole slices, which carries the organ's range over; the
prediction itself then says which slices of that neighbourhood hold the organ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from sagittal_engine.kit.one_shot import chunk_of
from sagittal_plugins.cowpro.volume import Axis

Array = np.ndarray[Any, Any]

NOT_LOOKED_AT = -1

SIDE = 16
"""Pixels a side of a slice's descriptor."""

OVERLAP = 0.8
"""Share of the shorter scan that must lie on the other."""

STRETCHES = tuple(math.exp(x) for x in np.linspace(-0.15, 0.15, 7))
"""Factors by which one body may be longer than the other."""


CELLS = 32
"""Cells a side on which organs are looked for: 10 mm at the published spacing."""

MARGIN = 2
"""Cells around an organ's outline that count as its looks."""

WANDER = 5
"""Cells by which an organ may lie elsewhere in plane."""

CONTEXT = 2
"""Support slices beyond the organ's ends that are compared too."""

REACH = 8
"""Slices by which an organ may lie elsewhere along the body than the scans' alignment says."""

RELUCTANCE = 0.005
"""Correlation that a shift of four slices must gain."""

ROOM = 2
"""Cells around the moved outline in which the organ may be found."""


def published_plan(axis: Axis, first: int, last: int, supports: int) -> Array:
    """Support index for each prepared slice that a voxel slice in `first`…`last` is interpolated from, else -1.

    The support is that of the slice's chunk (`kit.one_shot.chunk_of`).
    """
    plan = np.full(axis.size, NOT_LOOKED_AT)
    ends = axis.cells([first, last])
    low, high = max(0, math.floor(ends[0] + 1e-6)), min(axis.size - 1, math.ceil(ends[1] - 1e-6))
    for cell in range(low, high + 1):
        plan[cell] = chunk_of(round(float(axis.voxels()[cell])), first, last, supports)
    return plan


def descriptors(slices: Array) -> Array:
    """(n, 256) unit vectors: slices averaged to 16², less the scan's mean slice, so that what varies is compared."""
    count, height, width = slices.shape
    coarse = slices.reshape(count, SIDE, height // SIDE, SIDE, width // SIDE).mean((2, 4)).reshape(count, -1)
    coarse = coarse - coarse.mean(0)
    return coarse / np.maximum(np.linalg.norm(coarse, axis=1, keepdims=True), 1e-6)


def align(query: Array, support: Array) -> tuple[float, float]:
    """(scale, offset) such that slice z of `query` lies at `scale · z + offset` of `support`.

    Both are prepared slices (n, size, size) of equal spacing. The mean likeness of slices that come to lie on each
    other is maximised over stretches and shifts; scans of fewer than three slices are laid end to end.
    """
    n, m = len(query), len(support)
    if min(n, m) < 3:
        scale = (m - 1) / max(n - 1, 1)
        return scale, (m - 1) / 2 - scale * (n - 1) / 2
    likeness = descriptors(query) @ descriptors(support).T
    z = np.arange(n)
    best, found = -math.inf, (1.0, 0.0)
    for scale in STRETCHES:
        for shift in np.arange(-m, m + 0.5, 0.5):
            at = scale * (z - (n - 1) / 2) + (m - 1) / 2 + shift
            on = (at >= 0) & (at <= m - 1)
            if on.sum() < OVERLAP * min(n, m):
                continue
            low = np.floor(at[on]).astype(int)
            weight = at[on] - low
            high = np.minimum(low + 1, m - 1)
            value = float((likeness[z[on], low] * (1 - weight) + likeness[z[on], high] * weight).mean())
            if value > best:
                best, found = value, (scale, (m - 1) / 2 + shift - scale * (n - 1) / 2)
    return found


@dataclass(frozen=True)
class Place:
    """Where an organ of the support scan is expected in the query."""

    first: float
    """Prepared slices of the query, fractional."""
    last: float
    near: Array
    """bool (slices, 32, 32): the neighbourhood of the organ in each slice of the query."""


def locate(query: Array, support: Array, outline: Array, first: float, last: float) -> Place:
    """Finds the neighbourhood of an organ of the support scan in the query by its looks.

    query, support: prepared slices (n, size, size); outline: bool (32, 32), the painted masks laid over each other;
    first, last: the organ's ends in prepared slices of the support.

    The scans are aligned as wholes (`align`). Then the box around the outline, `MARGIN` cells wider, is cut from the
    support's slices of the organ and compared (normalised cross-correlation, best shift in plane within `WANDER`
    cells) with every slice of the query; the shift along the body within `REACH` slices that is best on average, less
    a small price of distance, places the organ.
    """
    scale, offset = align(query, support)
    low, high = max(0, math.floor(first) - CONTEXT), min(len(support) - 1, math.ceil(last) + CONTEXT)
    box = _box(outline)
    likeness, row, column = _box_likeness(_cells(query), _cells(support[low : high + 1]), box)
    likeness = likeness - likeness.mean(0)
    at, best, shift = np.arange(low, high + 1), -math.inf, 0.0
    expected = (at - offset) / scale
    for candidate in np.arange(-REACH, REACH + 0.5, 0.5):
        there = expected + candidate
        on = np.flatnonzero((there >= 0) & (there <= len(query) - 1))
        if len(on) < 0.6 * len(at):
            continue
        value = likeness[np.round(there[on]).astype(int), on].mean() - RELUCTANCE * (candidate / 4) ** 2
        if value > best:
            best, shift = value, float(candidate)
    near = np.zeros((len(query), CELLS, CELLS), dtype=bool)
    widened = ndimage.binary_dilation(outline, iterations=ROOM)
    for z in range(len(query)):
        match = min(max(round(scale * (z - shift) + offset), low), high) - low
        near[z] = _moved(widened, int(row[z, match]), int(column[z, match]))
    return Place((first - offset) / scale + shift, (last - offset) / scale + shift, near)


def _cells(slices: Array) -> torch.Tensor:
    """(n, 1, 32, 32): slices averaged to the cells on which organs are looked for."""
    return F.adaptive_avg_pool2d(torch.from_numpy(np.ascontiguousarray(slices, dtype=np.float32)).unsqueeze(1), CELLS)


def _box(outline: Array) -> tuple[slice, slice]:
    """Rows and columns around the outline, `MARGIN` cells wider where the grid allows."""
    ends = []
    for axis in (1, 0):
        held = np.flatnonzero(outline.any(axis))
        ends.append(slice(max(0, held[0] - MARGIN), min(CELLS, held[-1] + 1 + MARGIN)))
    return ends[0], ends[1]


def _box_likeness(query: torch.Tensor, support: torch.Tensor, box: tuple[slice, slice]) -> tuple[Array, Array, Array]:
    """Normalised cross-correlation of the box in every support slice with every query slice, at its best shift.

    Returns likeness, row shift and column shift, each (query slices, support slices).
    """
    patch = support[:, :, box[0], box[1]]
    patch = patch - patch.mean((2, 3), keepdim=True)
    patch = patch / patch.flatten(1).norm(dim=1).clamp_min(1e-6).view(-1, 1, 1, 1)
    padded = F.pad(query, (WANDER, WANDER, WANDER, WANDER), mode="replicate")
    window = padded[:, :, box[0].start : box[0].stop + 2 * WANDER, box[1].start : box[1].stop + 2 * WANDER]
    ones = torch.ones(1, 1, *patch.shape[2:])
    count = ones.numel()
    mean = F.conv2d(window, ones) / count
    spread = (F.conv2d(window**2, ones) - count * mean**2).clamp_min(1e-3).sqrt()
    value, where = (F.conv2d(window, patch) / spread).flatten(2).max(2)
    side = 2 * WANDER + 1
    return value.numpy(), (where // side - WANDER).numpy(), (where % side - WANDER).numpy()


def _moved(mask: Array, rows: int, columns: int) -> Array:
    """The mask moved by whole cells; what leaves the grid is lost."""
    return ndimage.shift(mask.astype(np.uint8), (rows, columns), order=0).astype(bool)


def deployed_plan(place: Place, count: int, supports: int) -> Array:
    """Support index, by chunk of the expected range, for each of `count` prepared slices in it; -1 elsewhere."""
    plan = np.full(count, NOT_LOOKED_AT)
    first, last = round(place.first), round(place.last)
    for z in range(max(0, first), min(count - 1, last) + 1):
        plan[z] = chunk_of(z, first, last, supports)
    return plan


def held_run(evidence: Array, needed: float) -> tuple[int, int] | None:
    """First and last index of the run that maximises Σ (evidence − needed); None where no value exceeds `needed`.

    A run is contiguous, so that one weak slice inside an organ does not cut it. NaN counts as certain absence.
    """
    best, answer, total, start = 0.0, None, 0.0, 0
    for index, value in enumerate(np.nan_to_num(evidence, nan=-1.0) - needed):
        if total <= 0:
            total, start = 0.0, index
        total += float(value)
        if total > best:
            best, answer = total, (start, index)
    return answer
