"""DICOM segmentations (PS3.3 A.51, A.51.5) as label maps: voxels, names and colours, and the images they refer to.

What the files say is found out by a helper process, as compressed frames are unpacked (see `guarded`, `segments`).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import SegmentationStorage

from sagittal.facts import Label, colour_of
from sagittal_engine.imaging import storage
from sagittal_engine.imaging.dicom.guarded import ask
from sagittal_engine.imaging.dicom.opening import open_dicom
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

KIND = "dicom-seg"
CLASSES = (SegmentationStorage, "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation Storage and Label Map Segmentation Storage."""

_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_OWN_NUMBER = re.compile(r"^label (\d{1,5})$")
"""How our own exports remember a label's number: segments are numbered from 1 without gaps."""


@dataclass(frozen=True)
class _Outline:
    """A segmentation as far as its header tells."""

    description: str
    shape: tuple[int, int, int] | None
    """Slices, rows, columns; None where the slices make no volume."""
    affine: tuple[float, ...] | None
    """(slice, row, column) to LPS millimetres: 4 × 4 numbers, row by row."""
    segments: tuple[tuple[int, str, str, str], ...]
    """Number, label, tracking id and display colour (or "") of each."""
    references: frozenset[str]


def is_segmentation(path: Path) -> bool:
    """Whether a DICOM file is a segmentation; reads its beginning."""
    try:
        with storage.quiet(), open_dicom(path) as file:
            found = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["SOPClassUID"])
            return found.get("SOPClassUID") in CLASSES
    except Exception:  # values are decoded when they are asked for, and a damaged one can raise nearly anything
        return False


def source_of(path: Path) -> Source:
    """The segmentation as a source, named by its series."""
    return Source(KIND, (path,), _outline(path).description or "segmentation")


def probe(source: Source) -> Header:
    """The grid that the segments' slices span; raises `ImagingError` where they make no volume."""
    path, outline = source.path, _outline(source.path)
    if outline.shape is None or outline.affine is None:
        raise ImagingError(
            f"{path.name} is a DICOM segmentation whose slices are not evenly spaced, parallel planes."
            " Convert it to NIfTI to use it as a label map."
        )
    slices, rows, columns = outline.shape
    affine: Array = _FROM_LPS @ np.array(outline.affine, np.float64).reshape(4, 4)[:, [2, 1, 0, 3]]
    grid = SourceGrid(shape=(columns, rows, slices), affine=affine)
    return Header(grid=grid, dtype="uint16", modality="SEG", looks_like_labels=True)


def read(source: Source) -> Volume:
    """Label numbers on that grid: uint16, canonical order. Where segments overlap, the later one is on top."""
    header = probe(source)
    columns, rows, slices = header.grid.shape
    labels = _labels(_outline(source.path))
    numbers = np.zeros(2**16, np.uint16)
    numbers[list(labels)] = [label.number for label in labels.values()]
    voxels = np.zeros((slices, rows, columns), np.uint16)
    for said, plane in ask("planes", source.path, slices=slices, rows=rows, columns=columns):
        if plane is not None:
            voxels[said["at"]] = numbers[plane]
    return Volume(data=header.grid.to_canonical(voxels.transpose(2, 1, 0)), header=header)


def label_table(path: Path) -> tuple[Label, ...]:
    """Names and colours of the segments."""
    return tuple(sorted(_labels(_outline(path)).values(), key=lambda label: label.number))


def references(path: Path) -> frozenset[str]:
    """UIDs of the series and of the images that a segmentation was drawn on."""
    return _outline(path).references


def _outline(path: Path) -> _Outline:
    status = path.stat()
    return _remembered(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=256)
def _remembered(path: Path, _changed: int, _size: int) -> _Outline:
    ((said, _),) = ask("outline", path)
    return _Outline(
        description=said["description"],
        shape=None if said["shape"] is None else tuple(said["shape"]),
        affine=None if said["affine"] is None else tuple(said["affine"]),
        segments=tuple((number, label, tracked, colour) for number, label, tracked, colour in said["segments"]),
        references=frozenset(said["references"]),
    )


def _labels(outline: _Outline) -> dict[int, Label]:
    """Segment number → label, with the numbers of our own exports brought back."""
    found: dict[int, Label] = {}
    for segment, label, tracked, colour in outline.segments:
        own = _OWN_NUMBER.match(tracked)
        number = int(own[1]) if own and 0 < int(own[1]) < 2**16 else segment
        found[segment] = Label(number, label or f"segment {segment}", colour or colour_of(segment))
    if len({label.number for label in found.values()}) < len(found):
        found = {segment: Label(segment, label.name, label.colour) for segment, label in found.items()}
    return found
