"""One plane of one scan, for looking: slices, window, zoom, measures and keys as in the linked views, and no labels."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from sagittal.facts import ImageLoan
from sagittal_app.canvas import keys, presets, windowing
from sagittal_app.canvas.arriving import Arriving
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.plane_canvas import PlaneCanvas
from sagittal_app.canvas.reading import reading_commands
from sagittal_app.canvas.slice_view import SliceView
from sagittal_app.canvas.state import CanvasState, Look
from sagittal_app.canvas.strewn import Strewn
from sagittal_app.desk import Desk
from sagittal_app.shortcuts import by_key, key_text
from sagittal_app.widgets.basics import column

LOOKS = ("radiological", "nose_left", "smooth")
"""What of the way planes are shown is the same in every view of the window."""
PROBE_MS = 40


class LoneView(QWidget):
    """`canvas` is one made ahead (a fifth of a second); `state` and `view` are there to draw on."""

    maximise = Signal()
    """Double-click."""
    slice_changed = Signal(int)
    """Another slice is shown."""
    opened = Signal()
    """The scan asked for is on the screen."""

    def __init__(
        self, desk: Desk, plane: Plane, canvas: PlaneCanvas | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"lone_{plane}")
        self.plane = plane
        self.scan = ""
        """Id of the scan shown, or being read."""
        self._desk = desk
        self._wanted: int | None = None
        """The slice to go to once the scan is there."""
        self._said = -1
        self.state = CanvasState(self)
        self._arriving = Arriving(desk, self.state, self)
        self._strewn = Strewn(desk, self.state, self)
        self.view = SliceView(plane, self.state, lambda: desk.settings.mouse_preset, self._key, self, canvas)
        self.view.maximise.connect(self.maximise)
        self.setLayout(column(self.view))
        self._by_key: dict[str, str] = {}
        self._settings_changed("keys")
        # Nothing is linked with this view that a crosshair would point at; X shows it all the same.
        self.state.set_look(crosshair=False, **{name: self._look(name) for name in LOOKS})
        self.state.position_changed.connect(lambda _voxel: self._say_slice())
        self._told = QTimer(self)
        self._told.setSingleShot(True)
        self._told.setInterval(PROBE_MS)
        self._told.timeout.connect(self._say_probe)
        self.view.hovered.connect(lambda _voxel: self._told.isActive() or self._told.start())
        desk.settings.changed.connect(self._settings_changed)

    # What is shown -------------------------------------------------------------------------------------------------

    def show_scan(self, scan: str, index: int | None = None) -> None:
        """Shows a scan (none for ""), at slice `index` of the plane or in its middle; it is read in the background."""
        self._wanted = index
        if scan == self.scan:
            self._go_to_wanted()
            return
        self.scan = scan
        self.state.show_scan(None)
        if not scan:
            return
        self.state.set_reading(True)
        port = self._desk.port

        def read() -> tuple[ImageLoan, windowing.Sample]:
            loan = port.image(scan)
            return loan, windowing.sample_of(loan.data)

        self._desk.ask(
            read, then=lambda found: self._take(scan, *found), failed=self._not_read, owner=self, topic="lone view"
        )

    def _not_read(self, sentence: str, detail: str) -> None:
        self.state.set_reading(False)
        self._desk.notify("error", sentence, detail)

    def go_to(self, index: int) -> None:
        """Shows a slice, at once or as soon as the scan is there."""
        self._wanted = index
        self._go_to_wanted()

    @property
    def index(self) -> int:
        """The slice shown."""
        return self.view.index

    @property
    def slices(self) -> int:
        return self.view.view.slices if self.state.scan is not None else 0

    def _take(self, scan: str, loan: ImageLoan, sample: windowing.Sample) -> None:
        if scan != self.scan:
            return
        facts = self._desk.study()
        kept = facts.preferences.get(presets.PREFERENCE, "") if facts else ""
        self.state.set_presets(presets.in_force(kept, str(self._desk.settings.value(presets.PREFERENCE, ""))))
        self.state.show_scan(loan, None, sample)
        self._said = -1
        self._go_to_wanted()
        self._say_slice()
        self.opened.emit()

    def _go_to_wanted(self) -> None:
        if self._wanted is None or self.state.scan is None:
            return
        position = list(self.state.position)
        position[self.view.view.through] = self._wanted
        self._wanted = None
        self.state.move_to(position)

    def _say_slice(self) -> None:
        if self.state.scan is not None and self.index != self._said:
            self._said = self.index
            self.slice_changed.emit(self.index)

    def _say_probe(self) -> None:
        self._desk.say_probe("   ·   ".join(self.view.probe()))

    # Keys and settings ---------------------------------------------------------------------------------------------

    def act(self, id: str) -> bool:
        """Does one of `keys.ACTIONS`; whether it applies to a view without labels."""
        if self.state.scan is None:
            return False
        if id in keys.READING:
            self.state.use_tool(id)
            return True
        run = self._commands().get(id)
        if run is not None:
            run()
        return run is not None

    def _commands(self) -> dict[str, Callable[[], object]]:
        turn = {name: lambda name=name: self._desk.settings.set(name, not self._look(name)) for name in LOOKS}
        own = {"reset": self.view.reset, "centre": self.view.centre}
        return {**reading_commands(self.state, self.plane), **turn, **own}

    def _key(self, event: QKeyEvent) -> bool:
        id = self._by_key.get(key_text(event)) or self._by_key.get(event.text())
        return id is not None and self.act(id)

    def _look(self, name: str) -> bool:
        return bool(self._desk.settings.value(name, getattr(Look(), name), bool))

    def _settings_changed(self, key: str) -> None:
        if key == "keys":
            self._by_key = by_key(self._desk.settings, {action.id: action.keys for action in keys.ACTIONS})
        elif key in LOOKS:
            self.state.set_look(**{key: self._look(key)})

    def shut_down(self) -> None:
        """Releases the drawing context."""
        self.view.shut_down()
