"""Label maps that lie on another grid than their image: which they are, and how they look once they are resampled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.facts import Label, OtherGrid, Resampled
from sagittal_engine import imaging
from sagittal_engine.imaging.label_tables import components
from sagittal_engine.study import label_names, resample
from sagittal_engine.study.candidates import Candidate

Array = np.ndarray[Any, Any]

SIDE = 320
"""Most pixels along a side of a picture."""
OPACITY = 0.5
_AXES = ((2, (0, 1), "RLAP"), (1, (0, 2), "RLSI"), (0, (1, 2), "APSI"))
"""Across which axis a plane lies, its axes to the right and upwards, and the letters at its edges, turned round: the
patient's right or front is at the left of a radiological picture."""


def among(images: Iterable[Candidate]) -> list[OtherGrid]:
    """The label maps of `images` that can only be taken resampled; reads no voxel."""
    return [
        OtherGrid(
            image.source.name,
            image.source.kind,
            tuple(str(file) for file in image.source.files),
            label.source.kind,
            tuple(str(file) for file in label.source.files),
            imaging.grid_difference(image.header, label.header),
        )
        for image in images
        for label in image.labels
        if resample.changes(label.header, image.header)
    ]


def resampled(found: OtherGrid) -> Resampled:
    """What an import would make of it. Raises `SagittalError` where a file cannot be read."""
    source = imaging.Source(found.kind, tuple(Path(file) for file in found.files), found.name)
    image = imaging.read(imaging.Source(found.image_kind, tuple(Path(file) for file in found.image_files), found.name))
    own = imaging.read(source)
    before = imaging.label_map(own).data
    after = resample.fit(before, own.header, image.header)
    counted = _counts(before), _counts(after)
    numbers = [int(n) for n in np.flatnonzero(counted[0] + counted[1]) if n]
    table, _ = label_names.names_of(source, numbers)
    flat = own.grid.assumed_axes or image.grid.assumed_axes
    sizes = [1.0 if flat else abs(np.linalg.det(one.grid.canonical_affine[:3, :3])) / 1000 for one in (own, image)]
    sized = [counts * size for counts, size in zip(counted, sizes, strict=True)]
    volumes = tuple((row, float(sized[0][row.number]), float(sized[1][row.number])) for row in table)
    axes = _AXES if not flat and min(image.data.shape[:3]) > 1 else _AXES[:1]
    return Resampled(
        planes=tuple(_picture(image, after, table, across, sides) for across, sides, _ in axes),
        edges=tuple("" if flat else edges for _, _, edges in axes),
        volumes=volumes,
        unit="voxels" if flat else "ml",
    )


def _counts(labels: Array) -> Array:
    """Voxels of every number, int64 (65536,); plane by plane, because counting works on eight bytes a voxel."""
    counts = np.zeros(2**16, np.int64)
    for plane in labels:
        found = np.bincount(plane.ravel())
        counts[: len(found)] += found
    return counts


def _picture(
    image: imaging.Volume, labels: Array, table: Iterable[Label], across: int, sides: tuple[int, int]
) -> Array:
    """uint8 (rows, columns, 3): the slice with most labels across one axis, with the labels over it."""
    at = int(np.argmax(np.count_nonzero(labels, axis=sides)))
    width, height = (labels.shape[side] * image.spacing[side] for side in sides)
    scale = SIDE / max(width, height)
    grid = np.ix_(
        *(
            _nearest(labels.shape[side], max(1, round(size * scale)))
            for side, size in zip(sides, (width, height), strict=True)
        )
    )
    low, high = image.window
    plane = np.take(image.data, at, axis=across)[grid].astype(np.float32)
    grey = np.nan_to_num((plane - low) / max(high - low, 1e-12), nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * 255
    colour = grey if grey.ndim == 3 else np.repeat(grey[..., None], 3, axis=2)
    drawn = np.take(labels, at, axis=across)[grid]
    for row in table:
        inside = drawn == row.number
        colour[inside] = (1 - OPACITY) * colour[inside] + OPACITY * np.array(components(row.colour), np.float32)
    return np.ascontiguousarray(colour.astype(np.uint8)[::-1, ::-1].swapaxes(0, 1))


def _nearest(have: int, size: int) -> Array:
    """Indices of `size` samples along `have` voxels."""
    return ((np.arange(size) + 0.5) * have / size).astype(np.int64)
