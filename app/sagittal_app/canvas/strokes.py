"""Shapes painted on a plane, as masks: pure numpy, no Qt.

Positions are screen (row, column) of the plane, whole numbers at pixel centres. A mask comes with the (row, column) of
its first pixel, and never reaches beyond the plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


EDGE = 1e-9
"""Millimetres."""


@dataclass(frozen=True)
class Patch:
    """A mask somewhere on a plane."""

    mask: NDArray[np.bool_]
    origin: tuple[int, int]

    @property
    def empty(self) -> bool:
        return not self.mask.any()


NOTHING = Patch(np.zeros((0, 0), dtype=bool), (0, 0))


def stroke(
    start: Point, end: Point, radius: float, pixel: tuple[float, float], size: tuple[int, int], *, dot: bool = True
) -> Patch:
    """A round brush of `radius` mm drawn from `start` to `end`: every pixel whose centre is within it of the line.

    Distances are measured in millimetres, so the brush is round in the patient whatever the voxel's proportions are.
    With `dot` the pixels right under the two ends always count, so that a brush smaller than a voxel still paints one.
    """
    if radius <= 0:
        raise ValueError(f"the brush radius must be above 0 mm, not {radius}")
    row_mm, column_mm = pixel
    reach = (radius / row_mm, radius / column_mm)
    window = _window(
        min(start[0], end[0]) - reach[0], max(start[0], end[0]) + reach[0],
        min(start[1], end[1]) - reach[1], max(start[1], end[1]) + reach[1], size,
    )  # fmt: skip
    if window is None:
        return NOTHING
    r0, r1, c0, c1 = window
    # The stroke is convex, so each row has one run of pixels, from the leftmost to the rightmost end of the two discs
    # and of the two lines that touch both: a large brush costs its rows, not its area.
    down = np.arange(r0, r1) * row_mm
    first, last = (start[0] * row_mm, start[1] * column_mm), (end[0] * row_mm, end[1] * column_mm)
    left, right = np.full(down.shape, np.inf), np.full(down.shape, -np.inf)
    for row, column in (first, last):
        half = np.sqrt(np.maximum(radius**2 - (down - row) ** 2, 0.0))
        within = np.abs(down - row) <= radius
        np.minimum(left, column - half, out=left, where=within)
        np.maximum(right, column + half, out=right, where=within)
    along, across = last[0] - first[0], last[1] - first[1]
    length = float(np.hypot(along, across))
    if along:
        for side in (radius / length, -radius / length):
            top = first[0] - side * across
            share = (down - top) / along
            within = (share >= 0) & (share <= 1)
            meets = first[1] + side * along + share * across
            np.minimum(left, meets, out=left, where=within)
            np.maximum(right, meets, out=right, where=within)
    # A hair wider: a pixel exactly on the edge belongs to the brush, whatever the rounding says. In small whole
    # numbers, since the mask is all that grows with the area.
    from_column = np.clip(np.ceil((left - EDGE) / column_mm), c0, c1).astype(np.int32)
    to_column = np.clip(np.floor((right + EDGE) / column_mm) + 1, c0, c1).astype(np.int32)
    columns = np.arange(c0, c1, dtype=np.int32)
    mask = (columns >= from_column[:, None]) & (columns < to_column[:, None])
    for row, column in (start, end) if dot else ():
        r, c = round(row) - r0, round(column) - c0
        if 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1]:
            mask[r, c] = True
    return Patch(mask, (r0, c0))


def polygon(corners: Sequence[Point], size: tuple[int, int]) -> Patch:
    """The pixels whose centres a closed outline goes round, its own corners' pixels included.

    Where a freehand outline crosses itself, the loops count as inside too (non-zero winding rule). Each edge notes, for
    the rows it crosses, where it does; the winding number of a pixel is the sum of the crossings to its right. So the
    cost is the length of the outline and the area of its frame, however many corners there are.
    """
    if len(corners) < 3:
        return NOTHING
    points = np.asarray(corners, dtype=float)
    window = _window(points[:, 0].min(), points[:, 0].max(), points[:, 1].min(), points[:, 1].max(), size)
    if window is None:
        return NOTHING
    r0, r1, c0, c1 = window
    ends = np.roll(points, -1, axis=0)
    # An edge crosses the rows from its upper end (included) to its lower one (not): joints count once.
    first = np.clip(np.ceil(np.minimum(points[:, 0], ends[:, 0])), r0, r1).astype(int)
    last = np.clip(np.ceil(np.maximum(points[:, 0], ends[:, 0])), r0, r1).astype(int)
    count = last - first
    edge = np.repeat(np.arange(len(points)), count)
    row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    start, end = points[edge], ends[edge]
    meets = start[:, 1] + (row - start[:, 0]) / (end[:, 0] - start[:, 0]) * (end[:, 1] - start[:, 1])
    column = np.clip(np.ceil(meets).astype(int) - c0, 0, c1 - c0)
    winding = np.zeros((r1 - r0, c1 - c0 + 1), dtype=np.int32)
    np.add.at(winding, (row - r0, column), np.where(end[:, 0] > start[:, 0], 1, -1))
    inside = np.cumsum(winding[:, :0:-1], axis=1)[:, ::-1] != 0
    for at in points.round().astype(int) - (r0, c0):
        if 0 <= at[0] < inside.shape[0] and 0 <= at[1] < inside.shape[1]:
            inside[at[0], at[1]] = True
    return Patch(inside, (r0, c0))


def flood(labels: NDArray[np.uint16], seed: tuple[int, int]) -> Patch:
    """The pixels joined to `seed` by edges and of the same label, on a plane of labels (rows, columns)."""
    from scipy import ndimage

    row, column = seed
    if not (0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]):
        return NOTHING
    parts, _ = ndimage.label(labels == labels[row, column])
    return _trim(parts == parts[row, column])


def outline(labels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Pixels of a label that touch another label or the background by an edge; (rows, columns)."""
    edge = np.zeros(labels.shape, dtype=bool)
    vertical, horizontal = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge[1:] |= vertical
    edge[:-1] |= vertical
    edge[:, 1:] |= horizontal
    edge[:, :-1] |= horizontal
    return edge & (labels != 0)


def _window(top: float, bottom: float, left: float, right: float, size: tuple[int, int]) -> tuple[int, ...] | None:
    """First and last-plus-one rows and columns of the plane that a rectangle reaches."""
    r0, r1 = max(int(np.floor(top)), 0), min(int(np.ceil(bottom)) + 1, size[0])
    c0, c1 = max(int(np.floor(left)), 0), min(int(np.ceil(right)) + 1, size[1])
    return (r0, r1, c0, c1) if r0 < r1 and c0 < c1 else None


def _trim(mask: NDArray[np.bool_]) -> Patch:
    """The mask cut down to what is set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return NOTHING
    r0, c0 = int(rows[0]), int(columns[0])
    return Patch(mask[r0 : int(rows[-1]) + 1, c0 : int(columns[-1]) + 1], (r0, c0))
