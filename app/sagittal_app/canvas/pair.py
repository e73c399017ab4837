"""Two views of one plane of one scan, each with labels of its own, that are looked at together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from PySide6.QtCore import QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from sagittal.facts import ImageLoan
from sagittal_app.canvas import keys, presets, windowing
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.lone_view import LOOKS, PROBE_MS
from sagittal_app.canvas.plane_canvas import PlaneCanvas
from sagittal_app.canvas.reading import label_look_commands, reading_commands
from sagittal_app.canvas.slice_view import SliceView
from sagittal_app.canvas.state import CanvasState, Look
from sagittal_app.desk import Desk
from sagittal_app.shortcuts import by_key, key_text
from sagittal_app.widgets.basics import column, label, row

GAP = 4
OPACITY = 0.7
"""Of labels at first: stronger than where one paints, for small differences are to be seen."""


class Pair(QWidget):
    """Slice, window, zoom and way of showing are those of both views; a double-click gives one of them all the room.

    `canvases` are two that were made ahead.
    """

    def __init__(self, desk: Desk, titles: Sequence[str], canvases: Sequence[PlaneCanvas] = ()) -> None:
        super().__init__()
        self.setObjectName("pair")
        self._desk = desk
        self.states = (CanvasState(self), CanvasState(self))
        self._told = QTimer(self)
        self._told.setSingleShot(True)
        self._told.setInterval(PROBE_MS)
        self._told.timeout.connect(self._say_probe)
        self.titles = [label(title, "heading") for title in titles]
        self.views: list[SliceView] = []
        self._sides: list[QWidget] = []
        for state, title, canvas in zip(self.states, self.titles, [*canvases, None, None][:2], strict=True):
            view = SliceView(Plane.AXIAL, state, lambda: desk.settings.mouse_preset, self.key, canvas=canvas)
            side = QWidget()
            stacked = column(title, view, spacing=GAP)
            stacked.setStretch(1, 1)
            side.setLayout(stacked)
            view.hovered.connect(lambda _voxel: self._told.isActive() or self._told.start())
            self.views.append(view)
            self._sides.append(side)
        self.setLayout(row(*self._sides, spacing=GAP))
        for one, other in ((0, 1), (1, 0)):
            self._link(one, other)
        self.states[0].set_look(crosshair=False, opacity=OPACITY, **{name: self._look(name) for name in LOOKS})
        desk.settings.changed.connect(self._settings_changed)
        self._settings_changed("keys")

    def _link(self, one: int, other: int) -> None:
        """What is done to one view is done to the other; nothing comes back, for it is there already."""
        state, follower = self.states[one], self.states[other]
        state.position_changed.connect(follower.move_to)
        state.window_changed.connect(follower.set_window)
        state.look_changed.connect(lambda: follower.set_look(**asdict(state.look)))
        self.views[one].canvas.looked.connect(self.views[other].follow)
        self.views[one].maximise.connect(lambda: self._sides[other].setVisible(self._sides[other].isHidden()))

    @property
    def plane(self) -> Plane:
        return self.views[0].plane

    def turn_to(self, plane: Plane) -> None:
        """Shows another plane of the scan."""
        for view in self.views:
            view.turn_to(plane)

    def show_scan(
        self, image: ImageLoan | None, documents: Sequence[LabelDocument | None], sample: windowing.Sample | None = None
    ) -> None:
        """Shows another scan, or none, with the labels of both sides; `sample` as `CanvasState.show_scan` takes it."""
        facts = self._desk.study()
        kept = facts.preferences.get(presets.PREFERENCE, "") if facts else ""
        tables = presets.in_force(kept, str(self._desk.settings.value(presets.PREFERENCE, "")))
        for state, document in zip(self.states, documents, strict=True):
            state.set_presets(tables)
            state.show_scan(image, document, sample)

    def set_reading(self, reading: bool) -> None:
        """Says that a scan is being read that will be shown, or that none is any more."""
        for state in self.states:
            state.set_reading(reading)

    def set_documents(self, documents: Sequence[LabelDocument]) -> None:
        """Shows other labels of the same scan."""
        for state, document in zip(self.states, documents, strict=True):
            state.set_document(document)

    def key(self, event: QKeyEvent) -> bool:
        """Does what a key press asks for; whether there was something."""
        id = self._by_key.get(key_text(event)) or self._by_key.get(event.text())
        return id is not None and self.act(id)

    def act(self, id: str) -> bool:
        """Does one of `keys.ACTIONS`; whether it applies to views that are only looked at."""
        run = self._commands().get(id) if self.states[0].scan is not None else None
        if run is not None:
            run()
        return run is not None

    def _commands(self) -> dict[str, Callable[[], object]]:
        state, settings = self.states[0], self._desk.settings
        commands = reading_commands(state, self.plane) | label_look_commands(state)
        commands |= {name: lambda name=name: settings.set(name, not self._look(name)) for name in LOOKS}
        return commands | {
            "reset": lambda: [view.reset() for view in self.views],
            "centre": lambda: [view.centre() for view in self.views],
        }

    def _say_probe(self) -> None:
        shown = next((view.probe() for view in self.views if view.hand.under is not None), [])
        self._desk.say_probe("   ·   ".join(shown))

    def _look(self, name: str) -> bool:
        return bool(self._desk.settings.value(name, getattr(Look(), name), bool))

    def _settings_changed(self, key: str) -> None:
        if key == "keys":
            self._by_key = by_key(self._desk.settings, {action.id: action.keys for action in keys.ACTIONS})
        elif key in LOOKS:
            self.states[0].set_look(**{key: self._look(key)})

    def shut_down(self) -> None:
        for view in self.views:
            view.shut_down()
