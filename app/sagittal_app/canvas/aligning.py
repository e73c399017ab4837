"""An oblique scan resampled along the patient's axes, for looking: pure arrays, no Qt.

The grid of the copy is the box, in RAS+ millimetres, around the whole scan, with the scan's own spacings.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sagittal.engine_port import SagittalError
from sagittal.facts import ImageLoan

LARGEST = 2**30
"""Voxels that a copy may have; a turned box grows with the angle."""


def aligned(scan: ImageLoan) -> ImageLoan:
    """A copy of a scan whose axes are the patient's: intensities linearly interpolated, the lowest beyond its edges.

    Its id is another than the scan's, because its voxels are others. Raises `SagittalError` where it would
    not fit.
    """
    shape, affine = grid(scan)
    if np.prod(shape, dtype=float) > LARGEST:
        size = " × ".join(map(str, shape))
        raise SagittalError(f"Resampled along the patient's axes, the scan would have {size} voxels, too many to hold.")
    step = [max(1, n // 64) for n in scan.data.shape[:3]]
    beyond = float(np.min(scan.data[:: step[0], :: step[1], :: step[2]]))
    move = lambda channel: _resampled(channel, scan.affine, shape, affine, True, beyond)  # noqa: E731
    colour = scan.data.ndim == 4
    data = np.stack([move(scan.data[..., c]) for c in range(scan.data.shape[3])], -1) if colour else move(scan.data)
    data.flags.writeable = False
    name = f"{scan.scan} resampled"
    return replace(scan, scan=name, data=data, affine=affine, spacing=scan.spacing, arrival=None, orientation="RAS")


def aligned_labels(labels: NDArray[np.uint16], affine: NDArray[np.float64], to: ImageLoan) -> NDArray[np.uint16]:
    """Labels on the grid of a copy: each voxel takes the label of the scan's voxel nearest to it."""
    shape = (to.data.shape[0], to.data.shape[1], to.data.shape[2])
    return _resampled(labels, affine, shape, np.asarray(to.affine, dtype=np.float64), False, 0.0)


def grid(scan: ImageLoan) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Shape and affine of the copy: voxel centres from corner to corner of the box around the scan's."""
    ends = [(0, n - 1) for n in scan.data.shape[:3]]
    corners = np.array([scan.affine[:3, :3] @ corner + scan.affine[:3, 3] for corner in itertools.product(*ends)])
    spacing = np.asarray(scan.spacing, dtype=float)
    low, high = corners.min(axis=0), corners.max(axis=0)
    x, y, z = (int(n) for n in np.ceil((high - low) / spacing - 1e-6) + 1)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = low
    return (x, y, z), affine


def _resampled(
    data: NDArray[np.generic],
    source: NDArray[np.float64],
    shape: tuple[int, int, int],
    target: NDArray[np.float64],
    linear: bool,
    beyond: float,
) -> NDArray[np.generic]:
    """`data` (X, Y, Z) on another grid, in any memory order; linearly interpolated, or the nearest voxel's.

    VTK does it, on all processors: scipy's spline code takes five times as long.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkCommonTransforms import vtkTransform
    from vtkmodules.vtkImagingCore import vtkImageReslice

    # In voxel coordinates of both, the first axis being the one that runs fastest in memory, as VTK has it.
    turn = np.linalg.inv(np.asarray(source, dtype=np.float64)) @ target
    fast_first = data.flags.f_contiguous and not data.flags.c_contiguous
    order = [0, 1, 2, 3] if fast_first else [2, 1, 0, 3]
    flat = data.ravel(order="F") if fast_first else np.ascontiguousarray(data).ravel()
    image = vtkImageData()
    image.SetDimensions(*(data.shape[axis] for axis in order[:3]))
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=False))
    transform = vtkTransform()
    transform.SetMatrix(turn[np.ix_(order, order)].ravel())
    reslice = vtkImageReslice()
    reslice.SetInputData(image)
    reslice.SetResliceTransform(transform)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputExtent(*itertools.chain.from_iterable((0, shape[axis] - 1) for axis in order[:3]))
    (reslice.SetInterpolationModeToLinear if linear else reslice.SetInterpolationModeToNearestNeighbor)()
    reslice.SetBackgroundLevel(beyond)
    reslice.Update()
    made = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars())
    moved = made.reshape([shape[axis] for axis in order[2::-1]])
    return np.array(moved.transpose() if fast_first else moved)
