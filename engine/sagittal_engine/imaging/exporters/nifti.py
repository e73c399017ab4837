"""NIfTI in the source grid, written by nibabel and read again byte by byte."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sagittal.facts import Label
from sagittal_engine.imaging.exporters import Making, with_ending
from sagittal_engine.imaging.labels import write_labels
from sagittal_engine.imaging.naming import labels_sidecar
from sagittal_engine.imaging.volume import Array, Header, Source


def write(
    stem: Path, labels: Array, table: Sequence[Label], source: Source, header: Header, making: Making
) -> list[Path]:
    """`<stem>.nii.gz` and `<stem>.labels.json`; the affine and header of a NIfTI source come back bit for bit."""
    path = with_ending(stem, ".nii.gz")
    write_labels(path, labels, header.grid, table)
    return [path, labels_sidecar(path)]


def differences(
    files: Sequence[Path], labels: Array, table: Sequence[Label], source: Source, header: Header
) -> list[str]:
    """Compares voxels, affine and names with what a plain reading of the bytes gives."""
    path, sidecar = files
    found = voxel_differences(path, labels, header)
    rows = json.loads(sidecar.read_text(encoding="utf-8"))["labels"]
    if [(row["number"], row["name"], row["colour"]) for row in rows] != [
        (row.number, row.name, row.colour) for row in table
    ]:
        found.append(f"{sidecar.name} gives back other names or colours than were written.")
    return found


def voxel_differences(path: Path, labels: Array, header: Header) -> list[str]:
    """Compares voxels and affine of one file with what was to be written."""
    voxels, sform = read_plainly(path)
    if voxels.shape != header.grid.shape:
        return [f"{path.name} has the shape {voxels.shape}, the scan {header.grid.shape}."]
    found = []
    if not np.array_equal(voxels, header.grid.to_source(labels)):
        found.append(f"{path.name} gives back other label numbers than were written.")
    if header.grid.header:
        found += _header_differences(path, header.grid.header)
    elif not np.array_equal(sform, header.grid.affine[:3].astype(np.float32)):
        found.append(f"{path.name} gives back another affine than the scan's.")
    return found


def read_plainly(path: Path) -> tuple[Array, Array]:
    """Voxels (source order) and sform (3, 4) of a gzipped 16-bit NIfTI file, from the offsets of the standard alone."""
    block = gzip.decompress(path.read_bytes())
    order = "<" if struct.unpack_from("<i", block)[0] in (348, 540) else ">"
    if struct.unpack_from(f"{order}i", block)[0] == 540:
        count, *sizes = struct.unpack_from(f"{order}8q", block, 16)
        sform = np.frombuffer(block, f"{order}f8", 12, 400).reshape(3, 4)
        start = int(struct.unpack_from(f"{order}q", block, 168)[0])
    else:
        count, *sizes = struct.unpack_from(f"{order}8h", block, 40)
        sform = np.frombuffer(block, f"{order}f4", 12, 280).reshape(3, 4)
        start = int(struct.unpack_from(f"{order}f", block, 108)[0])
    shape = tuple(sizes[:count])
    return np.frombuffer(block, f"{order}u2", int(np.prod(shape)), start).reshape(shape, order="F"), sform


def _header_differences(path: Path, source: bytes) -> list[str]:
    """Bytes that place the grid in space (pixdim, codes, quaternion, offsets, sform) must be the source's own."""
    with gzip.open(path, "rb") as file:
        written = file.read(len(source))
    # Offsets: NIfTI-1 pixdim 76-107, qform_code to srow_z 252-327; NIfTI-2 pixdim 104-167, 344-495.
    ranges = ((76, 108), (252, 328)) if len(source) == 348 else ((104, 168), (344, 496))
    if all(written[first:last] == source[first:last] for first, last in ranges):
        return []
    return [f"{path.name} gives back another geometry than the scan's header has."]
