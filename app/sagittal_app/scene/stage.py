"""The VTK side of the scene: what is on stage and from where it is seen. Knows VTK, no Qt.

World coordinates are the patient's: RAS+ millimetres. Volumes carry the scan's whole affine as their matrix, so oblique
scans stand in the patient as they were taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import VTK_FLOAT, vtkPoints
from vtkmodules.vtkCommonDataModel import (
    vtkCellArray,
    vtkImageData,
    vtkPiecewiseFunction,
    vtkPolyData,
)
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkFiltersCore import vtkPolyDataNormals
from vtkmodules.vtkFiltersSources import vtkLineSource
from vtkmodules.vtkRenderingAnnotation import vtkAnnotatedCubeActor
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkCellPicker,
    vtkColorTransferFunction,
    vtkImageSlice,
    vtkImageSliceMapper,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkVolume,
    vtkVolumeProperty,
)
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkSmartVolumeMapper

from sagittal_app.scene.surfaces import Surface
from sagittal_app.scene.volumes import SceneVolume, VolumePreset

VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "front": ((0, 1, 0), (0, 0, 1)),
    "back": ((0, -1, 0), (0, 0, 1)),
    "right": ((1, 0, 0), (0, 0, 1)),
    "left": ((-1, 0, 0), (0, 0, 1)),
    "head": ((0, 0, 1), (0, 1, 0)),
    "feet": ((0, 0, -1), (0, 1, 0)),
}
"""Standard views: where the eye is (RAS+), and which way is up."""


class Stage:
    """Volume, surfaces, slice planes and cross of one scan in a renderer."""

    def __init__(self) -> None:
        self.renderer = vtkRenderer()
        self.renderer.SetBackground(0, 0, 0)
        self._volume: vtkVolume | None = None
        self._prepared: SceneVolume | None = None
        self._image: vtkImageData | None = None
        self._surfaces: dict[int, vtkActor] = {}
        self._planes: list[vtkImageSlice] = []
        self._cross: list[tuple[vtkLineSource, vtkActor]] = []
        self.show_volume = True
        self.show_planes = False
        self.software = False
        """Whether the processor draws: then rays are cast by VTK's own code, not by an emulated graphics card."""

    # Volume --------------------------------------------------------------------------------------------------------

    def set_volume(self, volume: SceneVolume | None) -> None:
        """Shows another scan, or none."""
        self.clear()
        self._prepared = volume
        if volume is None:
            return
        self._image = vtkImageData()
        self._image.SetDimensions(*volume.data.shape)
        scalars = numpy_to_vtk(volume.data.ravel(order="F"), deep=False, array_type=VTK_FLOAT)
        self._image.GetPointData().SetScalars(scalars)
        self._kept = (volume.data, scalars)  # VTK reads numpy's memory in place
        mapper = vtkSmartVolumeMapper()
        mapper.SetInputData(self._image)
        if self.software:
            mapper.SetRequestedRenderModeToRayCast()
        self._volume = vtkVolume()
        self._volume.SetMapper(mapper)
        self._volume.SetUserMatrix(_matrix(volume.matrix))
        self._volume.SetVisibility(self.show_volume)
        self.renderer.AddVolume(self._volume)
        self._make_planes(volume)
        self._make_cross(volume)

    def use_preset(self, preset: VolumePreset) -> None:
        """Draws the volume by a preset's opacities and colours."""
        if self._volume is None or self._prepared is None:
            return
        opacity, colour = vtkPiecewiseFunction(), vtkColorTransferFunction()
        for position, alpha, red, green, blue in preset.points:
            value = self._prepared.value(preset, position)
            opacity.AddPoint(value, alpha)
            colour.AddRGBPoint(value, red, green, blue)
        made = vtkVolumeProperty()
        made.SetScalarOpacity(opacity)
        made.SetColor(colour)
        made.SetInterpolationTypeToLinear()
        # Opacities are meant per 4 mm of tissue, whatever the voxels' size; the mapper counts in voxels.
        voxel = float(np.linalg.norm(self._prepared.matrix[:3, :3], axis=0).min())
        made.SetScalarOpacityUnitDistance(max(4.0 / voxel, 0.1))
        if not preset.maximum and not self.software:
            made.ShadeOn()
            made.SetAmbient(0.35)
            made.SetDiffuse(0.75)
        self._volume.SetProperty(made)
        mapper = self._volume.GetMapper()
        mapper.SetBlendModeToMaximumIntensity() if preset.maximum else mapper.SetBlendModeToComposite()

    def set_volume_visible(self, visible: bool) -> None:
        self.show_volume = visible
        if self._volume is not None:
            self._volume.SetVisibility(visible)

    # Slice planes and cross ----------------------------------------------------------------------------------------

    def _make_planes(self, volume: SceneVolume) -> None:
        for axis in range(3):
            mapper = vtkImageSliceMapper()
            mapper.SetInputData(self._image)
            mapper.SetOrientation(axis)
            plane = vtkImageSlice()
            plane.SetMapper(mapper)
            plane.SetUserMatrix(_matrix(volume.matrix))
            plane.SetVisibility(self.show_planes)
            self.renderer.AddViewProp(plane)
            self._planes.append(plane)

    def _make_cross(self, volume: SceneVolume) -> None:
        for _axis in range(3):
            source = vtkLineSource()
            mapper = vtkPolyDataMapper()
            mapper.SetInputConnection(source.GetOutputPort())
            actor = vtkActor()
            actor.SetMapper(mapper)
            actor.SetUserMatrix(_matrix(volume.matrix))
            actor.GetProperty().SetColor(0.3, 0.64, 1.0)
            actor.GetProperty().LightingOff()
            actor.PickableOff()
            self.renderer.AddActor(actor)
            self._cross.append((source, actor))

    def set_planes_visible(self, visible: bool) -> None:
        self.show_planes = visible
        for plane in self._planes:
            plane.SetVisibility(visible)

    def set_cross_visible(self, visible: bool) -> None:
        for _source, actor in self._cross:
            actor.SetVisibility(visible)

    def set_window(self, low: float, high: float) -> None:
        for plane in self._planes:
            plane.GetProperty().SetColorWindow(high - low)
            plane.GetProperty().SetColorLevel((high + low) / 2)

    def set_position(self, voxel: tuple[int, int, int]) -> None:
        """Moves the planes and the cross to a voxel of the whole scan."""
        if self._prepared is None:
            return
        size, factor = self._prepared.data.shape, self._prepared.factor
        at = [v / factor for v in voxel]
        for axis, (source, _actor) in enumerate(self._cross):
            ends = [list(at), list(at)]
            ends[0][axis], ends[1][axis] = 0.0, size[axis] - 1.0
            source.SetPoint1(*ends[0])
            source.SetPoint2(*ends[1])
        for axis, plane in enumerate(self._planes):
            plane.GetMapper().SetSliceNumber(min(round(at[axis]), size[axis] - 1))

    # Surfaces ------------------------------------------------------------------------------------------------------

    def put_surface(self, surface: Surface) -> None:
        """Shows a label's surface, in place of the one shown."""
        actor = self._surfaces.get(surface.number)
        if actor is None:
            actor = vtkActor()
            actor.GetProperty().SetSpecular(0.15)
            actor.GetProperty().SetInterpolationToPhong()
            self._surfaces[surface.number] = actor
            self.renderer.AddActor(actor)
        normals = vtkPolyDataNormals()
        normals.SetInputData(_poly_data(surface))
        normals.SplittingOff()
        normals.ConsistencyOn()
        normals.AutoOrientNormalsOff()
        mapper = vtkPolyDataMapper()
        mapper.SetInputConnection(normals.GetOutputPort())
        mapper.ScalarVisibilityOff()
        actor.SetMapper(mapper)

    def keep_surfaces(self, numbers: set[int]) -> None:
        """Takes away the surfaces of labels that are no longer there."""
        for number in [n for n in self._surfaces if n not in numbers]:
            self.renderer.RemoveActor(self._surfaces.pop(number))

    def colour_surface(self, number: int, rgb: tuple[float, float, float], visible: bool, opacity: float = 1.0) -> None:
        actor = self._surfaces.get(number)
        if actor is not None:
            actor.GetProperty().SetColor(*rgb)
            actor.GetProperty().SetOpacity(opacity)
            actor.SetVisibility(visible)

    @property
    def surfaces(self) -> tuple[int, ...]:
        """Numbers of the labels whose surfaces are shown."""
        return tuple(sorted(self._surfaces))

    # Camera and picking --------------------------------------------------------------------------------------------

    def look(self, view: str) -> None:
        """One of `VIEWS`, the whole scan in sight."""
        eye, up = VIEWS[view]
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(*eye)
        camera.SetViewUp(*up)
        self.renderer.ResetCamera()
        camera.Zoom(1.35)
        self.renderer.ResetCameraClippingRange()

    def pick(self, x: int, y: int) -> tuple[float, float, float] | None:
        """RAS+ millimetres of what is seen at a pixel (origin at the bottom left), or None over nothing."""
        picker = vtkCellPicker()
        picker.SetTolerance(0.0)
        picker.SetVolumeOpacityIsovalue(0.02)
        if not picker.Pick(x, y, 0, self.renderer):
            return None
        a, b, c = picker.GetPickPosition()
        return a, b, c

    def clear(self) -> None:
        """Takes everything off the stage."""
        self.renderer.RemoveAllViewProps()
        self._volume = self._image = self._prepared = None
        self._surfaces.clear()
        self._planes.clear()
        self._cross.clear()


