"""The 3D pane: volume and label surfaces of the scan that the slice views show, linked by the crosshair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QColor, QImage, QShowEvent
from PySide6.QtWidgets import QMenu, QToolButton, QVBoxLayout, QWidget

from sagittal_app.canvas import words
from sagittal_app.canvas.geometry import Box, from_millimetres
from sagittal_app.canvas.state import CanvasState
from sagittal_app.scene import surfaces, volumes
from sagittal_app.widgets.basics import label, row, tool

AFTER_EDIT_MS = 800
"""Surfaces follow the brush after this pause."""
AT_REST_MS = 200
"""Without a graphics card the scene follows the crosshair once it rests: drawing it takes longer than a slice."""
STANDARD_VIEWS = {"1": "front", "3": "right", "7": "head"}

Ask = Callable[..., None]


class SceneView(QWidget):
    """Follows a `CanvasState`. `ask` is `Desk.ask`: volumes and surfaces are made in the background."""

    maximise = Signal()
    ready = Signal()
    """Volume or surfaces that were being made are on stage."""

    def __init__(self, state: CanvasState, ask: Ask, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("scene")
        self.state = state
        self._ask = ask
        self.stage: Any = None
        self.window3d: Any = None
        self._marker: Any = None
        self._boxes: dict[int, Box] = {}
        self._dirty: Box | None = None
        self._all_dirty = True
        self._volume_of: str | None = None
        self._smooth = True
        self._fresh_camera = True
        self._broken = False
        self._note = label(words.SCENE_EMPTY, "quiet")
        self._note.setObjectName("scene_note")
        self._note.setWordWrap(True)
        self._note.setMargin(6)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addLayout(self._make_tools())
        self._layout.addWidget(self._note)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(AFTER_EDIT_MS)
        self._timer.timeout.connect(self._make_surfaces)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(AT_REST_MS)
        self._rest.timeout.connect(self.render)
        state.scan_changed.connect(self._scan_anew)
        state.document_changed.connect(self._labels_anew)
        state.voxels_changed.connect(self._edited)
        state.table_changed.connect(self._colours)
        state.position_changed.connect(self._position)
        state.window_changed.connect(self._window)
        state.look_changed.connect(self._colours)

    def start(self) -> bool:
        """Makes the VTK window; whether it could be made. Without one the pane says why and stays empty.

        Called by itself at the first showing.
        """
        try:
            from vtkmodules.vtkInteractionWidgets import vtkOrientationMarkerWidget

            from sagittal_app.scene.stage import Stage, letter_cube
            from sagittal_app.scene.window3d import Window3D

            self.window3d = Window3D(self)
            self.stage = Stage()
            render_window = self.window3d.GetRenderWindow()
            render_window.SetMultiSamples(0)
            render_window.AddRenderer(self.stage.renderer)
            interactor = render_window.GetInteractor()
            interactor.Initialize()
            self._marker = vtkOrientationMarkerWidget()
            self._marker.SetOrientationMarker(letter_cube())
            self._marker.SetInteractor(interactor)
            self._marker.SetViewport(0.8, 0.0, 1.0, 0.24)
            self._marker.SetEnabled(1)
            self._marker.InteractiveOff()
        except Exception as error:
            self._broken = True
            self._say(words.SCENE_BROKEN.format(error=f"{type(error).__name__}: {error}."))
            return False
        self.window3d.clicked.connect(self._pick)
        self.window3d.double_clicked.connect(self.maximise)
        self.window3d.key_pressed.connect(self._key)
        self._layout.insertWidget(1, self.window3d, 1)
        self._scan_anew()
        return True

    # Tools ---------------------------------------------------------------------------------------------------------

    def _make_tools(self) -> Any:
        self._volume_menu = QMenu(self)
        volume = self._menu_button("mdi6.cube-scan", "Volume rendering", "scene_volume", self._volume_menu)
        views = QMenu(self)
        for name in ("front", "back", "right", "left", "head", "feet"):
            key = next((k for k, v in STANDARD_VIEWS.items() if v == name), "")
            action = views.addAction(f"From the {name}" + (f"\t{key}" if key else ""))
            action.setObjectName(f"scene_from_{name}")
            action.triggered.connect(lambda _checked=False, view=name: self.look(view))
        view = self._menu_button("mdi6.rotate-3d", "Standard views (1, 3, 7)", "scene_views", views)
        self.smooth_button = tool(
            "mdi6.blur", words.SMOOTH_SURFACES, "scene_smooth", self._toggle_smooth, checkable=True
        )
        self.smooth_button.setChecked(True)
        self.planes_button = tool(
            "mdi6.layers-outline", "Show the slices in the scene", "scene_planes", self._toggle_planes, checkable=True
        )
        reset = tool("mdi6.fit-to-page-outline", "Reset the scene", "scene_reset", self.reset, shortcut="R")
        camera = tool("mdi6.camera-outline", "Save a picture of the scene", "scene_picture", self.save_picture)
        strip = row(volume, view, self.smooth_button, self.planes_button, reset, camera, None, spacing=0)
        strip.setContentsMargins(4, 2, 4, 2)
        return strip

    @staticmethod
    def _menu_button(icon: str, title: str, name: str, menu: QMenu) -> QToolButton:
        made = tool(icon, title, name, lambda: None)
        made.setMenu(menu)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return made

    def _fill_volume_menu(self) -> None:
        self._volume_menu.clear()
        group = QActionGroup(self._volume_menu)
        presets = volumes.presets_for(self.state.scan.unit if self.state.scan else "")
        for number, preset in enumerate(presets):
            action = QAction(preset.name, self._volume_menu, checkable=True, checked=number == 0)
            action.triggered.connect(lambda _checked=False, preset=preset: self.use_preset(preset))
            group.addAction(action)
            self._volume_menu.addAction(action)
        none = QAction("No volume, surfaces only", self._volume_menu, checkable=True)
        none.triggered.connect(lambda _checked=False: self.use_preset(None))
        group.addAction(none)
        self._volume_menu.addAction(none)

    def use_preset(self, preset: volumes.VolumePreset | None) -> None:
        """Draws the volume by a preset, or not at all."""
        if self.stage is not None:
            self.stage.set_volume_visible(preset is not None)
            if preset is not None:
                self.stage.use_preset(preset)
            self.render()

    def _toggle_smooth(self) -> None:
        self._smooth = self.smooth_button.isChecked()
        self._all_dirty = True
        self._make_surfaces()

    def _toggle_planes(self) -> None:
        if self.stage is not None:
            self.stage.set_planes_visible(self.planes_button.isChecked())
            self.render()

    def look(self, view: str) -> None:
        """A standard view: "front", "back", "right", "left", "head" or "feet"."""
        if self.stage is not None:
            self.stage.look(view)
            self.render()

    def reset(self) -> None:
        self.look("front")

    def _key(self, event: Any) -> None:
        view = STANDARD_VIEWS.get(event.text())
        if view:
            self.look(view)
        elif event.text().lower() == "r":
            self.reset()
        else:
            event.ignore()

    # What is on stage ----------------------------------------------------------------------------------------------

    def _wanted(self) -> bool:
        return self.stage is not None and self.isVisible() and self.state.scan is not None

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self, self._catch_up)

    def _catch_up(self) -> None:
        """Makes what is missing; nothing is made while nobody looks.

        The VTK window too is made only now, when the pane stands where it stays: a native window that is moved between
        parents takes them with it out of Qt's own drawing.
        """
        if self.window3d is None and not self._broken and self.isVisible():
            self.start()
        if not self._wanted():
            return
        if self._volume_of != self.state.scan.scan:
            self._make_volume()
        if self._all_dirty or self._dirty is not None:
            self._make_surfaces()

    def _scan_anew(self) -> None:
        self._volume_of, self._fresh_camera = None, True
        self._fill_volume_menu()
        if self.stage is not None:
            self.stage.set_volume(None)
            self._say("" if self.state.scan else words.SCENE_EMPTY)
            self.render()
        self._catch_up()

    def _make_volume(self) -> None:
        loan = self.state.scan
        self._volume_of = loan.scan
        cap = volumes.SOFTWARE_VOXELS if self._software() else volumes.GPU_VOXELS
        self._ask(volumes.prepare, loan, cap, then=self._put_volume, owner=self, topic="volume")

    def _put_volume(self, volume: volumes.SceneVolume) -> None:
        if self.stage is None or self.state.scan is None:
            return
        self.stage.set_volume(volume)
        self._boxes, self._all_dirty = {}, True
        self.stage.use_preset(volumes.presets_for(self.state.scan.unit)[0])
        self.stage.set_window(*self.state.window)
        self.stage.set_position(self.state.position)
        if self._fresh_camera:
            self._fresh_camera = False
            self.stage.look("front")
        self._say(words.VOLUME_REDUCED.format(factor=volume.factor) if volume.factor > 1 else "")
        self.render()
        self.ready.emit()
        self._make_surfaces()

    def _software(self) -> bool:
        """Whether the processor draws what a graphics card should (Mesa's llvmpipe, for instance)."""
        window = self.window3d.GetRenderWindow()
        window.Render()
        found = window.ReportCapabilities().lower()
        self.stage.software = any(name in found for name in ("llvmpipe", "softpipe", "swiftshader"))
        if self.stage.software:
            # Fewer rays while turning and at rest, so that a drawing takes a fraction of a second.
            self.window3d.GetRenderWindow().GetInteractor().SetDesiredUpdateRate(20.0)
            self.window3d.GetRenderWindow().GetInteractor().SetStillUpdateRate(8.0)
            window.SetDesiredUpdateRate(8.0)
        return bool(self.stage.software)

    def _labels_anew(self) -> None:
        self._all_dirty, self._boxes = True, {}
        if self.stage is not None:
            self.stage.keep_surfaces(set())
        self._make_surfaces()

    def _edited(self, box: Box) -> None:
        self._dirty = box.union(self._dirty)
        self._timer.start()

    def _make_surfaces(self) -> None:
        document = self.state.document
        if not self._wanted() or document is None or self._volume_of is None:
            return
        dirty = None if self._all_dirty else self._dirty
        self._all_dirty, self._dirty = False, None
        self._ask(
            surfaces.surfaces, document.data, self.state.affine, self._smooth, dict(self._boxes), dirty,
            then=lambda made: self._put_surfaces(document, made), owner=self, topic="surfaces",
        )  # fmt: skip

    def _put_surfaces(self, document: object, made: tuple[list[surfaces.Surface], set[int]]) -> None:
        if self.stage is None or document is not self.state.document:
            return
        shown, there = made
        self.stage.keep_surfaces(there)
        self._boxes = {number: box for number, box in self._boxes.items() if number in there}
        for one in shown:
            self.stage.put_surface(one)
            self._boxes[one.number] = one.box
        self._colours()
        self.ready.emit()

    def _colours(self) -> None:
        document = self.state.document
        if self.stage is None or document is None:
            return
        for number in self.stage.surfaces:
            listed = document.label(number)
            colour = QColor(listed.colour if listed else "#999999")
            visible = self.state.look.labels and number not in document.hidden
            self.stage.colour_surface(number, (colour.redF(), colour.greenF(), colour.blueF()), visible)
        self.stage.set_cross_visible(self.state.look.crosshair)
        self.render()

    def _position(self, voxel: tuple[int, int, int]) -> None:
        if self._wanted():
            self.stage.set_position(voxel)
            if self.stage.software:
                self._rest.start()
            else:
                self.render()

    def _window(self, window: tuple[float, float]) -> None:
        if self.stage is not None and self.planes_button.isChecked():
            self.render()
        if self.stage is not None:
            self.stage.set_window(*window)

    def _pick(self, x: int, y: int) -> None:
        point = self.stage.pick(x, y)
        if point is not None:
            self.state.move_to(from_millimetres(self.state.affine, point))

    # Drawing -------------------------------------------------------------------------------------------------------

    def render(self) -> None:
        """Draws the scene soon; many calls in one round of events draw once."""
        if self.window3d is not None and self.isVisible():
            self.window3d.update()

    def picture(self) -> QImage:
        """The scene as it is seen."""
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

        grab = vtkWindowToImageFilter()
        grab.SetInput(self.window3d.GetRenderWindow())
        grab.ReadFrontBufferOff()
        grab.Update()
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].copy()
        return QImage(pixels.data, width, height, width * 3, QImage.Format.Format_RGB888).copy()

    def save_picture(self) -> None:
        """Asks where to, and writes the scene as PNG."""
        from PySide6.QtWidgets import QFileDialog

        if self.window3d is None:
            return
        path, _ = QFileDialog.getSaveFileName(self, "Save a picture of the scene", "scene.png", "PNG (*.png)")
        if path:
            self.picture().save(path)

    def _say(self, text: str) -> None:
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def shut_down(self) -> None:
        """Releases VTK's window; must be called before the widget is destroyed."""
        self._timer.stop()
        self._rest.stop()
        if self.stage is not None:
            self._marker.SetEnabled(0)
            self._marker.SetInteractor(None)
            self.stage.clear()
            self.window3d.GetRenderWindow().RemoveRenderer(self.stage.renderer)
            self.window3d.release()
            self.stage = self._marker = None
