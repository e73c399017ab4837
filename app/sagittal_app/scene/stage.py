"""The VTK side of the scene: what is on stage and from where it is seen. Knows VTK, no Qt.

World coordinates are the patient's: RAS+ millimetres. Volumes and slices carry the scan's whole affine as their matrix,
so oblique scans stand in the patient as they were taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import (
    vtkCellArray,
    vtkImageData,
    vtkPiecewiseFunction,
    vtkPlane,
    vtkPlaneCollection,
    vtkPolyData,
)
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkCellPicker,
    vtkColorTransferFunction,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkVolume,
    vtkVolumeProperty,
)
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkSmartVolumeMapper

from sagittal.facts import ImageLoan
from sagittal_app.scene import camera
from sagittal_app.scene.cuts import HalfSpace
from sagittal_app.scene.letters import Writing
from sagittal_app.scene.presets import VolumePreset
from sagittal_app.scene.slices import SlicePlanes, vtk_matrix
from sagittal_app.scene.surfaces import Surface
from sagittal_app.scene.volumes import SceneVolume

OPACITY_MM = 4.0
"""Opacities of presets are meant per this much tissue, whatever the size of the voxels."""
SEE_THROUGH = 0.35
"""Opacity of surfaces that are looked through."""
PICKED_OPACITY = 0.02
"""A click on the volume finds where it becomes more opaque than this."""


class Stage:
    """Volume, surfaces, slice planes and cross of one scan in a renderer. `scale`: pixels of the screen per point."""

    def __init__(self, scale: float = 1.0) -> None:
        self.renderer = vtkRenderer()
        self.renderer.SetBackground(0, 0, 0)
        self.writing = Writing(self.renderer, scale)
        self.slices: SlicePlanes | None = None
        self.software = False
        """Whether the processor draws: then rays are cast by VTK's own code, not by an emulated graphics card."""
        self._volume: vtkVolume | None = None
        self._prepared: SceneVolume | None = None
        self._preset: VolumePreset | None = None
        self._surfaces: dict[int, vtkActor] = {}
        self._solid = True
        self._corners: NDArray[np.float64] = np.zeros((1, 3))
        self._planes = {True: vtkPlaneCollection(), False: vtkPlaneCollection()}
        """Clipping planes of the volume (True) and of the surfaces (False)."""
        self.writing.show(False)
        # What is on stage changes often: near and far limits of sight are found anew for every drawing.
        self.renderer.AddObserver("StartEvent", lambda _renderer, _event: self.renderer.ResetCameraClippingRange())

    # The scan ------------------------------------------------------------------------------------------------------

    def set_scan(self, loan: ImageLoan | None) -> None:
        """Clears the stage for another scan: its slices and crosshair are there at once, the volume comes later."""
        self.clear()
        self.writing.show(loan is not None, directed=loan is not None and loan.directed)
        if loan is not None:
            affine = np.asarray(loan.affine, dtype=np.float64)
            self.slices = SlicePlanes(self.renderer, loan.data, affine)
            self._corners = camera.corners(loan.data.shape, affine)

    def clear(self) -> None:
        """Takes everything off the stage but what is written on it."""
        self.drop_volume()
        self.keep_surfaces(set())
        if self.slices is not None:
            self.slices.leave()
            self.slices = None

    # Volume --------------------------------------------------------------------------------------------------------

    def set_volume(self, volume: SceneVolume) -> None:
        """Puts the scan's volume on stage, in place of the one there; it is seen once a preset is used."""
        self.drop_volume()
        image = vtkImageData()
        image.SetDimensions(*volume.data.shape)
        # VTK reads numpy's memory in place; `_prepared` keeps it alive.
        image.GetPointData().SetScalars(numpy_to_vtk(volume.data.ravel(order="F"), deep=False))
        mapper = vtkSmartVolumeMapper()
        mapper.SetInputData(image)
        mapper.SetClippingPlanes(self._planes[True])
        if self.software:
            mapper.SetRequestedRenderModeToRayCast()
        self._prepared = volume
        self._volume = vtkVolume()
        self._volume.SetMapper(mapper)
        self._volume.SetUserMatrix(vtk_matrix(volume.matrix))
        self._volume.VisibilityOff()
        self.renderer.AddVolume(self._volume)

    def drop_volume(self) -> None:
        if self._volume is not None:
            self.renderer.RemoveVolume(self._volume)
        self._volume = self._prepared = self._preset = None

    def use_preset(self, preset: VolumePreset | None, window: tuple[float, float]) -> None:
        """Draws the volume by a preset's opacities and colours, or not at all; `window` is that of the slices."""
        self._preset = preset
        if self._volume is None or self._prepared is None:
            return
        self._volume.SetVisibility(preset is not None)
        if preset is None:
            return
        opacity, colour = vtkPiecewiseFunction(), vtkColorTransferFunction()
        for position, alpha, red, green, blue in preset.points:
            value = self._prepared.value(preset, position, window)
            opacity.AddPoint(value, alpha)
            colour.AddRGBPoint(value, red, green, blue)
        made = vtkVolumeProperty()
        made.SetScalarOpacity(opacity)
        made.SetColor(colour)
        made.SetInterpolationTypeToLinear()
        # The mapper counts in voxels.
        voxel = float(self._prepared.spacing.min())
        made.SetScalarOpacityUnitDistance(max(OPACITY_MM / voxel, 0.1))
        if not preset.maximum and not self.software:
            made.ShadeOn()
            made.SetAmbient(0.35)
            made.SetDiffuse(0.75)
        self._volume.SetProperty(made)
        mapper = self._volume.GetMapper()
        mapper.SetBlendModeToMaximumIntensity() if preset.maximum else mapper.SetBlendModeToComposite()

    @property
    def preset(self) -> VolumePreset | None:
        """The preset the volume is drawn by; None where no volume is seen."""
        return self._preset if self._volume is not None else None

    # Surfaces ------------------------------------------------------------------------------------------------------

    def put_surface(self, surface: Surface) -> None:
        """Shows a label's surface, in place of the one shown."""
        actor = self._surfaces.get(surface.number)
        if actor is None:
            actor = vtkActor()
            actor.GetProperty().SetSpecular(0.15)
            self._surfaces[surface.number] = actor
            self.renderer.AddActor(actor)
        look = actor.GetProperty()
        look.SetInterpolationToPhong() if surface.normals is not None else look.SetInterpolationToFlat()
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(_poly_data(surface))
        mapper.ScalarVisibilityOff()
        mapper.SetClippingPlanes(self._planes[False])
        actor.SetMapper(mapper)

    def keep_surfaces(self, numbers: set[int]) -> None:
        """Takes away the surfaces of labels that are no longer there."""
        for number in [n for n in self._surfaces if n not in numbers]:
            self.renderer.RemoveActor(self._surfaces.pop(number))

    def colour_surface(self, number: int, rgb: tuple[float, float, float], visible: bool) -> None:
        actor = self._surfaces.get(number)
        if actor is not None:
            actor.GetProperty().SetColor(*rgb)
            actor.GetProperty().SetOpacity(1.0 if self._solid else SEE_THROUGH)
            actor.SetVisibility(visible)

    def set_solid(self, solid: bool) -> None:
        """Surfaces as solid bodies, or to be looked through."""
        self._solid = solid
        for actor in self._surfaces.values():
            actor.GetProperty().SetOpacity(1.0 if solid else SEE_THROUGH)

    @property
    def surfaces(self) -> tuple[int, ...]:
        """Numbers of the labels whose surfaces are on stage."""
        return tuple(sorted(self._surfaces))

    # Cuts ----------------------------------------------------------------------------------------------------------

    def set_cuts(self, kept: Sequence[HalfSpace], volume: bool, surfaces: bool) -> None:
        """Shows only what lies within all of `kept`, of the volume, of the surfaces, or of both."""
        for of_volume, wanted in ((True, volume), (False, surfaces)):
            planes = self._planes[of_volume]
            planes.RemoveAllItems()
            for half in kept if wanted else ():
                plane = vtkPlane()
                plane.SetOrigin(*half.origin)
                plane.SetNormal(*half.normal)
                planes.AddItem(plane)

    # Camera and picking --------------------------------------------------------------------------------------------

    def look(self, view: str) -> None:
        """One of `camera.VIEWS`, the whole scan in sight."""
        eye, up = camera.VIEWS[view]
        seen = self.renderer.GetActiveCamera()
        width, height = self.renderer.GetSize()
        middle = (self._corners.min(axis=0) + self._corners.max(axis=0)) / 2
        away = camera.distance(self._corners, eye, up, seen.GetViewAngle(), width / height if height else 1.0)
        seen.SetFocalPoint(*middle)
        seen.SetPosition(*(middle + np.multiply(eye, max(away, 1.0))))
        seen.SetViewUp(*up)

    def eye(self) -> tuple[float, float, float]:
        """Unit vector from what is looked at to the eye, RAS+."""
        x, y, z = self.renderer.GetActiveCamera().GetDirectionOfProjection()
        return -x, -y, -z

    def pick(self, x: int, y: int) -> tuple[float, float, float] | None:
        """RAS+ millimetres of what is seen at a pixel (origin at the bottom left), or None over nothing."""
        picker = vtkCellPicker()
        picker.SetTolerance(0.0)
        picker.SetVolumeOpacityIsovalue(PICKED_OPACITY)
        if not picker.Pick(x, y, 0, self.renderer):
            return None
        a, b, c = picker.GetPickPosition()
        return a, b, c


def _poly_data(surface: Surface) -> vtkPolyData:
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(surface.points), deep=True))
    cells = vtkCellArray()
    # In 32 bits: a mesh is small, and half the memory of VTK's own indices is felt with many labels.
    corners = np.ascontiguousarray(surface.triangles, dtype=np.int32).ravel()
    offsets = np.arange(0, len(corners) + 1, 3, dtype=np.int32)
    cells.SetData(numpy_to_vtk(offsets, deep=True), numpy_to_vtk(corners, deep=True))
    data = vtkPolyData()
    data.SetPoints(points)
    data.SetPolys(cells)
    if surface.normals is not None:
        data.GetPointData().SetNormals(numpy_to_vtk(np.ascontiguousarray(surface.normals), deep=True))
    return data
