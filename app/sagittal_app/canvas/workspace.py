"""Four linked panes: three planes and the 3D scene. One is large; double-click gives another its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from sagittal_app.canvas import keys, measures
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.plane_canvas import PlaneCanvas
from sagittal_app.canvas.reading import label_look_commands, reading_commands
from sagittal_app.canvas.slice_view import SliceView
from sagittal_app.canvas.state import CanvasState
from sagittal_app.settings import Settings
from sagittal_app.shortcuts import by_key, key_text

GAP = 4
SCENE = "scene"


class Workspace(QWidget):
    """Panes are placed by hand and never change their parent: a native 3D window must not be moved between parents."""

    hovered = Signal(object)
    """The voxel under the mouse, or None."""

    def __init__(
        self,
        state: CanvasState,
        settings: Settings,
        scene: QWidget | None = None,
        parent: QWidget | None = None,
        canvases: Sequence[PlaneCanvas] = (),
    ) -> None:
        super().__init__(parent)
        self.setObjectName("workspace")
        self.state = state
        self._settings = settings
        self._share = 0.7
        self._dragging = False
        self._alone = False
        self.views: dict[Plane, SliceView] = {}
        self.panes: dict[str, QWidget] = {}
        for plane, canvas in zip_longest(Plane, canvases):
            view = SliceView(plane, state, lambda: settings.mouse_preset, self._keys_of(plane), self, canvas)
            view.maximise.connect(lambda name=str(plane): self.toggle_large(name))
            view.hovered.connect(self.hovered)
            self.views[plane] = view
            self.panes[str(plane)] = view
        if scene is not None:
            scene.setParent(self)
            self.panes[SCENE] = scene
        self.large = str(Plane.AXIAL)
        self.setMouseTracking(True)
        self.setMinimumSize(360, 300)
        self._order = list(self.panes)
        self.more: dict[str, Callable[[], object]] = {}
        """Commands that those around the views add, by id."""
        self._last_plane = Plane.AXIAL
        settings.changed.connect(self._keys_anew)
        state.scan_changed.connect(self._draw_next)
        state.scan_changed.connect(self._arrange)
        self._keys_anew()
        self._arrange()

    def _draw_next(self) -> None:
        """Puts off the drawing of another scan to the next round of the event loop.

        Preparing it and drawing four panes take a tenth of a second each; between them mouse and keys get their turn.
        """
        self.setUpdatesEnabled(False)
        QTimer.singleShot(0, self, lambda: self.setUpdatesEnabled(True))

    # Places --------------------------------------------------------------------------------------------------------

    def toggle_large(self, name: str) -> None:
        """Gives a small pane the large place; the large one fills everything, or goes back.

        A scan that is a single picture has one pane in any case.
        """
        if self.state.only_plane is not None:
            return
        if name == self.large:
            self._alone = not self._alone
        else:
            here, there = self._order.index(self.large), self._order.index(name)
            self._order[here], self._order[there] = self._order[there], self._order[here]
            self.large, self._alone = name, False
        self._arrange()

    def _arrange(self) -> None:
        rect, only = self.rect(), self.state.only_plane
        large = self.large if only is None else str(only)
        alone = self._alone or only is not None
        small = [name for name in self._order if name != large]
        for name, pane in self.panes.items():
            if isinstance(pane, SliceView):
                pane.large = name == large
            if alone:
                pane.setVisible(name == large)
        if alone:
            self.panes[large].setGeometry(rect)
            return
        width = round((rect.width() - GAP) * self._share)
        self.panes[self.large].setGeometry(QRect(0, 0, width, rect.height()))
        self.panes[self.large].show()
        height = (rect.height() - GAP * (len(small) - 1)) / len(small)
        for step, name in enumerate(small):
            top, bottom = round(step * (height + GAP)), round(step * (height + GAP) + height)
            self.panes[name].setGeometry(QRect(width + GAP, top, rect.width() - width - GAP, bottom - top))
            self.panes[name].show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._dragging = self._over_gap(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self._share = min(max(event.position().x() / max(self.width(), 1), 0.4), 0.85)
            self._arrange()
        elif self._over_gap(event):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        else:
            self.unsetCursor()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._dragging = False

    def _over_gap(self, event: QMouseEvent) -> bool:
        between = not self._alone and self.state.only_plane is None
        return between and abs(event.position().x() - (self.width() - GAP) * self._share - GAP / 2) <= GAP

    # Commands ------------------------------------------------------------------------------------------------------

    def _keys_of(self, plane: Plane) -> Callable[[QKeyEvent], bool]:
        def press(event: QKeyEvent) -> bool:
            self._last_plane = plane
            return self.key(event)

        return press

    def key(self, event: QKeyEvent) -> bool:
        """Does what a key press asks for; whether there was something."""
        # The sign itself where the keyboard makes it with other keys held, as "[" with AltGr.
        id = self._by_key.get(key_text(event)) or self._by_key.get(event.text())
        return id is not None and self.act(id)

    def _keys_anew(self, changed: str = "keys") -> None:
        if changed == "keys":
            self._by_key = by_key(self._settings, {action.id: action.keys for action in keys.ACTIONS})

    def act(self, id: str) -> bool:
        """Does one of `keys.ACTIONS`; whether it applied."""
        if self.state.scan is None:
            return False
        if id in keys.TOOL_IDS:
            self.state.use_tool(id)
            return True
        run = self._commands().get(id) or self.more.get(id)
        if run is None:
            return False
        run()
        return True

    def _commands(self) -> dict[str, Callable[[], object]]:
        state = self.state
        commands = reading_commands(state, self._last_plane) | label_look_commands(state)
        commands |= {
            "smaller": lambda: state.scale_brush(-1),
            "larger": lambda: state.scale_brush(1),
            "reset": self.reset,
            "centre": lambda: [view.centre() for view in self.views.values()],
            "delete_measure": self.delete_measure,
            "copy_measures": self.copy_measures,
        }
        document = state.document
        if document is not None:
            commands |= {
                "label_back": lambda: document.step_active(-1),
                "label_on": lambda: document.step_active(1),
            }
        return commands

    def delete_measure(self) -> None:
        """Takes away the measure under the mouse, or else the newest of the scan; can be undone."""
        state = self.state
        kept = list(state.measures.of(state.scan))
        near = (view.hand.measure_in_reach() for view in self.views.values())
        doomed = next((one for one in near if one is not None), kept[-1] if kept else None)
        if doomed is not None and state.scan is not None:
            state.measures.set(state.scan, [one for one in kept if one != doomed], state.depth)

    def copy_measures(self) -> None:
        """Puts the measures of the scan on the clipboard as a table."""
        if self.state.scan is not None:
            found = self.state.measures.of(self.state.scan)
            QGuiApplication.clipboard().setText(measures.table(found, self.state.scan))

    def take_focus(self) -> None:
        """Gives the keys to the views."""
        self.views[self.state.only_plane or Plane.AXIAL].overlay.setFocus()

    def reset(self) -> None:
        """Every view whole again."""
        for view in self.views.values():
            view.reset()
        reset = getattr(self.panes.get(SCENE), "reset", None)
        if reset is not None:
            reset()

    def shut_down(self) -> None:
        for pane in self.panes.values():
            pane.shut_down()  # type: ignore[attr-defined]
