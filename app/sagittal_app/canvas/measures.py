"""Rulers, angles and regions drawn on a scan: what they measure, kept per scan while the window is open. No Qt.

A measure lies on one slice of one plane. Its points are voxel positions, so that it stays where it was drawn however
the plane is shown; lengths, angles and areas are taken in millimetres through the scan's affine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sagittal.facts import ImageLoan
from sagittal_app.canvas.geometry import AXES, Plane

Place = tuple[float, float, float]
"""A voxel position; whole numbers are voxel centres."""


class Kind(StrEnum):
    RULER = "ruler"
    ANGLE = "angle"
    REGION = "region"


POINTS = {Kind.RULER: 2, Kind.ANGLE: 3, Kind.REGION: 2}
"""The ends of a ruler; an end, the vertex and the other end of an angle; two opposite corners around an ellipse."""


@dataclass(frozen=True)
class Measure:
    """One measure; one with fewer points than its kind has is still being drawn."""

    kind: Kind
    plane: Plane
    index: int
    points: tuple[Place, ...]

    @property
    def whole(self) -> bool:
        return len(self.points) == POINTS[self.kind] and len(set(self.points)) == len(self.points)

    def handles(self) -> tuple[Place, ...]:
        """Where it can be taken hold of: its points, or the four ends and the middle of a region."""
        if self.kind is not Kind.REGION or not self.whole:
            return self.points
        _, row, column = AXES[self.plane]
        low, high = np.minimum(*self.points), np.maximum(*self.points)
        middle = (low + high) / 2
        ends = []
        for axis, end in ((row, low), (row, high), (column, low), (column, high)):
            at = middle.copy()
            at[axis] = end[axis]
            ends.append(at)
        return tuple(_place(at) for at in (*ends, middle))

    def moved(self, handle: int, to: Place) -> Measure:
        """The measure with one of its handles elsewhere."""
        if self.kind is not Kind.REGION or not self.whole:
            points = list(self.points)
            points[handle] = to
            return replace(self, points=tuple(points))
        low, high = np.minimum(*self.points), np.maximum(*self.points)
        if handle == 4:
            shift = np.asarray(to) - (low + high) / 2
            low, high = low + shift, high + shift
        else:
            axis = AXES[self.plane][1 + handle // 2]
            (high if handle % 2 else low)[axis] = to[axis]
        return replace(self, points=(_place(low), _place(high)))


@dataclass(frozen=True)
class Statistics:
    """Intensities of the voxels whose centres lie in a region."""

    n: int
    mean: float
    sd: float
    """Sample standard deviation (n - 1); 0 for a single voxel."""
    low: float
    high: float


def length(measure: Measure, affine: NDArray[np.float64]) -> float:
    """Millimetres between the first two points."""
    first, second = (affine[:3, :3] @ np.asarray(point) for point in measure.points[:2])
    return float(np.linalg.norm(second - first))


def angle(measure: Measure, affine: NDArray[np.float64]) -> float:
    """Degrees, 0…180, between the two arms that meet in the second point."""
    first, vertex, second = (affine[:3, :3] @ np.asarray(point) for point in measure.points)
    a, b = first - vertex, second - vertex
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


def area(measure: Measure, affine: NDArray[np.float64]) -> float:
    """Square millimetres of the ellipse that a region is."""
    _, row, column = AXES[measure.plane]
    half = np.abs(np.subtract(*measure.points)) / 2
    face = np.linalg.norm(np.cross(affine[:3, row], affine[:3, column]))
    return float(np.pi * half[row] * half[column] * face)


def statistics(measure: Measure, scan: ImageLoan) -> Statistics | None:
    """Of a region of a grey scan; None for colour, and where it holds no voxel of the scan."""
    if scan.data.ndim != 3 or not 0 <= measure.index < scan.data.shape[AXES[measure.plane][0]]:
        return None
    _, row, column = AXES[measure.plane]
    low, high = np.minimum(*measure.points), np.maximum(*measure.points)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-9)
    part: list[slice | int] = [measure.index] * 3
    squares = []
    for axis in sorted((row, column)):
        first, last = max(int(np.ceil(low[axis])), 0), min(int(np.floor(high[axis])), scan.data.shape[axis] - 1)
        part[axis] = slice(first, last + 1)
        squares.append(((np.arange(first, last + 1) - middle[axis]) / half[axis]) ** 2)
    inside = squares[0][:, None] + squares[1][None, :] <= 1.0
    values = np.asarray(scan.data[tuple(part)])[inside].astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    sd = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return Statistics(values.size, float(values.mean()), sd, float(values.min()), float(values.max()))


def words(measure: Measure, scan: ImageLoan) -> tuple[str, ...]:
    """What a measure says beside itself, a line each; nothing while it cannot say anything."""
    affine = np.asarray(scan.affine, dtype=np.float64)
    if len(measure.points) < 2 or len(set(measure.points)) < 2:
        return ()
    if measure.kind is Kind.RULER or not measure.whole:
        return (f"{length(measure, affine):.1f} {scan.length_unit}",)
    if measure.kind is Kind.ANGLE:
        return (f"{angle(measure, affine):.1f}°",)
    extent = _area_words(area(measure, affine), scan)
    found = statistics(measure, scan)
    if found is None:
        return (extent,)
    unit = f" {scan.unit}" if scan.unit else ""
    return (
        f"mean {_figures(found.mean)}  sd {_figures(found.sd)}{unit}",
        f"min {_figures(found.low)}  max {_figures(found.high)}{unit}",
        f"n {found.n}  {extent}",
    )


def _figures(value: float) -> str:
    """Four figures, and all of those before the point of what has more."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def _area_words(square: float, scan: ImageLoan) -> str:
    if not scan.sized:
        return f"{square:.0f} px²"
    return f"{square / 100:.2f} cm²" if square >= 100 else f"{square:.1f} mm²"


