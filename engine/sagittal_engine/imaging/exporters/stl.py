"""One surface per label: marching cubes on the label's voxels, unsmoothed, binary STL in LPS millimetres.

Read again without scikit-image: from the triangles alone the voxels they enclose are counted out and compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.measure import marching_cubes

from sagittal.facts import Label
from sagittal_engine.imaging import geometry, storage
from sagittal_engine.imaging.exporters import Making, table_for
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source

_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])

_RAY = (0.123, 0.077)
"""Where in a cell rays are cast: near the voxel centre, but on no edge that marching cubes can draw."""


def write(
    stem: Path, labels: Array, table: Sequence[Label], source: Source, header: Header, making: Making
) -> list[Path]:
    """`<stem>_<label>.stl` for every label that occurs; 3D Slicer reads the space from the file's header."""
    rows = table_for(labels, table)
    if not rows:
        raise ImagingError("The label map is empty: there is no surface to export.")
    boxes = ndimage.find_objects(labels)
    files = []
    for row in rows:
        path = _path(stem, row, rows)
        corners = _surface(labels, row.number, boxes[row.number - 1], header.grid.canonical_affine)
        records = np.zeros(len(corners), dtype=_RECORD)
        records["corners"] = corners
        sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(sides, axis=1, keepdims=True)
        records["normal"] = np.divide(sides, lengths, out=np.zeros_like(sides), where=lengths > 0)
        with storage.atomic(path) as temporary, temporary.open("wb") as file:
            file.write(b"Sagittal SPACE=LPS".ljust(80))
            file.write(np.uint32(len(records)).tobytes())
            records.tofile(file)
        files.append(path)
    return files


def differences(
    files: Sequence[Path], labels: Array, table: Sequence[Label], source: Source, header: Header
) -> list[str]:
    """Compares the voxels that each surface encloses with its label's."""
    found = []
    for path, row in zip(files, table_for(labels, table), strict=True):
        corners = read_plainly(path)
        inside = enclosed(corners, header.grid.canonical_affine, header.shape)
        if not np.array_equal(inside, labels == row.number):
            found.append(f"{path.name} does not enclose the voxels of '{row.name}'.")
    return found


def read_plainly(path: Path) -> Array:
    """Corners (triangles, 3, 3) in LPS millimetres of a binary STL file."""
    block = path.read_bytes()
    count = int(np.frombuffer(block, "<u4", 1, 80)[0])
    return np.frombuffer(block, _RECORD, count, 84)["corners"].astype(np.float64)


def enclosed(corners: Array, affine: Array, shape: tuple[int, int, int]) -> Array:
    """Voxels (bool, canonical order) inside a closed surface: a ray along the third axis enters and leaves it in turns.

    `corners` (triangles, 3, 3) in LPS millimetres, each triangle inside one cell of the grid, as marching cubes makes
    them.
    """
    to_index = np.linalg.inv(geometry.LPS_TO_RAS @ affine)
    points = corners @ to_index[:3, :3].T + to_index[:3, 3]
    cells = np.floor(points.mean(axis=1)[:, :2]).astype(int)
    rays = cells + np.asarray(_RAY)
    first, second, third = (points[:, corner] for corner in range(3))
    # Barycentric coordinates of the ray in the triangle seen along the third axis.
    a, b = second[:, :2] - first[:, :2], third[:, :2] - first[:, :2]
    c = rays - first[:, :2]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    flat = np.abs(area) < 1e-9
    safe = np.where(flat, 1.0, area)
    u = (c[:, 0] * b[:, 1] - c[:, 1] * b[:, 0]) / safe
    v = (a[:, 0] * c[:, 1] - a[:, 1] * c[:, 0]) / safe
    hit = ~flat & (u >= 0) & (v >= 0) & (u + v < 1)
    height = first[:, 2] + u * (second[:, 2] - first[:, 2]) + v * (third[:, 2] - first[:, 2])
    rows = np.ceil(height[hit]).astype(int)
    columns = cells[hit]
    kept = ((columns >= 0) & (columns < np.asarray(shape[:2]))).all(axis=1) & (rows < shape[2])
    crossings = np.zeros(shape, dtype=np.uint8)
    np.add.at(crossings, (columns[kept, 0], columns[kept, 1], np.maximum(rows[kept], 0)), 1)
    return np.bitwise_and(np.cumsum(crossings, axis=2, dtype=np.uint8), 1).astype(bool)


def _surface(labels: Array, number: int, box: tuple[slice, ...], affine: Array) -> Array:
    """Corners (triangles, 3, 3) in LPS millimetres, normals outwards."""
    mask = np.pad(labels[box] == number, 1).astype(np.float32)
    vertices, faces, _, _ = marching_cubes(mask, 0.5)
    vertices = vertices + np.array([part.start - 1 for part in box])
    to_lps = geometry.LPS_TO_RAS @ affine
    points = vertices @ to_lps[:3, :3].T + to_lps[:3, 3]
    corners = points[faces]
    if np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() < 0:
        corners = corners[:, ::-1]
    return np.ascontiguousarray(corners, dtype=np.float32)


def _path(stem: Path, row: Label, rows: Sequence[Label]) -> Path:
    """A file name that any system takes; the number is added where two names would give the same file."""
    safe = {each.number: re.sub(r"[^\w-]+", "_", each.name).strip("_") or "label" for each in rows}
    alike = [name.lower() for name in safe.values()].count(safe[row.number].lower()) > 1
    name = f"{safe[row.number]}_{row.number}" if alike else safe[row.number]
    return stem.with_name(f"{stem.name.removesuffix('.stl')}_{name}.stl")
