"""The 3D pane: volume and label surfaces of the scan that the slice views show, linked by the crosshair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QImage, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from sagittal_app.canvas.geometry import direction_letters, from_millimetres
from sagittal_app.canvas.state import CanvasState
from sagittal_app.scene import camera, guard, surfaces, volumes, words
from sagittal_app.scene.coarse import WHOLE
from sagittal_app.scene.cuts import Cuts, half_spaces
from sagittal_app.scene.presets import Scale, VolumePreset, presets_for
from sagittal_app.scene.scene_note import SceneNote
from sagittal_app.scene.scene_tools import SceneTools
from sagittal_app.scene.surface_maker import Ask, SurfaceMaker
from sagittal_app.scene.surfaces import Surface
from sagittal_app.settings import Settings

AFTER_SLICES_MS = 10
"""What the scene makes, it makes after the slice views have drawn theirs."""
AT_REST_MS = 200
"""Without a graphics card the scene follows the crosshair once it rests: drawing it takes longer than a slice."""
TOGETHER_MS = 400
"""Without one, surfaces that come in one after the other are drawn together so often."""
DETAIL_KEY = "scene_volume_mb"
UNLISTED = "#999999"
"""Colour of a label that has voxels but no row in the table."""


class SceneView(QWidget):
    """Follows a `CanvasState`. `ask` is `Desk.ask`: volumes and surfaces are made in the background."""

    maximise = Signal()
    ready = Signal()
    """Volume or surfaces that were being made are on stage."""

    def __init__(
        self, state: CanvasState, ask: Ask, settings: Settings | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("scene")
        self.state = state
        self._ask = ask
        self._settings = settings
        self.stage: Any = None
        self.window3d: Any = None
        self.take_key: Callable[[QKeyEvent], bool] = self._own_key
        """Does what a key press means; whether it meant something."""
        self.card: guard.Card | None = None
        self.cuts = Cuts()
        self._cut_at = state.position
        self._detail = guard.AUTOMATIC if settings is None else int(settings.value(DETAIL_KEY, guard.AUTOMATIC, int))
        self._has_volume = False
        """Whether the volume of the scan is on stage, or on its way."""
        self._reduced = ""
        """Size of the volume's voxels, where they are larger than the scan's."""
        self._progress = (0, 0)
        self._coarse: set[int] = set()
        """Labels whose surfaces were made from fewer voxels than they have."""
        self._preset: VolumePreset | None = self.presets()[0]
        """How the volume is drawn; None for not at all."""
        self._fresh = True
        """Whether the scan has not been looked at yet."""
        self._broken = False
        self.tools = SceneTools()
        self._note = SceneNote()
        self._say_empty()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self.tools)
        self._place = QVBoxLayout()
        self._place.setContentsMargins(0, 0, 0, 0)
        # A widget between: Qt makes the neighbours of a native window native too, and menus cannot open from those.
        place = QWidget()
        place.setLayout(self._place)
        place.hide()
        self._layout.addWidget(place, 1)
        self._layout.addWidget(self._note)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(AT_REST_MS)
        self._rest.timeout.connect(self._at_rest)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER_SLICES_MS)
        self._soon.timeout.connect(self._catch_up)
        self._together = QTimer(self)
        self._together.setSingleShot(True)
        self._together.setInterval(TOGETHER_MS)
        self._together.timeout.connect(self.render)
        self.maker = SurfaceMaker(state, ask, self._wanted, self)
        self._connect()

    def _connect(self) -> None:
        state, tools, maker = self.state, self.tools, self.maker
        state.scan_changed.connect(self._scan_anew)
        state.reading_changed.connect(self._say_empty)
        state.slices_arrived.connect(self._catch_up)
        state.document_changed.connect(maker.begin)
        state.table_changed.connect(self._colours)
        state.position_changed.connect(self._position)
        state.window_changed.connect(self._window)
        state.look_changed.connect(self._colours)
        maker.made.connect(self._put_surface)
        maker.there.connect(self._keep_surfaces)
        maker.progress.connect(self._say_progress)
        maker.failed.connect(lambda error: self._note.say(words.NO_SURFACES.format(error=error)))
        tools.preset_chosen.connect(self.use_preset)
        tools.detail_chosen.connect(self.use_detail)
        tools.view_chosen.connect(self.look)
        tools.side_chosen.connect(lambda axis, side: self.set_cuts(self.cuts.with_side(axis, side)))
        tools.facing_chosen.connect(self._cut_facing)
        tools.cuts_changed.connect(lambda name, on: self.set_cuts(replace(self.cuts, **{name: on})))
        tools.uncut.connect(lambda: self.set_cuts(self.cuts.without()))
        tools.smooth_chosen.connect(self.set_smooth)
        tools.solid_chosen.connect(self._set_solid)
        tools.slices_chosen.connect(self.show_slices)
        tools.menu_opens.connect(self._fill_menus)
        self._note.detail_asked.connect(tools.offer_detail)
        tools.reset_asked.connect(self.reset)
        tools.picture_asked.connect(self.save_picture)

    def start(self) -> bool:
        """Makes the VTK window; whether it could be made. Without one the pane says why and stays empty.

        Called by itself at the first showing.
        """
        try:
            from sagittal_app.scene.stage import Stage
            from sagittal_app.scene.window3d import Window3D

            self.window3d = Window3D(self._place.parentWidget())
            self.stage = Stage(self.devicePixelRatioF())
            self.window3d.show_stage(self.stage.renderer)
        except Exception as error:
            self._broken = True
            self._note.say(words.BROKEN.format(error=f"{type(error).__name__}: {error}."))
            return False
        self.window3d.clicked.connect(self._pick)
        self.window3d.double_clicked.connect(self.maximise)
        self.window3d.key_pressed.connect(self._key)
        self._place.addWidget(self.window3d)
        self._place.parentWidget().show()
        self._scan_anew()
        return True

    # What the user chooses -----------------------------------------------------------------------------------------

    def presets(self) -> tuple[VolumePreset, ...]:
        return presets_for(self.state.scan.unit if self.state.scan else "")

    def use_preset(self, preset: VolumePreset | None) -> None:
        """Draws the volume by a preset, or not at all."""
        self._preset = preset
        if self.stage is not None:
            self.stage.use_preset(preset, self.state.window)
            self._write()
            self.render()

    def use_detail(self, setting: int) -> None:
        """How large the volume may be: `guard.AUTOMATIC`, `guard.WHOLE` or megabytes. Remembered."""
        if setting != self._detail:
            self._detail, self._has_volume = setting, False
            if self._settings is not None:
                self._settings.set(DETAIL_KEY, setting)
            self._catch_up()

    def set_cuts(self, cuts: Cuts) -> None:
        """Cuts the scene open, or closes it."""
        if not self.cuts.any or (cuts.follows and not self.cuts.follows):
            self._cut_at = self.state.position
        self.cuts = cuts
        self.tools.cut.setChecked(cuts.any)
        self._cut()
        self._write()
        self.render()

    def _cut_facing(self, on: bool) -> None:
        if self.stage is not None:
            self.set_cuts(replace(self.cuts, eye=self.stage.eye() if on else None))

    def _cut(self) -> None:
        if self.stage is not None:
            kept = half_spaces(self.cuts, self.state.affine, self._cut_at)
            self.stage.set_cuts(kept, self.cuts.volume, self.cuts.surfaces)

    def set_smooth(self, smooth: bool) -> None:
        """Surfaces smoothed, or as the voxels are."""
        self.tools.smooth.setChecked(smooth)
        self.maker.set_smooth(smooth)
        self._write()
        self.render()

    def _set_solid(self, solid: bool) -> None:
        if self.stage is not None:
            self.stage.set_solid(solid)
            self.render()

    def show_slices(self, visible: bool) -> None:
        """Shows the three slices through the crosshair in the scene."""
        self.tools.slices.setChecked(visible)
        if self.stage is not None and self.stage.slices is not None:
            self.stage.slices.show(visible)
            self.render()

    def look(self, view: str) -> None:
        """A standard view: "front", "back", "right", "left", "head" or "feet"."""
        if self.stage is not None:
            self.stage.look(view)
            self.render()

    def reset(self) -> None:
        """The whole scan from the front."""
        self.look("front")

    def commands(self) -> dict[str, Callable[[], object]]:
        """What can be done from menus and by keys, by the ids of the canvas's actions."""
        return {
            **{f"scene_{view}": lambda view=view: self.look(view) for view in camera.VIEWS},
            "scene_slices": lambda: self.show_slices(not self.tools.slices.isChecked()),
            "scene_smooth": lambda: self.set_smooth(not self.tools.smooth.isChecked()),
            "scene_uncut": lambda: self.set_cuts(self.cuts.without()),
            "scene_picture": self.save_picture,
        }

    def _own_key(self, event: QKeyEvent) -> bool:
        """The keys of a scene that stands alone."""
        view = "front" if event.text().lower() == "r" else camera.KEYS.get(event.text())
        if view:
            self.look(view)
        return bool(view)

    def _key(self, event: QKeyEvent) -> None:
        if not self.take_key(event):
            event.ignore()

    def _fill_menus(self) -> None:
        scan = self.state.scan
        self.tools.fill_presets(self.presets(), self._preset)
        self.tools.fill_cuts(self.cuts, [direction_letters(self.state.affine[:3, axis]) for axis in range(3)])
        self.tools.fill_detail(self.card or guard.Card(), self._detail, volumes.bytes_of(scan.data) if scan else 0)

    # What is on stage ----------------------------------------------------------------------------------------------

    def _wanted(self) -> bool:
        return self.stage is not None and self.isVisible() and self.state.scan is not None

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._soon.start()

    def _catch_up(self) -> None:
        """Makes what is missing; nothing is made while nobody looks.

        The VTK window too is made only now, when the pane stands where it stays: a native window that is moved between
        parents takes them with it out of Qt's own drawing.
        """
        if self.window3d is None and not self._broken and self.isVisible():
            self.start()
        if not self._wanted():
            return
        if self._fresh:
            self._fresh = False
            self.look("front")
        self._at_rest()
        if not self._has_volume and not self.state.arriving:
            self._make_volume()
        self.maker.catch_up()

    def _scan_anew(self) -> None:
        self._has_volume, self._fresh, self._reduced = False, True, ""
        self._coarse.clear()
        self._cut_at = self.state.position
        self.cuts = self.cuts.without()
        self.tools.cut.setChecked(False)
        if self._preset is not None:
            # The same way of drawing where the other kind of scan has it.
            presets = self.presets()
            self._preset = next((one for one in presets if one.name == self._preset.name), presets[0])
        self._fill_menus()
        if self.stage is None:
            return
        self.stage.set_scan(self.state.scan)
        self.window3d.show_cube(self.state.scan is not None and self.state.directed)
        self._cut()
        if self.stage.slices is not None:
            self.stage.slices.set_window(*self.state.window)
            self.stage.slices.show(self.tools.slices.isChecked())
            self.stage.slices.show_cross(self.state.look.crosshair)
        self._note.say("")
        self._say_empty()
        self._write()
        self.render()
        self._soon.start()

    def _say_empty(self) -> None:
        """Says where there is no scan, unless one is on its way: then the slice views say it."""
        if self.state.scan is None:
            self._note.say("" if self.state.reading else words.EMPTY)

    def _make_volume(self) -> None:
        scan = self.state.scan
        self._has_volume = True
        allowed = guard.allowance(self._known_card(), self._detail, volumes.kind_of(scan.data).itemsize)
        self._ask(
            volumes.prepare, scan, allowed,
            then=lambda made: self._put_volume(scan, made, allowed), failed=self._no_volume, owner=self, topic="volume",
        )  # fmt: skip

    def _no_volume(self, sentence: str, _detail: str) -> None:
        self._note.say(words.NO_VOLUME.format(error=sentence))

    def _put_volume(self, scan: object, volume: volumes.SceneVolume, allowed: guard.Allowance) -> None:
        if self.stage is None or scan is not self.state.scan:
            return
        self.stage.set_volume(volume)
        self.stage.use_preset(self._preset, self.state.window)
        self._reduced = "" if volume.factors == WHOLE else words.millimetres(volume.spacing)
        self._say_reduced(allowed)
        self._write()
        self.render()
        self.ready.emit()

    def _say_reduced(self, allowed: guard.Allowance) -> None:
        """Says why the volume was cut down to fit the card, and offers other sizes.

        Where the processor draws, the note in the scene and the list of sizes say enough: there it is always so.
        """
        sentence = ""
        if self._reduced and self._detail == guard.AUTOMATIC and not self._known_card().software:
            whole = words.size(volumes.bytes_of(self.state.scan.data))  # type: ignore[union-attr]
            sentence = words.REDUCED.format(voxel=self._reduced, whole=whole, allowed=words.size(allowed.bytes))
        self._note.say(sentence, offer=bool(sentence))

    def _known_card(self) -> guard.Card:
        """What draws, asked once."""
        if self.card is None:
            self.use_card(self.window3d.read_card())
        return self.card  # type: ignore[return-value]

    def use_card(self, card: guard.Card) -> None:
        """Draws as suits what there is to draw with."""
        self.card = card
        self.stage.software = card.software
        if card.software:
            self.window3d.draw_coarsely()
            self.maker.largest = surfaces.LARGEST_SOFTWARE

    def _put_surface(self, surface: Surface) -> None:
        if self.stage is not None:
            self.stage.put_surface(surface)
            (self._coarse.add if surface.coarse else self._coarse.discard)(surface.number)
            self._colour(surface.number)
            self._render_together()
            self.ready.emit()

    def _keep_surfaces(self, numbers: set[int]) -> None:
        if self.stage is not None:
            self.stage.keep_surfaces(numbers)
            self._coarse &= numbers
            self._write()
            self._render_together()

    def _say_progress(self, done: int, total: int) -> None:
        self._progress = (done, total)
        self._write()
        self._render_together()

    def _colours(self) -> None:
        if self.stage is None:
            return
        for number in self.stage.surfaces:
            self._colour(number)
        if self.stage.slices is not None:
            self.stage.slices.show_cross(self.state.look.crosshair)
        self._write()
        self.render()

    def _colour(self, number: int) -> None:
        """Shows a surface as its label is shown."""
        document = self.state.document
        if document is not None:
            listed = document.label(number)
            colour = QColor(listed.colour if listed else UNLISTED)
            visible = self.state.look.labels and number not in document.hidden
            self.stage.colour_surface(number, (colour.redF(), colour.greenF(), colour.blueF()), visible)

    def _position(self, _voxel: object) -> None:
        if self._wanted():
            if self.stage.software:
                self._rest.start()
            else:
                self._at_rest()

    def _at_rest(self) -> None:
        """Puts slices, crosshair and cuts where the crosshair is."""
        if self._wanted():
            if self.cuts.follows:
                self._cut_at = self.state.position
                if self.cuts.any:
                    self._cut()
            self.stage.slices.move_to(self.state.position)
            self.render()

    def _window(self, window: tuple[float, float]) -> None:
        if not self._wanted():
            return
        self.stage.slices.set_window(*window)
        follows = self._preset is not None and self._preset.scale is Scale.WINDOW
        if follows:
            self.stage.use_preset(self._preset, window)
        if follows or self.tools.slices.isChecked():
            self.render()

    def _pick(self, x: int, y: int) -> None:
        point = self.stage.pick(x, y)
        if point is not None:
            self.state.move_to(from_millimetres(self.state.affine, point))

    # Drawing and pictures ------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Notes in the scene on how it is drawn, so that nobody takes a smoothed surface for what was painted."""
        if self.stage is None:
            return
        lines = []
        if self._progress[1]:
            lines.append(words.MARK_MAKING.format(done=self._progress[0], total=self._progress[1]))
        if self.stage.surfaces and self.state.look.labels and self.tools.smooth.isChecked():
            lines.append(words.MARK_SMOOTHED)
        if self._coarse and self.state.look.labels:
            lines.append(words.MARK_COARSE)
        if self._reduced and self.stage.preset is not None:
            lines.append(words.MARK_REDUCED.format(voxel=self._reduced))
        if self.cuts.any:
            lines.append(words.MARK_CUT)
        self.stage.writing.note(lines)

    def render(self) -> None:
        """Draws the scene soon; many calls in one round of events draw once."""
        if self.window3d is not None and self.isVisible():
            self.window3d.update()

    def _render_together(self) -> None:
        """Draws soon what comes in by and by."""
        if self.stage is None or not self.stage.software:
            self.render()
        elif not self._together.isActive():
            self._together.start()

    def picture(self) -> QImage:
        """The scene as it is seen, with the letters and notes that are written in it."""
        return self.window3d.picture()

    def save_picture(self) -> None:
        """Asks where to, and writes the scene as PNG. The name offered tells nothing of the patient."""
        if self.window3d is None or self.state.scan is None:
            return
        path, _ = QFileDialog.getSaveFileName(self, words.PICTURE, "scene.png", "PNG (*.png)")
        if path and not self.picture().save(path, "PNG"):
            self._note.say(words.PICTURE_NOT_SAVED.format(path=path))

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._rest.stop()

    def shut_down(self) -> None:
        """Releases VTK's window; must be called before the widget is destroyed."""
        self.maker.stop()
        for timer in (self._soon, self._rest, self._together):
            timer.stop()
        if self.stage is not None:
            self.stage.clear()
            self.window3d.release()
            self.stage = None
