"""The painting tools driven by real mouse and key events, and what they draw over the view meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import SHAPE, document, drag, loan, move, point_of, wheel

from sagittal_app.canvas import keys, tool_words
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.slice_view import SliceView
from sagittal_app.canvas.state import CanvasState
from sagittal_app.canvas.tools import make_tools

pytestmark = pytest.mark.window
LEFT = Qt.MouseButton.LeftButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module")
def shared(qapp) -> Iterator[SliceView]:
    """One large view for all tests: making one takes a second or two."""
    made = SliceView(Plane.AXIAL, CanvasState(), lambda: "reading-room", lambda _event: False)
    made.large = True
    made.resize(700, 600)
    made.show()
    QTest.qWaitForWindowExposed(made)
    yield made
    made.shut_down()
    made.close()
    made.deleteLater()
    qapp.processEvents()


@pytest.fixture
def view(shared: SliceView) -> SliceView:
    shared.state.use_tool("pointer")
    shared.state.set_brush(8.0)
    shared.state.set_options(in_3d=False, overwrite="all", range=None)
    shared.state.show_scan(loan(), document())
    shared.reset()
    QTest.qWait(20)
    return shared


def square(view: SliceView) -> list[QPoint]:
    return [point_of(view, (x, y, 6)) for x, y in ((10, 8), (30, 8), (30, 22), (10, 22))]


def test_every_tool_has_a_row_of_keys_and_every_row_a_tool() -> None:
    made = make_tools(CanvasState())
    assert set(keys.TOOL_IDS) == {"pointer", *made}
    digits = [key for id in keys.TOOL_IDS for key in keys.BY_ID[id].keys if key.isdigit()]
    assert digits == [str(number) for number in range(1, 10)], "the strip's order is that of the digits"


def test_a_lasso_fills_what_it_goes_round_and_ctrl_takes_it_away(view: SliceView) -> None:
    labels = view.state.document
    view.state.use_tool("lasso")
    drag(view.overlay, LEFT, *square(view))
    assert (labels.data[11:30, 9:22, 6] == 1).all() and labels.history.depth == 1
    assert not labels.data[:, :, 5].any() and not view.overlay.drawing.polygon
    drag(view.overlay, LEFT, *square(view), modifier=CTRL)
    assert not labels.data[12:29, 10:21].any()


def test_escape_drops_a_lasso_half_drawn(view: SliceView) -> None:
    view.state.use_tool("lasso")
    first, *others = square(view)
    QTest.mousePress(view.overlay, LEFT, pos=first)
    for point in others:
        move(view.overlay, point, LEFT)
    assert len(view.overlay.drawing.polygon) == 5
    QTest.keyClick(view.overlay, Qt.Key.Key_Escape)
    QTest.mouseRelease(view.overlay, LEFT, pos=others[-1])
    assert not view.overlay.drawing.polygon and not view.state.document.data.any()


def test_another_slice_drops_a_polygon_half_drawn_but_no_stroke(view: SliceView) -> None:
    labels = view.state.document
    view.state.use_tool("polygon")
    for point in square(view):
        drag(view.overlay, LEFT, point)
    assert view.overlay.drawing.polygon
    wheel(view.overlay, QPoint(300, 300), 1)
    assert not view.overlay.drawing.polygon
    view.state.use_tool("brush")
    at = point_of(view, (20, 15, 7))
    QTest.mousePress(view.overlay, LEFT, pos=at)
    wheel(view.overlay, at, 1)
    move(view.overlay, at, LEFT)
    QTest.mouseRelease(view.overlay, LEFT, pos=at)
    assert labels.data[20, 15, 7] == 1 and labels.data[20, 15, 8] == 1 and labels.history.depth == 1


def test_a_double_click_with_a_brush_in_the_large_view_is_two_dabs(view: SliceView) -> None:
    wished: list[bool] = []
    view.maximise.connect(lambda: wished.append(True))
    at = point_of(view, (20, 15, 6))
    for tool, times in (("brush", 0), ("lasso", 1)):
        view.state.use_tool(tool)
        QTest.mouseClick(view.overlay, LEFT, pos=at)
        QTest.mouseDClick(view.overlay, LEFT, pos=at)
        assert len(wished) == times
    assert view.state.document.data[20, 15, 6] == 1


def test_another_tool_chosen_in_a_stroke_leaves_the_stroke_whole(view: SliceView) -> None:
    labels = view.state.document
    view.state.use_tool("brush")
    QTest.mousePress(view.overlay, LEFT, pos=point_of(view, (10, 15, 6)))
    view.state.use_tool("eraser")
    move(view.overlay, point_of(view, (30, 15, 6)), LEFT)
    QTest.mouseRelease(view.overlay, LEFT, pos=point_of(view, (30, 15, 6)))
    assert (labels.data[10:31, 15, 6] == 1).all() and labels.history.depth == 1


def test_the_threshold_brush_shows_what_is_in_range_under_it(view: SliceView) -> None:
    view.state.use_tool("threshold")
    view.state.set_window((60_000.0, 61_500.0))
    view.state.set_brush(30.0)
    move(view.overlay, point_of(view, (20, 15, 6)))
    tint = view.overlay.drawing.tint
    assert tint is not None
    image, place = tint
    top, bottom = point_of(view, (20, 14, 6)).y(), point_of(view, (20, 7, 6)).y()
    # Rows run from front to back: y falls. From y = 15 on, intensities lie above 61 500.
    assert abs(place.top() - top) < abs(view.canvas.zoom * 2) and abs(place.bottom() - bottom) < view.canvas.zoom * 3
    assert image.pixelColor(image.width() // 2, 0).alpha() > 0
    assert not view.state.document.data.any()


def test_growing_shows_its_tolerance_and_what_it_would_paint(view: SliceView) -> None:
    state = view.state
    state.use_tool("grow")
    state.value_range = 1000.0
    state.set_options(tolerance=2.0)
    at = point_of(view, (20, 15, 6))
    QTest.mousePress(view.overlay, LEFT, pos=at)
    assert view.overlay.drawing.beside[1] == tool_words.TOLERANCE.format("20")
    narrow = view.overlay.drawing.tint[1].height()
    move(view.overlay, at + QPoint(180, 0), LEFT)
    assert view.overlay.drawing.beside[1].startswith("± 16")
    assert view.overlay.drawing.tint[1].height() > narrow and not state.document.data.any()
    QTest.mouseRelease(view.overlay, LEFT, pos=at + QPoint(180, 0))
    assert np.flatnonzero(state.document.data.any((0, 2))).tolist() == [14, 15, 16]
    assert view.overlay.drawing.tint is None


def test_why_nothing_is_painted_stands_beside_the_mouse(view: SliceView) -> None:
    labels = view.state.document
    labels.set_locked(1, True)
    view.state.use_tool("brush")
    drag(view.overlay, LEFT, point_of(view, (20, 15, 6)))
    assert not labels.data.any()
    assert view.overlay.drawing.beside[1] == tool_words.LOCKED_HERE.format("liver")
    labels.set_locked(1, False)
    move(view.overlay, point_of(view, (21, 15, 6)))
    assert view.overlay.drawing.beside is None


def test_a_3d_brush_draws_a_ball(view: SliceView) -> None:
    view.state.use_tool("brush")
    view.state.set_options(in_3d=True)
    view.state.set_brush(20.0)
    drag(view.overlay, LEFT, point_of(view, (20, 15, 6)))
    painted = np.flatnonzero(view.state.document.data.any((0, 1)))
    assert painted.tolist() == [5, 6, 7], "10 mm reach one slice of 6 mm on each side"
    assert view.state.document.data.shape == SHAPE


def test_the_brush_is_white_while_it_would_erase(view: SliceView) -> None:
    view.state.use_tool("brush")
    move(view.overlay, point_of(view, (20, 15, 6)))
    view.overlay.setFocus()
    assert view.overlay.drawing.brush_colour.name().upper() == "#E69F00"
    QTest.keyPress(view.overlay, Qt.Key.Key_Control)
    assert view.overlay.drawing.brush_colour.name() == "#ffffff"
    QTest.keyRelease(view.overlay, Qt.Key.Key_Control)
    assert view.overlay.drawing.brush_colour.name().upper() == "#E69F00"
