"""What highdicom makes of a DICOM segmentation; runs in a helper (`guarded`), and `segmentation` asks for it.

Sizes are checked against what the file holds before anything is laid out: a header may name any number of pixels, and
two slices far apart span a volume of any depth.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
from pydicom.dataset import Dataset

from sagittal_engine.imaging import storage
from sagittal_engine.imaging.dicom.codecs import check_streams
from sagittal_engine.imaging.dicom.instance import density_of
from sagittal_engine.imaging.dicom.job import TIMES, Answer, Limits
from sagittal_engine.imaging.dicom.opening import open_dicom
from sagittal_engine.imaging.naming import quoted
from sagittal_engine.imaging.volume import Array, ImagingError

UNPACKED = 32
"""Bytes of memory for one of the file: its bits become bytes, and the library makes copies of those."""
ALWAYS_SPANNED, SPANNED = 2**27, 64
"""Voxels that any segments may span (512 slices of 512 × 512), and how often those that are stored. Slices without a
segment are left out of the file: a lesion on two of a thousand slices is common, on two of a million an error."""
LIBRARY = 3.0
"""Seconds more than a frame needs: the library loads its tables when it reads the first header."""
AT_A_TIME = 2**24
"""Voxels, so that one helper's memory is enough for the longest scan."""


def outline(asked: Mapping[str, Any], limits: Limits) -> Iterator[Answer]:
    """One answer: "description"; "shape" (slices, rows, columns) and "affine", 16 numbers in LPS, or None for both.

    Also "segments", each [number, label, tracking id, display colour as "#RRGGBB" or ""], and "references", the UIDs of
    the series and the images that the segments were drawn on.
    """
    path = Path(asked["path"])
    held = path.stat().st_size
    with limits(UNPACKED * held, LIBRARY + held / 1e6)(), _opened(path, lazy=True) as data:
        geometry = data.get_volume_geometry()
        if geometry is not None:
            _check_span(path, data, math.prod(map(int, geometry.spatial_shape)))
        said = {
            "description": quoted(str(data.get("SeriesDescription") or "")),
            "shape": None if geometry is None else [int(size) for size in geometry.spatial_shape],
            "affine": None if geometry is None else np.asarray(geometry.affine, np.float64).ravel().tolist(),
            "segments": [_segment(item) for item in data.SegmentSequence if int(item.SegmentNumber)],
            "references": sorted(_references(data)),
            "more": False,
        }
    yield said, None


def planes(asked: Mapping[str, Any], limits: Limits) -> Iterator[Answer]:
    """Each slice in which there is a segment: "at", its number, and segment numbers, uint16 (rows, columns).

    Where segments overlap, the later one is on top; of probabilities, segments begin at a half.
    """
    path = Path(asked["path"])
    slices, rows, columns = (asked[name] for name in ("slices", "rows", "columns"))
    held = path.stat().st_size
    watch = limits(
        UNPACKED * held + TIMES * rows * columns, LIBRARY + UNPACKED * held / 1e7 + slices * rows * columns / 1e8
    )
    # The file is read whole: frame by frame, the library loses its place among bits that fill no byte.
    with watch(), _opened(path, lazy=False) as data:
        check_streams(data, data.number_of_frames, (rows, columns))
        step = max(1, AT_A_TIME // (rows * columns * len(data.segment_numbers)))
        for first in range(0, slices, step):
            voxels = _voxels(data, first, min(first + step, slices))
            for index in np.flatnonzero(voxels.any(axis=(1, 2))):
                yield {"more": True, "at": first + int(index)}, voxels[index]
    yield {"more": False}, None


def _voxels(data: highdicom.seg.Segmentation, first: int, end: int) -> Array:
    """Segment numbers of the slices `first` to `end`: uint16 (slices, rows, columns)."""
    wanted = {"slice_start": first, "slice_end": end, "as_indices": True}
    if data.segmentation_type.value != "FRACTIONAL":
        whole = data.get_volume(**wanted, combine_segments=True, skip_overlap_checks=True, dtype=np.uint16)
        return np.asarray(whole.array)
    parts = data.get_volume(**wanted).array >= 0.5
    return np.asarray((parts.astype(np.uint16) * np.asarray(data.segment_numbers, np.uint16)).max(axis=-1))


@contextmanager
def _opened(path: Path, lazy: bool) -> Iterator[highdicom.seg.Segmentation]:
    """The file; whatever is wrong with it becomes one sentence. `lazy` leaves the frames on disk."""
    try:
        with storage.quiet(), open_dicom(path) as file:
            _check_stored(path)
            data = highdicom.seg.segread(file, lazy_frame_retrieval=lazy)
            with closing(frame_table(data)):
                yield data
    except (ImagingError, GeneratorExit):
        raise
    except BaseException as error:  # a damaged file can make the library raise nearly anything
        if isinstance(error, OSError) and error.errno:
            raise
        what = "it asks for memory that its pixels do not need" if isinstance(error, MemoryError) else quoted(error)
        raise ImagingError(f"{path.name} is a DICOM segmentation that cannot be read: {what}.") from error


def _check_stored(path: Path) -> None:
    """Refuses a header that promises more pixels than the file holds, before anything is made of it."""
    names = ["Rows", "Columns", "BitsAllocated", "NumberOfFrames"]
    with open_dicom(path) as file:
        data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=names)
    missing = [name for name in names[:3] if data.get(name) is None]
    if missing:
        raise ImagingError(f"{path.name} is a DICOM segmentation whose header lacks {missing[0]}. Export it again.")
    bits = math.prod(int(data.get(name) or 1) for name in names)
    density = density_of(data.file_meta.TransferSyntaxUID)
    storage.check_size(path, -(-bits // 8), density=max(density, storage.DEFLATE_LIMIT * storage.is_gzip(path)))


def _check_span(path: Path, data: Dataset, spanned: int) -> None:
    stored = data.number_of_frames * int(data.Rows) * int(data.Columns)
    if spanned > max(ALWAYS_SPANNED, SPANNED * stored):
        raise ImagingError(
            f"{path.name} cannot be right: its segments span {spanned:,} voxels, of which it holds {stored:,}. Their"
            " places are damaged; export it again."
        )


def _references(data: Dataset) -> set[str]:
    found = set()
    for series in data.get("ReferencedSeriesSequence", ()):
        found.add(str(series.get("SeriesInstanceUID", "")))
        found.update(str(one.ReferencedSOPInstanceUID) for one in series.get("ReferencedInstanceSequence", ()))
    return found - {""}


def _segment(item: Dataset) -> tuple[int, str, str, str]:
    label, tracked = (quoted(str(item.get(name, ""))) for name in ("SegmentLabel", "TrackingID"))
    value = item.get("RecommendedDisplayCIELabValue")
    if not value or len(value) != 3:
        return int(item.SegmentNumber), label, tracked, ""
    red, green, blue = highdicom.color.CIELabColor.from_dicom_value([int(part) for part in value]).to_rgb()
    return int(item.SegmentNumber), label, tracked, f"#{red:02X}{green:02X}{blue:02X}"


def frame_table(data: highdicom.seg.Segmentation) -> sqlite3.Connection:
    """The table in memory in which the library looks frames up. It never closes it, of which Python warns from 3.13."""
    table: sqlite3.Connection = data._db_con
    return table
