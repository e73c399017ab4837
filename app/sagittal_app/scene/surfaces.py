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

LARGEST = 3_000_000
"""Voxels a surface is made from at most; a larger label is thinned out first. A ball then has 200,000 triangles."""
LARGEST_SOFTWARE = 500_000
"""The same where the processor draws, so that the scene can be turned fluidly."""
FILLED = 4
"""Voxels that filling in between slices may make of one."""
THICK = 1.5
"""Slices that are so many times thicker than their pixels are filled in between before smoothing."""
FINEST = 8
"""Parts a thick slice is divided into at most."""
SLAB = 1_000_000
"""Voxels looked at in one go while labels are searched, so that the window gets its turns in between."""
RIM = 1
"""Empty voxels around a label, so that its surface is closed."""
ROUNDS, PASS_BAND = 20, 0.02
"""Of the windowed sinc filter (Taubin, Zhang and Golub, ECCV 1996), which evens a mesh out and does not shrink it.
Where slices were divided, stairs are as many times longer: the band is divided by the parts, and rounds are added."""


@dataclass(frozen=True)
class Surface:
    """One label's surface."""

    number: int
    points: NDArray[np.float32]
    """(N, 3) RAS+ millimetres."""
    triangles: NDArray[np.int32]
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
    # In the order of memory, slab by slab: five times as fast as against it.
    order = np.argsort([-abs(stride) for stride in part.strides], kind="stable")
    part = part.transpose(order)
    step = max(1, SLAB // max(1, part.shape[1] * part.shape[2]))
    found: dict[int, Box] = {}
    for first in range(0, part.shape[0], step):
        slab = part[first : first + step]
        for number, place in enumerate(ndimage.find_objects(slab) if slab.any() else (), start=1):
            if place is None:
                continue
            start, stop = list(within.start), list(within.start)
            for axis, one, behind in zip(order, place, (first, 0, 0), strict=True):
                start[axis] += one.start + behind
                stop[axis] += one.stop + behind
            found[number] = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])).union(found.get(number))
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


