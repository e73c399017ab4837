"""Label maps in the formats of other programs, each read again by a reader that shares no code with its writer."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from sagittal.facts import Label
from sagittal_engine.imaging.labels import check_labels
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source

_MODULES = {"nifti": "nifti", "itk-snap": "itk_snap", "nrrd": "nrrd", "dicom-seg": "dicom_seg", "stl": "stl"}

FORMATS = tuple(_MODULES)
"""Formats with files per scan; `measures` makes one table of many."""


class Making(Enum):
    """How labels came about, for formats that keep it; the values are DICOM's segment algorithm types (C.8.20.2)."""

    BY_HAND = "MANUAL"
    CORRECTED = "SEMIAUTOMATIC"
    """Predicted, then corrected by hand."""
    PREDICTED = "AUTOMATIC"


class Exporter(Protocol):
    """What an exporter module offers. `labels` are uint16 in canonical order."""

    def write(
        self, stem: Path, labels: Array, table: Sequence[Label], source: Source, header: Header, making: Making
    ) -> list[Path]:
        """Writes files whose names begin with `stem`, atomically; raises `ImagingError` with one sentence."""

    def differences(
        self, files: Sequence[Path], labels: Array, table: Sequence[Label], source: Source, header: Header
    ) -> list[str]:
        """Reads the files independently; one sentence for everything that did not come back."""


def export(
    format: str,
    out: Path,
    labels: Array,
    table: Sequence[Label],
    source: Source,
    header: Header,
    making: Making = Making.BY_HAND,
) -> list[Path]:
    """Writes `labels` (canonical order) of the scan `source` in the scan's own grid.

    `out` is the path without its ending, which the format adds. Returns the files written. Raises `ImagingError` where
    the format cannot hold these labels, or (DICOM SEG) where the scan is no DICOM series.
    """
    return _exporter(format).write(out, checked(labels, header), table, source, header, making)


def verify_export(
    format: str, files: Sequence[Path], labels: Array, table: Sequence[Label], source: Source, header: Header
) -> bool:
    """Whether the exported files give back every voxel, its place and (where the format has them) every name."""
    return not export_differences(format, files, labels, table, source, header)


def export_differences(
    format: str, files: Sequence[Path], labels: Array, table: Sequence[Label], source: Source, header: Header
) -> list[str]:
    """What an independent reader finds different in the exported files; empty where nothing is."""
    try:
        return _exporter(format).differences(files, checked(labels, header), table, source, header)
    except ImagingError:
        raise
    except Exception as error:  # a reader may raise nearly anything on a file that was not written whole
        return [f"{files[0].name} cannot be read back: {error or type(error).__name__}."]


def table_for(labels: Array, table: Sequence[Label]) -> list[Label]:
    """The rows of `table` whose number occurs in `labels`, in order of number.

    Raises `ImagingError` where a number occurs that the table does not name.
    """
    present = [int(number) for number in np.unique(labels) if number]
    named = {row.number: row for row in table}
    missing = [number for number in present if number not in named]
    if missing:
        raise ImagingError(f"Label {missing[0]} occurs in the label map but has no name. Name it first.")
    return [named[number] for number in present]


def with_ending(stem: Path, ending: str) -> Path:
    """`stem` with `ending` behind it, unless it is there."""
    return stem if stem.name.endswith(ending) else stem.with_name(stem.name + ending)


def _exporter(format: str) -> Exporter:
    if format not in _MODULES:
        raise ImagingError(f"There is no export format '{format}'; known: {', '.join(FORMATS)}.")
    return cast(Exporter, importlib.import_module(f"sagittal_engine.imaging.exporters.{_MODULES[format]}"))


def checked(labels: Array, header: Header) -> Array:
    """`labels` as uint16; raises `ImagingError` where they are no labels of this scan."""
    check_labels(labels)
    if labels.shape != header.shape:
        raise ImagingError(f"A label map of shape {labels.shape} does not fit a scan of shape {header.shape}.")
    return labels.astype(np.uint16, copy=False)
