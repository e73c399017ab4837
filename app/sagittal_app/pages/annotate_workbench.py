"""The main view that Annotate and Results share: tool strip, linked planes, 3D scene, and their commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from sagittal_app.actions import FOCUS, VIEWS, Command
from sagittal_app.canvas import keys
from sagittal_app.canvas.session import Session
from sagittal_app.canvas.state import CanvasState
from sagittal_app.desk import Desk
from sagittal_app.shortcuts import CANVAS
from sagittal_app.widgets.basics import row

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas


class Workbench(QWidget):
    """Made in a page's `build`: it imports napari and VTK. `canvases` are those a page's `ahead` has made."""

    def __init__(self, desk: Desk, canvases: Sequence[PlaneCanvas] = ()) -> None:
        super().__init__()
        from sagittal_app.canvas.tool_strip import ToolStrip
        from sagittal_app.canvas.workspace import SCENE, Workspace
        from sagittal_app.scene.scene_view import SceneView

        self.setObjectName("workbench")
        settings = desk.settings
        self.state = CanvasState(self)
        self.state.set_look(radiological=settings.radiological, nose_left=bool(settings.value("nose_left", True, bool)))
        self.session = Session(desk, self.state, self)
        self.scene = SceneView(self.state, desk.ask, settings)
        self.space = Workspace(self.state, settings, self.scene, canvases=canvases)
        self.scene.maximise.connect(lambda: self.space.toggle_large(SCENE))
        self.strip = ToolStrip(self.state, self.space.act)
        body = row(self.strip, self.space, spacing=4)
        body.setStretch(1, 1)
        self.setLayout(body)
        settings.changed.connect(lambda key: self._settings_changed(desk, key))

    def _settings_changed(self, desk: Desk, key: str) -> None:
        if key in ("radiological", "nose_left"):
            self.state.set_look(**{key: bool(desk.settings.value(key, True, bool))})

    def shut_down(self) -> None:
        self.space.shut_down()


def make_canvases(page: QWidget, into: list[PlaneCanvas]) -> Iterator[None]:
    """Makes the canvases of a page's workbench, one at a time."""
    from sagittal_app.canvas.geometry import Plane
    from sagittal_app.canvas.plane_canvas import PlaneCanvas

    for _plane in Plane:
        into.append(PlaneCanvas(page))
        yield


def canvas_commands(page: str, bench: Callable[[], Any], usable: Callable[[], bool]) -> list[Command]:
    """The canvas's actions as commands of `page`; `bench()` is its workbench, None before it is built.

    The views take their keys themselves; see `Command.scope`.
    """

    def make(action: keys.KeyAction) -> Command:
        def run() -> object:
            made = bench()
            return made.space.act(action.id) if made is not None else None

        return Command(
            f"{page}.{action.id}",
            action.title,
            action.shown_key,
            run,
            usable,
            page.capitalize(),
            action.icon,
            also=action.keys[1:],
            keys_id=f"{CANVAS}{action.id}",
            scope=FOCUS if action.local else VIEWS,
        )

    return [make(action) for action in keys.ACTIONS if not action.id.startswith("polygon_")]
