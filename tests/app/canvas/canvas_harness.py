"""A scan made up for the canvas tests: anisotropic, with a known affine, and a workspace on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from sagittal.facts import ImageLoan, Label
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.editing import Editing
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.slice_view import SliceView
from sagittal_app.canvas.state import CanvasState
from sagittal_app.canvas.tools import make_tools
from sagittal_app.canvas.tools.tool import Spot, Tool

SHAPE = (40, 30, 12)
SPACING = (2.0, 2.0, 6.0)
TABLE = (Label(1, "liver", "#E69F00"), Label(2, "spleen", "#56B4E9"), Label(300, "far", "#009E73"))


def loan(oblique: float = 0.0, dtype: type = np.float32) -> ImageLoan:
    """A ramp: value = x + 100 y + 10 000 z, so that every voxel's value tells where it is."""
    x, y, z = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (-40.0, -30.0, 10.0)
    if oblique:
        c, s = np.cos(oblique), np.sin(oblique)
        affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ affine[:3, :3]
    return ImageLoan("s1", (x + 100 * y + 10_000 * z).astype(dtype), affine, SPACING, (0.0, 120_000.0))


def document(**more: object) -> LabelDocument:
    return LabelDocument(np.zeros(SHAPE, np.uint16), TABLE, **more)  # type: ignore[arg-type]


def painting(labels: LabelDocument | None = None, tool: str = "brush", diameter: float = 12.0) -> CanvasState:
    """A state with a scan and labels on it, and a tool chosen."""
    state = CanvasState()
    state.show_scan(loan(), document() if labels is None else labels)
    state.use_tool(tool)
    state.set_brush(diameter)
    return state


def use(
    state: CanvasState,
    tool: str,
    index: int,
    *points: tuple[float, float],
    plane: Plane = Plane.AXIAL,
    inverted: bool = False,
) -> Tool:
    """Presses a tool at the first of `points` (row, column) of a slice, drags it over the others and lets go."""
    made = make_tools(state)[tool]
    spots = [Spot(state.view_of(plane), index, point, 4.0, inverted) for point in points]
    made.press(spots[0])
    for spot in spots[1:]:
        made.move(spot)
    made.release(spots[-1])
    return made


def at_once(function: Callable[..., Any], *args: Any, then: Callable[[Any], Any], **_more: Any) -> None:
    """Stands for `Desk.ask`: what it runs in the background is done before this returns."""
    then(function(*args))


def editing(state: CanvasState, said: list[str] | None = None, ask: Callable[..., None] = at_once) -> Editing:
    """Commands on the labels of a state, at once; `said` collects what the user is told."""
    return Editing(state, ask, ([] if said is None else said).append)


class Chance:
    """Paints at random: every tool, command and setting of the canvas, from a seed."""

    def __init__(self, state: CanvasState, seed: int) -> None:
        self.state = state
        self.rng = np.random.default_rng(seed)
        self.editing = editing(state)

    def act(self) -> str:
        """Does one thing; returns what."""
        rng, state, labels = self.rng, self.state, self.state.document
        assert labels is not None
        tools = [id for id, made in make_tools(state).items() if made.paints]
        commands = list(self.editing.commands())
        what = str(
            rng.choice([*tools, *tools, *commands, "undo", "undo", "redo", "label", "lock", "overwrite", "combine"])
        )
        if what in tools:
            plane = Plane(rng.choice(list(Plane)))
            view = state.view_of(plane)
            points = [(rng.uniform(0, view.size[0] - 1), rng.uniform(0, view.size[1] - 1)) for _ in range(4)]
            state.set_brush(float(rng.uniform(2, 30)))
            made = use(state, what, int(rng.integers(view.slices)), *points, plane=plane, inverted=rng.random() < 0.3)
            if made.busy:
                for point in points:
                    made.press(Spot(view, 2, point))
                made.finish(Spot(view, 2, points[0]))
        elif what in commands:
            state.plane = Plane(rng.choice(list(Plane)))
            state.move_to([int(rng.integers(n)) for n in SHAPE])
            self.editing.commands()[what]()
        elif what == "label":
            labels.step_active(1)
        elif what == "lock":
            number = TABLE[int(rng.integers(len(TABLE)))].number
            labels.set_locked(number, number not in labels.locked)
        elif what == "overwrite":
            state.set_options(overwrite=str(rng.choice(["all", "visible", "none"])))
        elif what == "combine":
            number = TABLE[int(rng.integers(len(TABLE)))].number
            self.editing.combine(str(rng.choice(["union", "subtract", "intersect"])), number)
        else:
            getattr(labels, what)()
        return what


def point_of(view: SliceView, voxel: tuple[float, float, float]) -> QPoint:
    """Where a voxel's centre is on the view."""
    return view.canvas.to_widget(*view.view.to_screen(voxel)).toPoint()


def drag(widget: QWidget, button: Qt.MouseButton, *points: QPoint, modifier: Qt.KeyboardModifier | None = None) -> None:
    """A press at the first point, moves over the others and a release at the last, as a hand does it."""
    keys = modifier or Qt.KeyboardModifier.NoModifier
    QTest.mousePress(widget, button, keys, points[0])
    for point in points[1:]:
        move(widget, point, button, keys)
    QTest.mouseRelease(widget, button, keys, points[-1])


def move(
    widget: QWidget,
    point: QPoint,
    buttons: Qt.MouseButton = Qt.MouseButton.NoButton,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """A move of the mouse with `buttons` held; QTest's own forgets buttons and keys."""
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    where = QPointF(point)
    event = QMouseEvent(
        QEvent.Type.MouseMove, where, QPointF(widget.mapToGlobal(point)), Qt.MouseButton.NoButton, buttons, keys
    )
    QApplication.sendEvent(widget, event)


def wheel(widget: QWidget, point: QPoint, steps: int, keys: Qt.KeyboardModifier | None = None) -> None:
    """Turns the wheel by `steps` notches over `point`."""
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QWheelEvent
    from PySide6.QtWidgets import QApplication

    event = QWheelEvent(
        QPointF(point), QPointF(widget.mapToGlobal(point)), QPoint(), QPoint(0, 120 * steps), Qt.MouseButton.NoButton,
        keys or Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
