"""A scan made up for the canvas tests: anisotropic, with a known affine, and a workspace on it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from sagittal.facts import ImageLoan, Label
from sagittal_app.canvas.document import LabelDocument
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
