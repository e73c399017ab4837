"""Surfaces of labels, as points and triangles in the patient's millimetres.

VTK's Flying Edges finds them; numbers come in and go out as numpy arrays. Slow for large labels: call it in the
background. Nothing here touches what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagittal_app.canvas.geometry import Box
from sagittal_app.scene.coarse import WHOLE, block_means, factors_for, matrix_of

LARGEST = 16_000_000
"""Voxels of the grid a surface is found in; a larger label is thinned out first."""
FINEST = 4
"""Parts a thick slice is divided into at most, for smoothing."""
SLAB = 4_000_000
"""Voxels looked at in one go while labels are searched, so that the window gets its turns in between."""
RIM = 2
"""Empty voxels around a label, so that its surface is closed and its smoothing is not cut off."""


@dataclass(frozen=True)
class Surface:
    """One label's surface."""

    number: int
    points: NDArray[np.float32]
    """(N, 3) RAS+ millimetres."""
    triangles: NDArray[np.int64]
    """(M, 3) indices of points, counter-clockwise seen from outside."""
    normals: NDArray[np.float32] | None
    """(N, 3) unit vectors outwards; None for a surface drawn with its facets."""
    box: Box
    coarse: bool = False
    """Whether the label was too large to be meshed from all its voxels."""


def boxes(labels: NDArray[np.uint16], within: Box | None = None) -> dict[int, Box]:
    """Label number → the box of voxels around it; one pass over the volume, or over a part of it."""
    from scipy import ndimage

    within = within or Box((0, 0, 0), labels.shape)  # type: ignore[arg-type]
    part = labels[within.slices()]
    step = max(1, SLAB // max(1, part.shape[0] * part.shape[1]))
    found: dict[int, Box] = {}
    for first in range(0, part.shape[2], step):
        at = (within.start[0], within.start[1], within.start[2] + first)
        for number, place in enumerate(ndimage.find_objects(part[:, :, first : first + step]), start=1):
            if place is None:
                continue
            start, stop = zip(*((a + s.start, a + s.stop) for a, s in zip(at, place, strict=True)), strict=True)
            found[number] = Box(start, stop).union(found.get(number))
    return found


def touching(a: Box, b: Box) -> bool:
    """Whether two boxes share a voxel or lie side by side."""
    return all(a.start[i] <= b.stop[i] and b.start[i] <= a.stop[i] for i in range(3))


def survey(
    labels: NDArray[np.uint16], known: dict[int, Box] | None = None, dirty: Box | None = None
) -> tuple[dict[int, Box], tuple[int, ...]]:
    """The boxes of all labels there are, and the numbers whose surfaces must be made.

    With `dirty`, the box of what was painted since the boxes `known` were found, only labels in or beside it are looked
    for: all others are where they were.
    """
    if dirty is None or known is None:
        there = boxes(labels)
        return there, tuple(there)
    touched = {number for number, box in known.items() if touching(box, dirty)} | set(boxes(labels, dirty))
    part = dirty
    for number in touched:
        part = part.union(known.get(number))
    found = {number: box for number, box in boxes(labels, part).items() if number in touched}
    there = {number: box for number, box in known.items() if number not in touched} | found
    return there, tuple(sorted(found))


def surface(labels: NDArray[np.uint16], number: int, box: Box, affine: NDArray[np.float64], smooth: bool) -> Surface:
    """The surface of label `number` inside its box, half-way between voxels in and out.

    With `smooth` thick slices are first divided into thinner ones and the mask is blurred over about one slice: stairs
    between slices soften, and thin parts shrink a little. A label whose box holds more than `LARGEST` voxels is meshed
    from the means of blocks.
    """
    from scipy import ndimage

    labels = labels[box.slices()]
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    factors = factors_for(labels.shape, spacing, LARGEST)
    if factors == WHOLE:
        mask: NDArray[Any] = np.pad(labels == number, RIM).astype(np.uint8)
    else:
        mask = np.pad(block_means(labels, factors, read=lambda slab: slab == number), RIM)
    spacing = spacing * factors
    parts = np.clip(np.round(spacing / spacing.min()), 1, FINEST).astype(int) if smooth else np.ones(3, dtype=int)
    if mask.size * parts.prod() > LARGEST:
        parts = np.ones(3, dtype=int)
    if smooth:
        for axis in np.flatnonzero(parts > 1):
            mask = np.repeat(mask, parts[axis], axis=axis)
        mask = ndimage.gaussian_filter(mask, np.where(parts > 1, 1.0 * parts, 1.0), output=np.float32)
    top = float(mask.max())
    if top <= 0:
        # Painted over since its box was found.
        return Surface(number, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64), None, box)
    points, triangles, normals = _flying_edges(mask, 0.5 if top > 0.5 else top / 2, smooth)
    # From the divided grid back to blocks, and from blocks to the patient.
    index = (points + 0.5) / parts - 0.5 - RIM
    matrix = matrix_of(affine, factors)
    matrix[:3, 3] = affine[:3, :3] @ box.start + matrix[:3, 3]
    placed = index @ matrix[:3, :3].T + matrix[:3, 3]
    if normals is not None:
        normals = normals * parts @ np.linalg.inv(matrix[:3, :3])
        normals = (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    if np.linalg.det(matrix[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    return Surface(number, placed.astype(np.float32), triangles, normals, box, factors != WHOLE)


def _flying_edges(
    mask: NDArray[Any], level: float, normals: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64] | None]:
    """Points in indices of `mask`, triangles, and where wanted normals out of what lies above `level`."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    flat = np.ascontiguousarray(mask.ravel(order="F"))
    image = vtkImageData()
    image.SetDimensions(*mask.shape)
    image.GetPointData().SetScalars(numpy_to_vtk(flat))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.SetComputeNormals(normals)
    edges.ComputeScalarsOff()
    edges.Update()
    out = edges.GetOutput()
    points = vtk_to_numpy(out.GetPoints().GetData()).astype(np.float64)
    triangles = vtk_to_numpy(out.GetPolys().GetConnectivityArray()).astype(np.int64).reshape(-1, 3)
    found = vtk_to_numpy(out.GetPointData().GetNormals()).astype(np.float64) if normals else None
    return points, triangles, found