def surface(
    labels: NDArray[np.uint16],
    number: int,
    box: Box,
    affine: NDArray[np.float64],
    smooth: bool,
    largest: int = LARGEST,
) -> Surface:
    """The surface of label `number` inside its box, half-way between voxels in and out.

    With `smooth` the outline is carried over from slice to slice where slices are thick, and the mesh is evened out:
    stairs go, edges are rounded by about a voxel. A label whose box holds more than `largest` voxels is meshed from the
    means of blocks.
    """
    labels = labels[box.slices()]
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    factors = factors_for(labels.shape, spacing, largest)
    if factors == WHOLE:
        mask: NDArray[Any] = np.pad(labels == number, RIM).view(np.uint8)
    else:
        mask = np.pad(block_means(labels, factors, read=lambda slab: slab == number), RIM)
    parts = np.ones(3)
    axis, between = _between(mask.size, spacing * factors, largest) if smooth else (0, 0)
    if between > 1:
        parts[axis] = between
        mask = _filled_between(mask, axis, between)
    highest = float(mask.max())
    if highest <= 0:
        # Painted over since its box was found.
        return Surface(number, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), None, box)
    points, triangles, normals = _mesh(mask, 0.5 if highest > 0.5 else highest / 2, between)
    # From the finer grid back to blocks, and from blocks to the patient.
    matrix = matrix_of(affine, factors)
    matrix[:3, 3] += affine[:3, :3] @ (np.asarray(box.start) - np.multiply(RIM, factors))
    linear = (matrix[:3, :3] / parts).astype(np.float32)
    placed = points @ linear.T
    placed += matrix[:3, 3].astype(np.float32)
    if normals is not None:
        normals = normals @ np.linalg.inv(linear)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    if np.linalg.det(matrix[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    return Surface(number, placed, triangles, normals, box, factors != WHOLE)


def _between(voxels: int, spacing: NDArray[np.float64], largest: int) -> tuple[int, int]:
    """The axis of the thickest slices, and into how many parts they are divided: 1 where they are not thick."""
    axis = int(spacing.argmax())
    if spacing[axis] / np.partition(spacing, 1)[1] < THICK:
        return axis, 1
    return axis, max(1, min(round(spacing[axis] / spacing.min()), FINEST, FILLED * largest // voxels))


def _filled_between(mask: NDArray[Any], axis: int, parts: int) -> NDArray[np.float32]:
    """Slices of a mask across `axis` with parts − 1 slices made up between each two: 0…1, one half on the outline.

    The outline between two slices lies where the mean of their signed distances to it is zero (shape-based
    interpolation: Raya and Udupa, IEEE Trans. Med. Imaging 9, 1990), so that a slope is a slope and no stair.
    """
    from scipy import ndimage

    slices = np.moveaxis(mask, axis, 0) > 0.5
    count = len(slices)
    signed = np.zeros(slices.shape, dtype=np.float32)
    full = slices.any(axis=(1, 2))
    for k in np.flatnonzero(full):
        signed[k] = ndimage.distance_transform_edt(slices[k]) - ndimage.distance_transform_edt(~slices[k])
    for k in np.flatnonzero(~full):
        # Beyond the label's last slice: as far outside as that one is inside, so that it ends half-way, as voxels do.
        beside = [np.abs(signed[n]) for n in (k - 1, k + 1) if 0 <= n < count and full[n]]
        signed[k] = -np.maximum.reduce(beside) if beside else -1.0
    fine = np.empty(((count - 1) * parts + 1, *slices.shape[1:]), dtype=np.float32)
    for step in range(parts):
        weight = step / parts
        some = fine[step::parts]
        some[...] = signed[: len(some)]
        if weight:
            some *= 1 - weight
            some += weight * signed[1 : len(some) + 1]
    # From signed distances in pixels to parts of a voxel.
    np.clip(fine / 2 + 0.5, 0.0, 1.0, out=fine)
    return np.moveaxis(fine, 0, axis)


def _mesh(
    mask: NDArray[Any], level: float, parts: int
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32] | None]:
    """Points in indices of `mask`, and triangles around what lies above `level`.

    With `parts`, into how many each slice was divided, the mesh is evened out and has outward normals; with 0 it is the
    stairs that the voxels are.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkPolyDataNormals, vtkWindowedSincPolyDataFilter

    flat = np.ascontiguousarray(mask.ravel(order="F"))
    image = vtkImageData()
    image.SetDimensions(*mask.shape)
    image.GetPointData().SetScalars(numpy_to_vtk(flat))
    last: Any = vtkFlyingEdges3D()
    last.SetInputData(image)
    last.SetValue(0, level)
    last.ComputeNormalsOff()
    last.ComputeScalarsOff()
    if parts:
        even, normals = vtkWindowedSincPolyDataFilter(), vtkPolyDataNormals()
        even.SetInputConnection(last.GetOutputPort())
        even.SetNumberOfIterations(ROUNDS + 10 * parts)
        even.SetPassBand(PASS_BAND / parts)
        even.NormalizeCoordinatesOn()
        even.NonManifoldSmoothingOn()
        even.BoundarySmoothingOff()
        even.FeatureEdgeSmoothingOff()
        normals.SetInputConnection(even.GetOutputPort())
        normals.SplittingOff()
        normals.ConsistencyOff()
        last = normals
    last.Update()
    out = last.GetOutput()
    points = vtk_to_numpy(out.GetPoints().GetData()).astype(np.float32)
    triangles = vtk_to_numpy(out.GetPolys().GetConnectivityArray()).astype(np.int32).reshape(-1, 3)
    found = vtk_to_numpy(out.GetPointData().GetNormals()).astype(np.float32) if parts else None
    return points, triangles, found
