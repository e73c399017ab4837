"""The three slices through the crosshair, standing in the scene, and the crosshair itself. Knows VTK, no Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkFiltersSources import vtkLineSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkImageSlice, vtkImageSliceMapper, vtkPolyDataMapper, vtkRenderer

from sagittal_app.scene.volumes import kind_of

CROSS = (0.3, 0.64, 1.0)

Voxel = tuple[int, int, int]


class SlicePlanes:
    """Planes of one scan, taken from its own voxels, so that they are as sharp as in the slice views."""

    def __init__(self, renderer: vtkRenderer, data: NDArray[Any], affine: NDArray[np.float64]) -> None:
        self._renderer = renderer
        self._data = data
        self._voxel: Voxel = (0, 0, 0)
        self._drawn: list[int | None] = [None, None, None]
        self._visible = False
        matrix = vtk_matrix(affine)
        self._pixels: list[NDArray[Any]] = []
        """Per axis (A, B, colours): the memory that VTK draws the slice from, A and B the axes that are left."""
        self._planes: list[tuple[vtkImageData, vtkImageSlice]] = []
        self._cross: list[tuple[vtkLineSource, vtkActor]] = []
        for axis in range(3):
            self._add_plane(axis, matrix)
            self._add_line(matrix)

    def _add_plane(self, axis: int, matrix: vtkMatrix4x4) -> None:
        image, mapper, plane = vtkImageData(), vtkImageSliceMapper(), vtkImageSlice()
        across = [n for a, n in enumerate(self._data.shape[:3]) if a != axis]
        image.SetDimensions(*(1 if a == axis else n for a, n in enumerate(self._data.shape[:3])))
        colours = min(3, self._data.shape[3]) if self._data.ndim == 4 else 1
        pixels = np.zeros((across[1] * across[0], colours), dtype=np.uint8 if colours == 3 else kind_of(self._data))
        image.GetPointData().SetScalars(numpy_to_vtk(pixels, deep=False))
        # The first axis runs fastest, as VTK lays pixels out.
        self._pixels.append(pixels.reshape(across[1], across[0], colours).swapaxes(0, 1))
        mapper.SetInputData(image)
        mapper.SetOrientation(axis)
        plane.SetMapper(mapper)
        plane.SetUserMatrix(matrix)
        plane.VisibilityOff()
        self._renderer.AddViewProp(plane)
        self._planes.append((image, plane))

    def _add_line(self, matrix: vtkMatrix4x4) -> None:
        source, mapper, line = vtkLineSource(), vtkPolyDataMapper(), vtkActor()
        mapper.SetInputConnection(source.GetOutputPort())
        # The lines lie in the planes: drawn a little nearer, they stay whole.
        mapper.SetResolveCoincidentTopologyToPolygonOffset()
        mapper.SetRelativeCoincidentTopologyLineOffsetParameters(0.0, -4.0)
        line.SetMapper(mapper)
        line.SetUserMatrix(matrix)
        line.GetProperty().SetColor(*CROSS)
        line.GetProperty().LightingOff()
        line.PickableOff()
        self._renderer.AddActor(line)
        self._cross.append((source, line))

    def show(self, visible: bool) -> None:
        """Shows or hides the planes; the crosshair stays."""
        self._visible = visible
        for _image, plane in self._planes:
            plane.SetVisibility(visible)
        self._fill()

    def show_cross(self, visible: bool) -> None:
        for _source, line in self._cross:
            line.SetVisibility(visible)

    def set_window(self, low: float, high: float) -> None:
        """Greys of the planes; colours stay as they are."""
        if self._data.ndim == 4:
            low, high = 0.0, 255.0
        for _image, plane in self._planes:
            plane.GetProperty().SetColorWindow(high - low)
            plane.GetProperty().SetColorLevel((high + low) / 2)

    def move_to(self, voxel: Voxel) -> None:
        """Puts planes and crosshair through a voxel."""
        self._voxel = voxel
        for axis, (source, _line) in enumerate(self._cross):
            ends = [list(voxel), list(voxel)]
            ends[0][axis], ends[1][axis] = 0, self._data.shape[axis] - 1
            source.SetPoint1(*ends[0])
            source.SetPoint2(*ends[1])
        self._fill()

    def leave(self) -> None:
        """Takes planes and crosshair off the stage."""
        for prop in (*(plane for _image, plane in self._planes), *(line for _source, line in self._cross)):
            self._renderer.RemoveViewProp(prop)

    def _fill(self) -> None:
        """Copies those slices that are seen and are not the ones drawn."""
        for axis, (image, _plane) in enumerate(self._planes):
            index = self._voxel[axis]
            if not self._visible or self._drawn[axis] == index:
                continue
            self._drawn[axis] = index
            origin = [float(index) if a == axis else 0.0 for a in range(3)]
            image.SetOrigin(*origin)
            self._copy(axis, index)
            image.GetPointData().GetScalars().Modified()
            image.Modified()

    def _copy(self, axis: int, index: int) -> None:
        """Writes a slice into the memory that VTK draws it from."""
        plane = self._data[tuple(index if a == axis else slice(None) for a in range(3))]
        into = self._pixels[axis]
        np.copyto(into, plane[..., : into.shape[2]] if plane.ndim == 3 else plane[..., None], casting="unsafe")


def vtk_matrix(values: NDArray[np.float64]) -> vtkMatrix4x4:
    """A (4, 4) array as VTK's matrix."""
    matrix = vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(values, dtype=np.float64).ravel().tolist())
    return matrix
