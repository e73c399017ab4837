"""Slices in order along their normal, and the grid they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sagittal_engine.imaging import geometry
from sagittal_engine.imaging.dicom.instance import Frame, Instance
from sagittal_engine.imaging.volume import Array, ImagingError

SAME_DIRECTION = 2e-3
"""Largest difference between direction cosines that still counts as the same direction (0.1 degrees)."""

SAME_PLACE = 1e-3
"""Millimetres along the normal below which two slices lie in the same place."""

_UNEVEN = 0.02
"""Share of the usual distance by which a distance between slices may differ before it is called uneven."""

_ASIDE = 0.1
"""Millimetres by which a slice may lie beside the line through the first and last."""

_TILT = 0.1
"""Degrees between slice direction and normal from which the stack is called tilted."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames in order with the affine of the array (columns, rows, slices)."""

    instance: Instance
    """The file whose facts stand for all."""
    instances: tuple[Instance, ...]
    frames: tuple[Frame, ...]
    affine: Array
    """float64 (4, 4): (column, row, slice) to RAS+ millimetres."""
    assumed_axes: bool
    warnings: tuple[str, ...]

    @property
    def assumed_size(self) -> bool:
        return self.frames[0].spacing is None

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.instance.columns, self.instance.rows, len(self.frames))


def along_normal(frame: Frame) -> float:
    """Millimetres of the frame's position along the normal of its plane."""
    assert frame.orientation is not None and frame.position is not None
    (a, b, c), (d, e, f) = frame.orientation
    x, y, z = frame.position
    return (b * f - c * e) * x + (c * d - a * f) * y + (a * e - b * d) * z


def is_placed(frame: Frame) -> bool:
    return frame.orientation is not None and frame.position is not None


def height(instance: Instance) -> float:
    """What orders single slices: the place along their normal; without one their slice location, else their number."""
    frame = instance.frames[0]
    if is_placed(frame):
        return along_normal(frame)
    return float(instance.number) if frame.location is None else frame.location


def stack_of(instances: Sequence[Instance]) -> Stack:
    """Orders the frames of `instances`, which belong together, and computes their grid.

    Raises `ImagingError` where frames of one file lie in the same place or in several directions.
    """
    first = instances[0]
    frames = [frame for instance in instances for frame in instance.frames]
    unplaced = not all(is_placed(frame) for frame in frames)
    if len(first.frames) > 1 and unplaced and not (first.is_volume and first.frames[0].thickness):
        raise ImagingError(
            f"{first.path.name} holds {len(frames)} frames that have no place in space: a film, not a volume."
            " Save single frames."
        )
    if len(frames) > 1 and not unplaced:
        _check_positions(first, frames)
        frames.sort(key=along_normal)
    elif len(instances) > 1:
        frames = [frame for instance in sorted(instances, key=height) for frame in instance.frames]
    affine, warnings = _affine(frames, unplaced)
    if len(instances) > 1 and len({instance.photometric for instance in instances}) > 1:
        raise ImagingError(f"{first.path.name} and the other files of its series store pixels in different ways.")
    return Stack(
        instance=first,
        instances=tuple(instances),
        frames=tuple(frames),
        affine=affine,
        assumed_axes=unplaced,
        warnings=tuple(warnings),
    )


def _check_positions(first: Instance, frames: Sequence[Frame]) -> None:
    name = first.path.name
    directions = np.array([frame.orientation for frame in frames])
    if np.abs(directions - directions[0]).max() > SAME_DIRECTION:
        raise ImagingError(f"{name} holds frames in several directions, not one stack. Export its stacks one by one.")
    places = np.sort([along_normal(frame) for frame in frames])
    distinct = 1 + int(np.count_nonzero(np.diff(places) > SAME_PLACE))
    if distinct < len(frames):
        raise ImagingError(
            f"{name} is 4D: it holds {len(frames)} frames in {distinct} places (echoes, times or weights)."
            " Export one volume of it and import that."
        )


def _affine(frames: Sequence[Frame], unplaced: bool) -> tuple[Array, list[str]]:
    """(column, row, slice) to RAS+ (C.7.6.2.1.1, equation C.7.6.2.1-1), and what a user should know."""
    frame, warnings = frames[0], []
    rows, columns = frame.spacing or (1.0, 1.0)
    if frame.spacing is None:
        warnings.append("The header gives no pixel size; 1 mm is assumed, so lengths and volumes mean nothing.")
    if unplaced or frame.orientation is None or frame.position is None:
        what = "the picture is taken as an axial slice" if len(frames) == 1 else "the frames are taken as axial slices"
        warnings.append(f"The header gives no place in space; {what} seen from the feet.")
        apart = _usual_location_step(frames) or frame.thickness
        if len(frames) > 1 and apart is None:
            warnings.append("The header gives no distance between slices; 1 mm is assumed.")
        return geometry.LPS_TO_RAS @ np.diag([columns, rows, apart or 1.0, 1.0]), warnings
    along, down = (np.asarray(direction) for direction in frame.orientation)
    normal = np.cross(along, down)
    normal /= np.linalg.norm(normal)
    if len(frames) > 1:
        step, said = _step(frames, normal)
        warnings += said
    else:
        step = normal * (frame.thickness or 1.0)
        if frame.thickness is None:
            warnings.append("The header gives no slice thickness; 1 mm is assumed.")
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = along * columns, down * rows, step
    affine[:3, 3] = frame.position
    return geometry.LPS_TO_RAS @ affine, warnings


def _usual_location_step(frames: Sequence[Frame]) -> float | None:
    """The usual distance between slice locations, where there are any that differ."""
    locations = [frame.location for frame in frames if frame.location is not None]
    if len(locations) < 2 or len(locations) < len(frames):
        return None
    return float(np.median(np.diff(locations))) or None


def _step(frames: Sequence[Frame], normal: Array) -> tuple[Array, list[str]]:
    """The vector from one slice to the next (the median distance), and what is uneven or tilted about it."""
    positions = np.array([frame.position for frame in frames])
    gaps = np.diff(positions @ normal)
    usual, warnings = float(np.median(gaps)), []
    whole = positions[-1] - positions[0]
    step = whole / float(whole @ normal) * usual
    worst = int(np.argmax(np.abs(gaps - usual)))
    if abs(gaps[worst] - usual) > _UNEVEN * usual:
        warnings.append(
            f"The distances between slices are uneven: {gaps.min():.4g} to {gaps.max():.4g} mm, most of all between"
            f" slices {worst + 1} and {worst + 2}. The scan is shown as if all were {usual:.4g} mm."
        )
    heights = (positions - positions[0]) @ normal
    sideways = positions - positions[0] - np.outer(heights / heights[-1], whole)
    if (aside := float(np.abs(sideways).max())) > _ASIDE:
        warnings.append(
            f"Slices lie up to {aside:.2g} mm beside each other's line; the scan is shown as if they did not."
        )
    tilt = float(np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1.0, 1.0))))
    if tilt > _TILT:
        warnings.append(
            f"The slices are shifted against each other by {tilt:.1f}° (gantry tilt); the scan is shown as if they lay"
            " straight, and the file's own grid is kept for export."
        )
    return step, warnings
