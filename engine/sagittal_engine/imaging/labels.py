"""Label maps: written in the source grid with names and colours beside them, read back, understood when imported."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sagittal.facts import Label
from sagittal_engine.imaging import geometry, storage
from sagittal_engine.imaging.formats import read
from sagittal_engine.imaging.label_tables import write_label_table
from sagittal_engine.imaging.naming import labels_sidecar, stem
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume


@dataclass(frozen=True, eq=False)
class LabelMap:
    """An imported label map."""

    data: Array
    """uint16 (X, Y, Z), canonical order."""
    warnings: tuple[str, ...] = ()


def write_labels(path: Path, labels: Array, grid: SourceGrid, table: Sequence[Label]) -> None:
    """`write_voxels`, and names and colours in `<stem>.labels.json` beside the file."""
    write_voxels(path, labels, grid)
    write_label_table(labels_sidecar(path), table)


def write_voxels(path: Path, labels: Array, grid: SourceGrid) -> None:
    """Writes `labels` (canonical order, whole numbers 0…65535) as NIfTI in the source grid, atomically.

    A NIfTI source's affine and header are kept bit for bit. `path` ends in .nii or .nii.gz.
    """
    from sagittal_engine.imaging import nifti

    if not path.name.endswith((".nii", ".nii.gz")):
        raise ImagingError(f"Label maps are written as .nii or .nii.gz; '{path.name}' ends otherwise.")
    check_labels(labels)
    image = nifti.label_image(grid, grid.to_source(labels.astype(np.uint16, copy=False)))
    with storage.atomic(path) as temporary, temporary.open("wb") as file:
        if path.name.endswith(".gz"):
            with gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as packed:
                image.to_stream(packed)
        else:
            image.to_stream(file)


def read_labels(path: Path, grid: SourceGrid) -> Array:
    """A label map that `write_labels` wrote on `grid`: uint16 (X, Y, Z), canonical order, a private writable copy."""
    volume = read(Source("nifti", (path,), stem(path)))
    if volume.grid.shape != grid.shape or not geometry.same_place(volume.grid.affine, grid.affine, grid.shape):
        raise ImagingError(f"{path.name} lies on another voxel grid than its scan; it was not written for this scan.")
    return label_map(volume).data


def check_labels(labels: Array) -> None:
    """Raises `ImagingError` unless every value is a whole number a uint16 can hold."""
    if labels.ndim != 3:
        raise ImagingError(f"A label map has three axes; got shape {labels.shape}.")
    if labels.dtype == bool or labels.dtype == np.uint16 or labels.size == 0:
        return
    for index in range(labels.shape[2]):
        part = np.asarray(labels[:, :, index])
        if part.dtype.kind == "f" and not (np.isfinite(part).all() and (part == np.rint(part)).all()):
            raise ImagingError("A label map holds whole numbers only; this one has fractions or NaN.")
        if part.min() < 0 or part.max() > 65535:
            raise ImagingError(f"Label numbers go from 0 to 65535; found {part.min():g} to {part.max():g}.")


def label_map(volume: Volume) -> LabelMap:
    """The voxels of an imported label map as uint16; raises `ImagingError` where they cannot be labels.

    Of pictures, colour is refused, and a grey mask whose white is 255 (JPEG masks with greys in between included)
    becomes label 1 from 128 up.
    """
    data = volume.data
    if data.ndim == 4:
        raise ImagingError("A colour picture is no label map; save the mask in grey or with a palette.")
    if volume.grid.assumed_axes and data.dtype == np.uint8 and int(data.max()) == 255:
        between = int(np.count_nonzero((data > 0) & (data < 255)))
        said = (f"{between} pixels between black and white were divided at 128.",) if between else ()
        return LabelMap((data >= 128).astype(np.uint16), said)
    check_labels(data)
    # At once in the order that a label set is lent in: a second copy of a large map is felt.
    return LabelMap(data.astype(np.uint16, order="C"))


def grid_difference(image: Header, labels: Header) -> str:
    """One sentence on how a label map's grid differs from its image's, or "" where they are the same."""
    if image.shape != labels.shape:
        ours, theirs = (" × ".join(map(str, header.shape)) for header in (image, labels))
        return f"The label map has {theirs} voxels, the image {ours}."
    if image.grid.assumed_axes or labels.grid.assumed_axes:
        return ""
    if not geometry.same_place(image.grid.canonical_affine, labels.grid.canonical_affine, image.shape):
        return "The label map has as many voxels as the image but lies elsewhere in space."
    return ""
