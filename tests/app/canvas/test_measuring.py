"""Measures drawn with the mouse on the views, and the window taken from a region."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import document, drag, loan, move, point_of, wheel

from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.measures import Kind, Measure, Measures
from sagittal_app.canvas.mouse import Gesture, described, gesture_for
from sagittal_app.canvas.workspace import Workspace
from sagittal_app.settings import MOUSE_PRESETS

pytestmark = pytest.mark.window
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture(autouse=True)
def no_measures(space: Workspace) -> None:
    state = space.state
    state.measures = Measures()
    state.measures.changed.append(state.measures_changed.emit)


def drawn(space: Workspace) -> tuple[Measure, ...]:
    return space.state.measures.of(space.state.scan)


def test_a_ruler_is_drawn_moved_deleted_and_brought_back(space: Workspace) -> None:
    view = space.views[Plane.AXIAL]
    QTest.keyClick(view.overlay, Qt.Key.Key_M)
    assert space.state.tool == "ruler"
    drag(view.overlay, LEFT, point_of(view, (5, 15, 6)), point_of(view, (20, 15, 6)), point_of(view, (35, 15, 6)))
    (shown,) = view.overlay.drawing.measures
    assert float(shown.lines[0].removesuffix(" mm")) == pytest.approx(60.0, abs=1.0)
    assert not space.state.document.data.any()
    drag(view.overlay, LEFT, point_of(view, (35, 15, 6)), point_of(view, (20, 15, 6)), point_of(view, (20, 15, 6)))
    (moved,) = drawn(space)
    assert moved.points[1] == pytest.approx((20, 15, 6), abs=0.5)
    space.state.step(Plane.AXIAL, 1)
    assert not view.overlay.drawing.measures
    space.state.step(Plane.AXIAL, -1)
    QTest.keyClick(view.overlay, Qt.Key.Key_Delete)
    assert not drawn(space) and not view.overlay.drawing.measures
    QTest.keyClick(view.overlay, Qt.Key.Key_Z, CTRL)
    assert drawn(space) == (moved,)
    QTest.keyClick(view.overlay, Qt.Key.Key_Z, CTRL)
    QTest.keyClick(view.overlay, Qt.Key.Key_Z, CTRL)
    assert not drawn(space)
    QTest.keyClick(view.overlay, Qt.Key.Key_Y, CTRL)
    assert len(drawn(space)) == 1


def test_delete_takes_the_measure_under_the_mouse(space: Workspace) -> None:
    view = space.views[Plane.AXIAL]
    space.act("ruler")
    for y in (5, 25):
        drag(view.overlay, LEFT, point_of(view, (5, y, 6)), point_of(view, (30, y, 6)), point_of(view, (30, y, 6)))
    _first, second = drawn(space)
    move(view.overlay, point_of(view, (5, 5, 6)))
    assert [one.held for one in view.overlay.drawing.measures] == [True, False]
    space.act("delete_measure")
    assert drawn(space) == (second,)
    space.act("delete_measures")
    assert drawn(space) == ()
    space.act("undo")
    assert drawn(space) == (second,)


def test_an_angle_takes_a_drag_and_a_click_and_escape_drops_it(space: Workspace) -> None:
    view = space.views[Plane.AXIAL]
    QTest.keyClick(view.overlay, Qt.Key.Key_M, SHIFT)
    assert space.state.tool == "angle"
    drag(view.overlay, LEFT, point_of(view, (30, 15, 6)), point_of(view, (15, 15, 6)), point_of(view, (15, 15, 6)))
    assert not drawn(space)
    move(view.overlay, point_of(view, (15, 25, 6)))
    assert view.overlay.drawing.beside[1].endswith("°")
    drag(view.overlay, LEFT, point_of(view, (15, 25, 6)))
    (one,) = drawn(space)
    assert one.kind is Kind.ANGLE
    assert float(view.overlay.drawing.measures[0].lines[0].removesuffix("°")) == pytest.approx(90, abs=2)
    drag(view.overlay, LEFT, point_of(view, (5, 5, 6)), point_of(view, (10, 5, 6)), point_of(view, (10, 5, 6)))
    QTest.keyClick(view.overlay, Qt.Key.Key_Escape)
    assert len(view.overlay.drawing.measures) == 1


def test_a_region_says_mean_deviation_number_and_area(space: Workspace) -> None:
    view = space.views[Plane.SAGITTAL]
    QTest.keyClick(view.overlay, Qt.Key.Key_M, ALT)
    drag(view.overlay, LEFT, point_of(view, (20, 5, 9)), point_of(view, (20, 25, 3)), point_of(view, (20, 25, 3)))
    (one,) = drawn(space)
    assert one.plane is Plane.SAGITTAL and one.index == 20
    lines = view.overlay.drawing.measures[0].lines
    assert lines[0].startswith("mean ") and "sd " in lines[0] and "n " in lines[2] and "cm²" in lines[2]
    space.act("copy_measures")
    assert QGuiApplication.clipboard().text().splitlines()[1].startswith("region\tsagittal\t21\t")


def test_a_click_that_does_not_move_draws_nothing(space: Workspace) -> None:
    view = space.views[Plane.AXIAL]
    for tool in ("ruler", "angle", "region"):
        space.act(tool)
        drag(view.overlay, LEFT, point_of(view, (20, 15, 6)))
        assert not view.overlay.drawing.measures and not drawn(space)


def test_a_measure_stays_on_the_slice_it_was_begun_on(space: Workspace) -> None:
    view = space.views[Plane.AXIAL]
    space.act("ruler")
    QTest.mousePress(view.overlay, LEFT, pos=point_of(view, (5, 15, 6)))
    wheel(view.overlay, QPoint(300, 300), 2)
    move(view.overlay, point_of(view, (20, 15, 8)), LEFT)
    QTest.mouseRelease(view.overlay, LEFT, pos=point_of(view, (20, 15, 8)))
    (one,) = drawn(space)
    assert one.index == 6 and {point[2] for point in one.points} == {6}
    assert not view.overlay.drawing.measures


def test_measures_can_be_taken_where_labels_can_only_be_read(space: Workspace) -> None:
    space.state.show_scan(loan(), None)
    view = space.views[Plane.AXIAL]
    space.act("ruler")
    drag(view.overlay, LEFT, point_of(view, (5, 15, 6)), point_of(view, (35, 15, 6)), point_of(view, (35, 15, 6)))
    assert len(drawn(space)) == 1
    space.act("undo")
    assert not drawn(space)


@pytest.mark.parametrize("preset", MOUSE_PRESETS)
def test_ctrl_drag_takes_the_window_from_a_region(space: Workspace, preset: str) -> None:
    space._settings.choose_mouse_preset(preset)
    scan = loan()
    data = np.zeros_like(scan.data)
    data[10:20, 10:20, :] = np.arange(100).reshape(10, 10, 1) + 500
    space.state.show_scan(replace(scan, data=data), document())
    view, before = space.views[Plane.AXIAL], space.state.position
    drag(view.overlay, LEFT, point_of(view, (10, 10, 6)), point_of(view, (19, 19, 6)), modifier=CTRL)
    low, high = space.state.window
    assert (low, high) == pytest.approx(np.percentile(np.arange(100) + 500, [1, 99]))
    assert space.state.position == before
    QTest.mouseDClick(view.overlay, LEFT, CTRL, point_of(view, (12, 12, 6)))
    assert space.state.window == (0.0, 120_000.0)


GESTURES = {
    "reading-room": {"left": Gesture.CROSSHAIR, "middle": Gesture.PAN, "right": Gesture.WINDOW},
    "slicer": {"left": Gesture.CROSSHAIR, "middle": Gesture.PAN, "right": Gesture.ZOOM},
    "ohif": {"left": Gesture.WINDOW, "middle": Gesture.PAN, "right": Gesture.ZOOM},
}


@pytest.mark.parametrize("preset", GESTURES)
@pytest.mark.parametrize("button", ["left", "middle", "right"])
def test_each_preset_does_on_the_view_what_it_says(space: Workspace, preset: str, button: str) -> None:
    space._settings.choose_mouse_preset(preset)
    view, state = space.views[Plane.AXIAL], space.state
    before = (state.position, view.canvas.centre, view.canvas.zoom, state.window)
    qt = {"left": LEFT, "middle": MIDDLE, "right": RIGHT}[button]
    drag(view.overlay, qt, QPoint(300, 300), QPoint(340, 350), QPoint(360, 380))
    after = (state.position, view.canvas.centre, view.canvas.zoom, state.window)
    kinds = (Gesture.CROSSHAIR, Gesture.PAN, Gesture.ZOOM, Gesture.WINDOW)
    did = [kind for kind, was, now in zip(kinds, before, after, strict=True) if was != now]
    expected = GESTURES[preset][button]
    # Zooming at the place pressed moves the middle of the view as well.
    assert did == ([Gesture.PAN, Gesture.ZOOM] if expected is Gesture.ZOOM else [expected])
    assert gesture_for(preset, button, "", tool=False) is expected


@pytest.mark.parametrize("preset", GESTURES)
def test_every_preset_paints_with_the_left_button_and_keeps_the_right_for_looking(
    space: Workspace, preset: str
) -> None:
    space._settings.choose_mouse_preset(preset)
    view, state = space.views[Plane.AXIAL], space.state
    space.act("brush")
    drag(view.overlay, LEFT, point_of(view, (20, 15, 6)))
    painted = state.document.data.copy()
    assert painted.any()
    drag(view.overlay, RIGHT, QPoint(300, 300), QPoint(340, 350))
    assert np.array_equal(state.document.data, painted)
    z = state.position[2]
    wheel(view.overlay, QPoint(300, 300), 1)
    assert state.position[2] == z + 1


def test_gestures_are_described_as_they_are() -> None:
    said = {preset: dict(described(preset)) for preset in GESTURES}
    assert said["reading-room"]["Right drag"].startswith("Window")
    assert said["slicer"]["Right drag"] == "Zoom" and said["slicer"]["Ctrl+right drag"].startswith("Window")
    assert said["ohif"]["Left drag"].startswith("Window")
    assert all("Ctrl+left drag" in one and "Wheel" in one for one in said.values())
