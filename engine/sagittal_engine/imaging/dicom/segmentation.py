"""DICOM segmentations (PS3.3 A.51, A.51.5) as label maps: voxels, names and colours, and the images they refer to."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from sagittal.facts import Label, colour_of
from sagittal_engine.imaging import storage
from sagittal_engine.imaging.naming import quoted
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

if TYPE_CHECKING:
    import highdicom  # a third of a second, so only where there is a segmentation

KIND = "dicom-seg"
CLASSES = (SegmentationStorage, "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation Storage and Label Map Segmentation Storage."""

_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_OWN_NUMBER = re.compile(r"^label (\d{1,5})$")
"""How our own exports remember a label's number: segments are numbered from 1 without gaps."""


def is_segmentation(path: Path) -> bool:
    """Whether a DICOM file is a segmentation; reads its beginning."""
    try:
        with storage.quiet(), storage.open_plain(path) as file:
            found = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["SOPClassUID"])
            return found.get("SOPClassUID") in CLASSES
    except Exception:  # values are decoded when they are asked for, and a damaged one can raise nearly anything
        return False


def source_of(path: Path) -> Source:
    """The segmentation as a source, named by its series."""
    with _read(path) as data:
        return Source(KIND, (path,), quoted(str(data.get("SeriesDescription") or "")) or "segmentation")


def probe(source: Source) -> Header:
    """The grid that the segments' slices span; raises `ImagingError` where they make no volume."""
    with _read(source.path) as data:
        return _header(data, source.path)


def read(source: Source) -> Volume:
    """Label numbers on that grid: uint16, canonical order. Where segments overlap, the later one is on top."""
    with _read(source.path, lazy=False) as data:
        header = _header(data, source.path)
        if data.segmentation_type.value == "FRACTIONAL":
            parts = data.get_volume().array
            segments = (parts >= 0.5).astype(np.uint16) * np.asarray(data.segment_numbers, np.uint16)
            voxels = segments.max(axis=-1)
        else:
            voxels = data.get_volume(combine_segments=True, skip_overlap_checks=True, dtype=np.uint16).array
        numbers = np.zeros(int(voxels.max(initial=0)) + 1, np.uint16)
        for segment, label in _labels(data).items():
            if segment < len(numbers):
                numbers[segment] = label.number
    return Volume(data=header.grid.to_canonical(np.moveaxis(numbers[voxels], (2, 1, 0), (0, 1, 2))), header=header)


def label_table(path: Path) -> tuple[Label, ...]:
    """Names and colours of the segments."""
    with _read(path) as data:
        return tuple(sorted(_labels(data).values(), key=lambda label: label.number))


def references(path: Path) -> frozenset[str]:
    """UIDs of the series and of the images that a segmentation was drawn on."""
    with _read(path) as data:
        found = set()
        for series in data.get("ReferencedSeriesSequence", ()):
            found.add(str(series.get("SeriesInstanceUID", "")))
            found.update(str(one.ReferencedSOPInstanceUID) for one in series.get("ReferencedInstanceSequence", ()))
    return frozenset(found - {""})


@contextmanager
def _read(path: Path, lazy: bool = True) -> Iterator[highdicom.seg.Segmentation]:
    """The file; whatever is wrong with it becomes one sentence. `lazy` leaves the frames on disk.

    Frames are read whole or not at all: frame by frame, the library loses its place among bits that fill no byte.
    """
    import highdicom

    try:
        with storage.quiet(), storage.open_plain(path) as file:
            data = highdicom.seg.segread(file, lazy_frame_retrieval=lazy)
            with closing(frame_table(data)):
                yield data
    except ImagingError:
        raise
    except Exception as error:  # a damaged file can make the library raise nearly anything
        if isinstance(error, OSError) and error.errno:
            raise
        raise ImagingError(f"{path.name} is a DICOM segmentation that cannot be read: {quoted(error)}.") from error


def frame_table(data: highdicom.seg.Segmentation) -> sqlite3.Connection:
    """The table in memory in which the library looks frames up. It never closes it, of which Python warns from 3.13."""
    table: sqlite3.Connection = data._db_con
    return table


def _header(data: highdicom.seg.Segmentation, path: Path) -> Header:
    geometry = data.get_volume_geometry()
    if geometry is None:
        raise ImagingError(
            f"{path.name} is a DICOM segmentation whose slices are not evenly spaced, parallel planes."
            " Convert it to NIfTI to use it as a label map."
        )
    slices, rows, columns = geometry.spatial_shape
    affine: Array = _FROM_LPS @ np.asarray(geometry.affine, dtype=np.float64)[:, [2, 1, 0, 3]]
    grid = SourceGrid(shape=(columns, rows, slices), affine=affine)
    return Header(grid=grid, dtype="uint16", modality="SEG", looks_like_labels=True)


def _labels(data: Dataset) -> dict[int, Label]:
    """Segment number → label, with the numbers of our own exports brought back."""
    found: dict[int, Label] = {}
    for item in data.SegmentSequence:
        segment = int(item.SegmentNumber)
        if segment:
            own = _OWN_NUMBER.match(str(item.get("TrackingID", "")))
            name = quoted(str(item.get("SegmentLabel", ""))) or f"segment {segment}"
            found[segment] = Label(int(own[1]) if own else segment, name, _colour(item, segment))
    if len({label.number for label in found.values()}) < len(found):
        found = {segment: Label(segment, label.name, label.colour) for segment, label in found.items()}
    return found


def _colour(item: Dataset, segment: int) -> str:
    value = item.get("RecommendedDisplayCIELabValue")
    if not value or len(value) != 3:
        return colour_of(segment)
    import highdicom

    red, green, blue = highdicom.color.CIELabColor.from_dicom_value([int(part) for part in value]).to_rgb()
    return f"#{red:02X}{green:02X}{blue:02X}"