def table(measures: Sequence[Measure], scan: ImageLoan) -> str:
    """Measures as a table to paste: a row each, columns parted by tabs, numbers in full."""
    affine = np.asarray(scan.affine, dtype=np.float64)
    long = scan.length_unit
    rows = [f"measure\tplane\tslice\tlength {long}\tangle deg\tarea {long}2\tn\tmean\tsd\tmin\tmax\tunit"]
    for one in measures:
        found = statistics(one, scan) if one.kind is Kind.REGION else None
        figures = (found.mean, found.sd, found.low, found.high) if found is not None else ()
        cells = [
            f"{length(one, affine):.3f}" if one.kind is Kind.RULER else "",
            f"{angle(one, affine):.3f}" if one.kind is Kind.ANGLE else "",
            f"{area(one, affine):.3f}" if one.kind is Kind.REGION else "",
            *([f"{found.n}", *(f"{figure:.6g}" for figure in figures), scan.unit] if found is not None else 6 * [""]),
        ]
        rows.append("\t".join([one.kind, one.plane, f"{one.index + 1}", *cells]))
    return "\n".join(rows)


@dataclass(frozen=True)
class _Change:
    key: tuple[str, bytes]
    before: tuple[Measure, ...]
    after: tuple[Measure, ...]
    depth: int
    """Edits of labels in force when it was made: tells whether a measure or an edit is the newer."""


class Measures:
    """The measures of every scan shown since the window opened, with their own undo.

    Undo and redo of measures and of label edits are one to the user: `undo` and `redo` are offered how many label edits
    are in force, and do nothing where the label edit is next in turn.
    """

    def __init__(self) -> None:
        self.draft: Measure | None = None
        """One still being drawn or moved: shown, and not yet kept."""
        self._hidden: Measure | None = None
        """The one being moved, as it was."""
        self.changed: list[Callable[[], None]] = []
        self._of: dict[tuple[str, bytes], tuple[Measure, ...]] = {}
        self._done: list[_Change] = []
        self._undone: list[_Change] = []
        self._said: dict[tuple[tuple[str, bytes], Measure], tuple[str, ...]] = {}

    def of(self, scan: ImageLoan | None) -> tuple[Measure, ...]:
        """Those of a scan, oldest first."""
        return self._of.get(_key(scan), ()) if scan is not None else ()

    def shown(self, scan: ImageLoan | None, plane: Plane, index: int) -> list[Measure]:
        """Those on one slice, with the one being drawn."""
        kept = [one for one in self.of(scan) if one != self._hidden]
        drawn = [self.draft] if self.draft is not None else []
        return [one for one in (*kept, *drawn) if one.plane is plane and one.index == index]

    def words(self, measure: Measure, scan: ImageLoan) -> tuple[str, ...]:
        """As `words`, remembered for a scan that is wholly read."""
        if scan.arrival is not None and scan.arrival.under_way:
            return words(measure, scan)
        key = (_key(scan), measure)
        if key not in self._said:
            if len(self._said) > 1000:
                self._said.clear()
            self._said[key] = words(measure, scan)
        return self._said[key]

    def sketch(self, measure: Measure | None, instead_of: Measure | None = None) -> None:
        """Shows a measure being drawn, or moved from where it was, or none."""
        if (measure, instead_of) != (self.draft, self._hidden):
            self.draft, self._hidden = measure, instead_of
            self._tell()

    def set(self, scan: ImageLoan, measures: Sequence[Measure], depth: int) -> None:
        """Makes `measures` those of the scan, as one step of undo; `depth` is how many label edits are in force."""
        self.draft = self._hidden = None
        before, after = self.of(scan), tuple(measures)
        if before != after:
            self._done.append(_Change(_key(scan), before, after, depth))
            self._undone.clear()
            self._of[_key(scan)] = after
        self._tell()

    def undo(self, scan: ImageLoan | None, depth: int) -> bool:
        """Takes the newest change of the scan's measures back where no label edit is newer; whether it did."""
        if scan is None or not self._done or self._done[-1].key != _key(scan) or self._done[-1].depth < depth:
            return False
        change = self._done.pop()
        self._undone.append(change)
        self._of[change.key] = change.before
        self._tell()
        return True

    def redo(self, scan: ImageLoan | None, depth: int) -> bool:
        """Brings back what `undo` took, where it is next in turn; whether it did."""
        if scan is None or not self._undone or self._undone[-1].key != _key(scan) or self._undone[-1].depth != depth:
            return False
        change = self._undone.pop()
        self._done.append(change)
        self._of[change.key] = change.after
        self._tell()
        return True

    def forget_history(self) -> None:
        """Another label set is shown: its edits are counted anew, so measures stay but are no longer undone."""
        self.draft = self._hidden = None
        self._done, self._undone = [], []

    def _tell(self) -> None:
        for listener in tuple(self.changed):
            listener()


def _key(scan: ImageLoan) -> tuple[str, bytes]:
    """The scan and its grid: resampled, the same scan has other voxels."""
    return scan.scan, np.asarray(scan.affine, dtype=np.float64).tobytes()


def _place(at: NDArray[np.float64]) -> Place:
    x, y, z = (float(v) for v in at)
    return x, y, z