def letter_cube() -> vtkAnnotatedCubeActor:
    """A cube whose faces carry the patient's letters."""
    cube: Any = vtkAnnotatedCubeActor()
    cube.SetXPlusFaceText("R")
    cube.SetXMinusFaceText("L")
    cube.SetYPlusFaceText("A")
    cube.SetYMinusFaceText("P")
    cube.SetZPlusFaceText("S")
    cube.SetZMinusFaceText("I")
    cube.SetFaceTextScale(0.65)
    # Letters stand upright: on the side faces with the head up, on the upper and lower with the front up.
    cube.SetXFaceTextRotation(0)
    cube.SetYFaceTextRotation(0)
    cube.SetZFaceTextRotation(90)
    cube.GetCubeProperty().SetColor(0.17, 0.2, 0.23)
    cube.GetTextEdgesProperty().SetColor(0.4, 0.45, 0.5)
    for face in ("XPlus", "XMinus", "YPlus", "YMinus", "ZPlus", "ZMinus"):
        getattr(cube, f"Get{face}FaceProperty")().SetColor(0.95, 0.96, 0.97)
    return cube


def _matrix(values: NDArray[np.float64]) -> vtkMatrix4x4:
    matrix = vtkMatrix4x4()
    matrix.DeepCopy(values.ravel().tolist())
    return matrix


def _poly_data(surface: Surface) -> vtkPolyData:
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(surface.points), deep=True))
    cells = vtkCellArray()
    triangles = np.column_stack([np.full(len(surface.triangles), 3), surface.triangles]).astype(np.int64)
    cells.ImportLegacyFormat(numpy_to_vtkIdTypeArray(triangles.ravel(), deep=True))
    data = vtkPolyData()
    data.SetPoints(points)
    data.SetPolys(cells)
    return data
