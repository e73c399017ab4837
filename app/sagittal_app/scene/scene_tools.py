"""The scene's strip of buttons and menus: it shows what is in force and tells what is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from sagittal_app.scene import camera, guard, words
from sagittal_app.scene.cuts import Cuts
from sagittal_app.scene.presets import VolumePreset
from sagittal_app.widgets.basics import row, tool


class SceneTools(QWidget):
    """See the module's docstring."""

    preset_chosen = Signal(object)
    """A `VolumePreset`, or None for no volume."""
    detail_chosen = Signal(int)
    """One of `guard.AUTOMATIC`, `guard.WHOLE`, or megabytes."""
    view_chosen = Signal(str)
    side_chosen = Signal(int, int)
    """Axis and side of a cut that is switched on or off."""
    facing_chosen = Signal(bool)
    cuts_changed = Signal(str, bool)
    """A field of `Cuts` ("follows", "volume", "surfaces") and its new value."""
    uncut = Signal()
    smooth_chosen = Signal(bool)
    solid_chosen = Signal(bool)
    slices_chosen = Signal(bool)
    menu_opens = Signal()
    """One of the menus that depend on the scan is about to be shown: the moment to fill it anew."""
    reset_asked = Signal()
    picture_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets = QMenu(self)
        self._detail = QMenu(words.DETAIL, self)
        self._detail.setObjectName("scene_detail")
        self._views = QMenu(self)
        self._cuts = QMenu(self)
        self.volume = _menu_button("mdi6.cube-scan", words.VOLUME, "scene_volume", self._presets)
        views = _menu_button("mdi6.rotate-3d", words.VIEWS, "scene_views", self._views)
        self.cut = _menu_button("mdi6.content-cut", words.CUT, "scene_cut", self._cuts)
        self.cut.setCheckable(True)
        self.smooth = tool("mdi6.blur", words.SMOOTH, "scene_smooth", self._tell_smooth, checkable=True)
        self.smooth.setChecked(True)
        self.see_through = tool(
            "mdi6.opacity", words.SEE_THROUGH, "scene_see_through", self._tell_solid, checkable=True
        )
        self.slices = tool("mdi6.layers-outline", words.SHOW_SLICES, "scene_planes", self._tell_slices, checkable=True)
        reset = tool("mdi6.fit-to-page-outline", words.RESET, "scene_reset", self.reset_asked.emit, shortcut="R")
        picture = tool("mdi6.camera-outline", words.PICTURE, "scene_picture", self.picture_asked.emit)
        strip = row(
            self.volume, views, self.cut, self.slices, self.smooth, self.see_through, reset, picture, None, spacing=0
        )
        strip.setContentsMargins(4, 2, 4, 2)
        self.setLayout(strip)
        for menu in (self._presets, self._cuts):
            menu.aboutToShow.connect(self.menu_opens)
        for view in camera.VIEWS:
            key = next((key for key, name in camera.KEYS.items() if name == view), "")
            action = self._views.addAction(f"From the {view}" + (f"\t{key}" if key else ""))
            action.setObjectName(f"scene_from_{view}")
            action.triggered.connect(lambda _checked=False, view=view: self.view_chosen.emit(view))

    def _tell_smooth(self) -> None:
        self.smooth_chosen.emit(self.smooth.isChecked())

    def _tell_solid(self) -> None:
        self.solid_chosen.emit(not self.see_through.isChecked())

    def _tell_slices(self) -> None:
        self.slices_chosen.emit(self.slices.isChecked())

    # Menus that depend on the scan ---------------------------------------------------------------------------------

    def fill_presets(self, presets: Sequence[VolumePreset], chosen: VolumePreset | None) -> None:
        """Lists the ways to draw the volume, and marks the one in force."""
        self._presets.clear()
        group = QActionGroup(self._presets)
        for preset in (*presets, None):
            action = self._presets.addAction(preset.name if preset else words.VOLUME_NONE)
            _check(action, preset == chosen, group)
            action.triggered.connect(lambda _checked=False, preset=preset: self.preset_chosen.emit(preset))
        self._presets.addSeparator()
        self._presets.addMenu(self._detail)

    def fill_detail(self, card: guard.Card, setting: int, whole: int) -> None:
        """Lists how large the volume may be; `whole` is what the whole scan takes, in bytes."""
        self._detail.clear()
        group = QActionGroup(self._detail)
        own = words.DETAIL_SOFTWARE
        if not card.software:
            own = words.DETAIL_AUTOMATIC.format(allowed=words.size(guard.automatic(card)))
        offers = {guard.AUTOMATIC: own}
        offers |= {mega: words.DETAIL_AT_MOST.format(size=words.size(mega * guard.MEGA)) for mega in guard.CHOICES}
        offers[guard.WHOLE] = words.DETAIL_WHOLE.format(size=words.size(whole)) if whole else words.DETAIL_WHOLE_UNSIZED
        for choice, text in offers.items():
            action = self._detail.addAction(text)
            action.setObjectName(f"scene_detail_{choice}")
            _check(action, choice == setting, group)
            action.triggered.connect(lambda _checked=False, choice=choice: self.detail_chosen.emit(choice))

    def offer_detail(self, at: QWidget) -> None:
        """Opens the list of sizes below a widget."""
        self._detail.popup(at.mapToGlobal(at.rect().bottomLeft()))

    def fill_cuts(self, cuts: Cuts, letters: Sequence[tuple[str, str]]) -> None:
        """Lists the cuts; `letters` are the patient's letters at the positive and negative end of each axis."""
        self._cuts.clear()
        for axis, ends in enumerate(letters):
            for side, letter in zip((1, -1), ends, strict=True):
                action = self._cuts.addAction(words.CUT_AWAY.format(side=words.SIDES[letter[0]]))
                action.setObjectName(f"scene_cut_{letter}")
                _check(action, cuts.sides[axis] == side)
                action.triggered.connect(lambda _on=False, axis=axis, side=side: self.side_chosen.emit(axis, side))
        facing = self._cuts.addAction(words.CUT_FACING)
        facing.setObjectName("scene_cut_facing")
        _check(facing, cuts.eye is not None)
        facing.toggled.connect(self.facing_chosen)
        self._cuts.addSeparator()
        for name, text in (
            ("follows", words.CUT_FOLLOWS), ("volume", words.CUT_VOLUME), ("surfaces", words.CUT_SURFACES)
        ):  # fmt: skip
            action = self._cuts.addAction(text)
            action.setObjectName(f"scene_cut_{name}")
            _check(action, getattr(cuts, name))
            action.toggled.connect(lambda on, name=name: self.cuts_changed.emit(name, on))
        self._cuts.addSeparator()
        none = self._cuts.addAction(words.CUT_NONE)
        none.setObjectName("scene_uncut")
        none.setEnabled(cuts.any)
        none.triggered.connect(lambda _checked=False: self.uncut.emit())


def _menu_button(icon: str, title: str, name: str, menu: QMenu) -> QToolButton:
    made = tool(icon, title, name, lambda: None)
    made.setMenu(menu)
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return made


def _check(action: QAction, checked: bool, group: QActionGroup | None = None) -> None:
    action.setCheckable(True)
    action.setChecked(checked)
    if group is not None:
        group.addAction(action)
