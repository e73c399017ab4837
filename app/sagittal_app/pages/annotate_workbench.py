"""The main view that Annotate and Results share: tool strip, linked planes, 3D scene, and their commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from sagittal_app.actions import FOCUS, VIEWS, Command
from sagittal_app.canvas import keys
from sagittal_app.canvas.session import Session
from sagittal_app.canvas.state import CanvasState
from sagittal_app.desk import Desk
from sagittal_app.shortcuts import CANVAS
from sagittal_app.widgets.basics import column, row

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas


class Workbench(QWidget):
    """Made in a page's `build`: it imports napari and VTK. `canvases` are those a page's `ahead` has made."""

    def __init__(self, desk: Desk, canvases: Sequence[PlaneCanvas] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from sagittal_app.canvas.editing import Editing
        from sagittal_app.canvas.tool_options import ToolOptions
        from sagittal_app.canvas.tool_strip import ToolStrip
        from sagittal_app.canvas.workspace import SCENE, Workspace
        from sagittal_app.pages.looking import Looking
        from sagittal_app.scene.scene_view import SceneView

        self.setObjectName("workbench")
        self.desk = desk
        settings = desk.settings
        self.state = CanvasState(self)
        self.session = Session(desk, self.state, self)
        self.scene = SceneView(self.state, desk.ask, settings)
        self.space = Workspace(self.state, settings, self.scene, canvases=canvases)
        self.scene.maximise.connect(lambda: self.space.toggle_large(SCENE))
        self.scene.take_key = self.space.key
        self.strip = ToolStrip(self.state, self.space.act, self._key_of)
        desk.actions.keys_changed.connect(self.strip.name_keys)
        self.options = ToolOptions(self.state, self.space.act, self._key_of)
        desk.actions.keys_changed.connect(self.options.name_keys)
        self.editing = Editing(self.state, desk.ask, self.options.say, self)
        self.options.watch(self.editing)
        self.looking = Looking(desk, self.state, self.session, self.space, self)
        self.space.more |= {
            **self.editing.commands(), **self.scene.commands(), **self.looking.commands(), "combine": self.combine,
        }  # fmt: skip
        views = column(self.options, self.space, spacing=4)
        views.setStretch(1, 1)
        body = row(self.strip, spacing=4)
        body.addLayout(views, 1)
        self.setLayout(body)

    def _key_of(self, id: str) -> str:
        """The key shown for a command of the canvas."""
        given = self.desk.settings.given_keys.get(f"{CANVAS}{id}")
        own = keys.BY_ID[id].keys if id in keys.BY_ID else ()
        return next(iter(own if given is None else given), "")

    def combine(self) -> None:
        """Asks which label the active one is combined with, and how."""
        from sagittal_app.canvas import tool_words
        from sagittal_app.canvas.combine_dialog import CombineDialog

        document, scan = self.state.document, self.desk.study_model.scan(self.session.scan)
        active = document.label(document.active) if document else None
        if document is None or active is None or not document.writable:
            return
        others = [one for one in scan.label_sets if one.name != self.session.label_set] if scan else []
        where = tool_words.IN_SCAN if self.state.options.in_3d else tool_words.ON_SLICE
        dialog = CombineDialog(self, active, where, document.labels, others)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self._combine)
        dialog.open()

    def _combine(self, how: str, label_set: str, number: int) -> None:
        port, scan = self.desk.port, self.session.scan
        self.editing.combine(how, number, (lambda: port.labels(scan, label_set)) if label_set else None)

    def shut_down(self) -> None:
        self.space.shut_down()


def make_canvases(page: QWidget, into: list[PlaneCanvas]) -> Iterator[None]:
    """Makes the canvases of a page's workbench, one at a time."""
    # Where the background is still at this, it is waited for: napari's table of units must not be loaded twice at once.
    from sagittal_app.canvas import preload  # noqa: F401
    from sagittal_app.canvas.geometry import Plane
    from sagittal_app.canvas.plane_canvas import PlaneCanvas

    for _plane in Plane:
        into.append(PlaneCanvas(page))
        yield


def canvas_commands(page: str, bench: Callable[[], Any], usable: Callable[[], bool]) -> list[Command]:
    """The canvas's actions as commands of `page`; `bench()` is its workbench, None before it is built."""

    def act(id: str) -> object:
        made = bench()
        return made.space.act(id) if made is not None else None

    return [_view_command(page, action, act, usable) for action in keys.ACTIONS if not action.id.startswith("polygon_")]


def view_commands(page: str, act: Callable[[str], object], usable: Callable[[], bool]) -> list[Command]:
    """Those of the canvas's actions that views without labels know, as commands of `page`."""
    return [_view_command(page, action, act, usable) for action in keys.ACTIONS if action.id in keys.READABLE]


def _view_command(
    page: str, action: keys.KeyAction, act: Callable[[str], object], usable: Callable[[], bool]
) -> Command:
    """The views take their keys themselves; see `Command.scope`."""
    return Command(
        f"{page}.{action.id}",
        action.title,
        action.shown_key,
        lambda: act(action.id),
        usable,
        page.capitalize(),
        action.icon,
        also=action.keys[1:],
        keys_id=f"{CANVAS}{action.id}",
        scope=FOCUS if action.local else VIEWS,
    )
