"""The canvas driven as a user drives it: real mouse, wheel and key events on the views."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QKeySequence, QPainter, QRegion
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import SHAPE, TABLE, document, drag, loan, move, point_of, wheel

from sagittal_app.canvas import words
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Box, Plane
from sagittal_app.canvas.overlay import MARGIN
from sagittal_app.canvas.workspace import Workspace

pytestmark = pytest.mark.window
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def axial(space: Workspace):
    return space.views[Plane.AXIAL]


def test_letters_stand_on_all_edges_radiological_first(space: Workspace) -> None:
    assert axial(space).overlay.drawing.letters == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    coronal, sagittal = space.views[Plane.CORONAL], space.views[Plane.SAGITTAL]
    assert coronal.overlay.drawing.letters == {"left": "R", "right": "L", "top": "S", "bottom": "I"}
    assert sagittal.overlay.drawing.letters == {"left": "A", "right": "P", "top": "S", "bottom": "I"}
    space.act("radiological")
    assert axial(space).overlay.drawing.letters["left"] == "L"
    assert axial(space).overlay.drawing.bottom_right == "neurological"
    space.act("nose_left")
    assert sagittal.overlay.drawing.letters["left"] == "P"


def test_probe_tells_millimetres_voxel_and_value_of_a_known_voxel(space: Workspace) -> None:
    view = axial(space)
    move(view.overlay, point_of(view, (30, 5, 6)))
    lines = view.probe()
    # affine: x = 2*30 - 40, y = 2*5 - 30, z = 6*6 + 10
    assert lines[0] == "R 20.0  P 20.0  S 46.0 mm"
    assert lines[1] == "voxel 30, 5, 6"
    assert lines[2].startswith("value 60530")


@pytest.mark.parametrize(("orientation", "index"), [("RAS", "30, 5, 6"), ("LPS", "9, 24, 6"), ("ILA", "5, 9, 5")])
def test_probe_names_the_voxel_as_its_file_does(space: Workspace, orientation: str, index: str) -> None:
    space.state.show_scan(replace(loan(), orientation=orientation), document())
    view = axial(space)
    move(view.overlay, point_of(view, (30, 5, 6)))
    assert view.probe()[1] == f"voxel {index}"


def test_pixels_on_screen_are_the_voxels_they_should_be(space: Workspace, qtbot) -> None:
    """Brightness grows to the patient's right, which is the left of the screen."""
    data = np.zeros(SHAPE, np.float32)
    data[30:34, 3:7, :] = 1000
    scan = loan()
    space.state.show_scan(type(scan)(scan.scan, data, scan.affine, scan.spacing, (0.0, 1000.0)), document())
    space.act("crosshair")
    space.state.set_look(smooth=False)
    QTest.qWait(100)
    view = axial(space)
    picture = view.picture()
    inside, outside = point_of(view, (31.5, 4.5, 6)), point_of(view, (10, 4.5, 6))
    assert picture.pixelColor(inside).lightness() > 200
    assert picture.pixelColor(outside).lightness() < 50


def test_a_scan_on_the_same_grid_shows_nothing_of_the_one_before(space: Workspace) -> None:
    space.act("crosshair")
    space.state.set_look(smooth=False)
    scan, bright, full = loan(), np.full(SHAPE, 1000, np.float32), document()
    full.data[...] = 1
    view = axial(space)
    seen = []
    for data, labels in ((bright, document()), (bright * 0, full), (bright * 0, document())):
        space.state.show_scan(type(scan)(scan.scan, data, scan.affine, scan.spacing, (0.0, 1000.0)), labels)
        QTest.qWait(100)
        seen.append(view.picture().pixelColor(point_of(view, (20, 15, 6))))
    white, labelled, black = seen
    assert white.lightness() > 200
    assert labelled.saturation() > 100
    assert black.lightness() < 10


@pytest.mark.parametrize("shape", [SHAPE, (60, 50, 12), (20, 16, 12)])
def test_a_stroke_that_comes_before_the_first_drawing_of_a_scan_is_drawn(space: Workspace, shape) -> None:
    space.act("crosshair")
    scan, data = loan(), np.zeros(shape, np.float32)
    labels = LabelDocument(np.zeros(shape, np.uint16), TABLE)
    space.state.show_scan(type(scan)(scan.scan, data, scan.affine, scan.spacing, (0.0, 1000.0)), labels)
    view = axial(space)
    i, j, k = space.state.position
    labels.data[i - 3 : i + 3, j - 3 : j + 3, k] = 1
    view._show_box(Box((i - 3, j - 3, k), (i + 3, j + 3, k + 1)))
    QTest.qWait(100)
    assert view.picture().pixelColor(point_of(view, space.state.position)).saturation() > 100


def test_another_scan_is_drawn_in_a_round_of_its_own(space: Workspace) -> None:
    space.state.show_scan(loan(), document())
    assert not space.updatesEnabled()
    QTest.qWait(50)
    assert space.updatesEnabled()


def test_voxels_keep_their_true_proportions(space: Workspace) -> None:
    view = space.views[Plane.CORONAL]
    across = view.canvas.to_widget(0, 10).x() - view.canvas.to_widget(0, 0).x()
    down = view.canvas.to_widget(10, 0).y() - view.canvas.to_widget(0, 0).y()
    assert down / across == pytest.approx(6.0 / 2.0)


def test_wheel_changes_the_slice_and_ctrl_wheel_zooms_at_the_cursor(space: Workspace) -> None:
    view = axial(space)
    wheel(view.overlay, QPoint(200, 200), 2)
    assert space.state.position[2] == SHAPE[2] // 2 + 2
    at = QPoint(180, 260)
    before, zoom = view.canvas.to_plane(at.toPointF()), view.canvas.zoom
    wheel(view.overlay, at, 3, CTRL)
    assert view.canvas.zoom > zoom
    assert view.canvas.to_plane(at.toPointF()) == pytest.approx(before)


def test_left_drag_moves_the_crosshair_in_all_views(space: Workspace) -> None:
    view = axial(space)
    drag(view.overlay, LEFT, point_of(view, (20, 15, 6)), point_of(view, (8, 22, 6)))
    assert space.state.position == (8, 22, 6)
    assert space.views[Plane.SAGITTAL].index == 8
    assert space.views[Plane.CORONAL].index == 22


def test_shift_move_brings_the_crosshair_along(space: Workspace) -> None:
    view = axial(space)
    move(view.overlay, point_of(view, (12, 11, 6)), keys=SHIFT)
    assert space.state.position == (12, 11, 6)


@pytest.mark.parametrize(("preset", "button"), [("reading-room", RIGHT), ("ohif", LEFT)])
def test_window_level_by_drag_horizontal_is_width(space: Workspace, preset: str, button: Qt.MouseButton) -> None:
    space._settings.choose_mouse_preset(preset)
    view = axial(space)
    low, high = space.state.window
    drag(view.overlay, button, QPoint(100, 100), QPoint(150, 100))
    assert space.state.window[1] - space.state.window[0] > high - low
    assert sum(space.state.window) == pytest.approx(low + high)
    width = space.state.window[1] - space.state.window[0]
    drag(view.overlay, button, QPoint(100, 100), QPoint(100, 160))
    assert space.state.window[1] - space.state.window[0] == pytest.approx(width)
    assert sum(space.state.window) > low + high
    assert view.overlay.drawing.top_right.startswith("W ")


@pytest.mark.parametrize("preset", ["slicer", "ohif"])
def test_right_drag_zooms_in_slicer_and_ohif(space: Workspace, preset: str) -> None:
    space._settings.choose_mouse_preset(preset)
    view = axial(space)
    zoom = view.canvas.zoom
    drag(view.overlay, RIGHT, QPoint(200, 300), QPoint(200, 200))
    assert view.canvas.zoom > zoom


@pytest.mark.parametrize("preset", ["reading-room", "slicer", "ohif"])
def test_middle_drag_pans(space: Workspace, preset: str) -> None:
    space._settings.choose_mouse_preset(preset)
    view = axial(space)
    before = view.canvas.to_widget(0, 0)
    drag(view.overlay, MIDDLE, QPoint(200, 200), QPoint(230, 215))
    after = view.canvas.to_widget(0, 0)
    assert (after - before).toTuple() == pytest.approx((30.0, 15.0))


def test_brush_paints_a_round_disc_on_this_slice_alone_and_undo_takes_it_back(space: Workspace, qtbot) -> None:
    view, labels = axial(space), space.state.document
    QTest.keyClick(view.overlay, Qt.Key.Key_P)
    assert space.state.tool == "brush"
    space.state.set_brush(12.0)
    drag(view.overlay, LEFT, point_of(view, (20, 15, 6)))
    painted = labels.data[:, :, 6] == 1
    x, y = np.meshgrid(np.arange(SHAPE[0]), np.arange(SHAPE[1]), indexing="ij")
    expected = (2.0 * (x - 20)) ** 2 + (2.0 * (y - 15)) ** 2 <= 36.0
    # The hand's point is a whole pixel, so the centre is off by less than half a voxel.
    assert np.count_nonzero(painted ^ expected) <= 4
    assert not labels.data[:, :, :6].any() and not labels.data[:, :, 7:].any()
    QTest.keyClick(view.overlay, Qt.Key.Key_Z, CTRL)
    assert not labels.data.any()
    QTest.keyClick(view.overlay, Qt.Key.Key_Z, CTRL | SHIFT)
    assert np.array_equal(labels.data[:, :, 6] == 1, painted)


def test_a_fast_drag_leaves_no_gaps_and_is_one_step_of_undo(space: Workspace) -> None:
    view, labels = axial(space), space.state.document
    space.act("brush")
    drag(view.overlay, LEFT, point_of(view, (5, 15, 6)), point_of(view, (20, 15, 6)), point_of(view, (35, 15, 6)))
    assert (labels.data[5:36, 15, 6] == 1).all()
    assert labels.history.depth == 1


def test_ctrl_inverts_the_brush_and_the_eraser_takes_the_active_label_alone(space: Workspace) -> None:
    view, labels = axial(space), space.state.document
    labels.data[10:30, 10:20, 6] = 1
    labels.data[20, 15, 6] = 2
    space.act("brush")
    drag(view.overlay, LEFT, point_of(view, (20, 15, 6)), modifier=CTRL)
    assert labels.data[21, 15, 6] == 0
    assert labels.data[20, 15, 6] == 2
    assert labels.data[10, 10, 6] == 1


def test_painting_on_a_coronal_view_touches_that_plane(space: Workspace) -> None:
    view, labels = space.views[Plane.CORONAL], space.state.document
    space.act("brush")
    drag(view.overlay, LEFT, point_of(view, (20, 15, 6)))
    assert labels.data[20, 15, 6] == 1
    assert set(np.nonzero(labels.data)[1]) == {15}


def test_fill_polygon_and_pick(space: Workspace) -> None:
    view, labels = axial(space), space.state.document
    labels.data[10:20, 10:20, 6] = 2
    space.act("fill")
    drag(view.overlay, LEFT, point_of(view, (15, 15, 6)))
    assert (labels.data[10:20, 10:20, 6] == 1).all()
    assert np.count_nonzero(labels.data) == 100
    space.act("polygon")
    for corner in ((22, 4), (34, 4), (34, 9), (22, 9)):
        drag(view.overlay, LEFT, point_of(view, (*corner, 6)))
    QTest.keyClick(view.overlay, Qt.Key.Key_Return)
    assert (labels.data[23:34, 5:9, 6] == 1).all()
    labels.data[5, 5, 6] = 300
    space.act("pick")
    drag(view.overlay, LEFT, point_of(view, (5, 5, 6)))
    assert labels.active == 300


def test_locked_labels_are_not_overwritten(space: Workspace) -> None:
    view, labels = axial(space), space.state.document
    labels.data[:, :, 6] = 2
    labels.set_locked(2, True)
    space.act("brush")
    drag(view.overlay, LEFT, point_of(view, (20, 15, 6)))
    assert (labels.data[:, :, 6] == 2).all()


WALK = {
    "slices": (lambda state: state.position[2], "Left 5 PgUp 6 Right 7 PgDown 6 Up 7 Down 6 Home 0 End 11"),
    "brush": (lambda state: round(state.brush_diameter, 1), "[ 8.3 ] 10.0 - 8.3 = 10.0 + 12.0"),
    "tools": (
        lambda state: state.tool,
        "P brush E eraser F fill K pick Tab fill 1 pointer 2 brush 3 eraser 4 threshold 5 polygon 6 lasso 7 fill 8 grow"
        " 9 pick",
    ),
    "labels": (lambda state: state.document.active, "W 2 Q 1 . 2 , 1"),
    "shown": (lambda state: state.look.labels, "S False S True G False G True"),
    "opacity": (lambda state: round(state.look.opacity, 1), "A 0.4 D 0.5"),
    "undo": (lambda state: state.depth, "Ctrl+Z 0 Ctrl+Y 1 Ctrl+Z 0 Ctrl+Shift+Z 1"),
    "percentiles": (
        lambda state: tuple(
            round(float((state.scan.data < edge).mean()), 2) for edge in state.window
        ),
        "Alt+1 (0.0,1.0) Alt+2 (0.0,1.0) Alt+3 (0.01,0.99) Alt+4 (0.05,0.95) Alt+5 (0.01,0.75)",
    ),
}  # fmt: skip
"""What a reader expects of keys: what to look at, then each key and what is there once it was pressed."""


@pytest.mark.parametrize("what", WALK)
def test_every_key_does_what_a_reader_expects(space: Workspace, what: str) -> None:
    look, walk = WALK[what]
    view, state = axial(space), space.state
    state.document.paint("brush", np.arange(3, dtype=np.int64), 1)
    words = walk.split()
    for key, expected in zip(words[::2], words[1::2], strict=True):
        press(view.overlay, key)
        assert f"{look(state)}".replace(" ", "") == expected, key


def test_keys_of_the_picture(space: Workspace) -> None:
    view, state = axial(space), space.state
    whole, own = view.canvas.zoom, state.window
    wheel(view.overlay, QPoint(100, 100), 3, CTRL)
    state.move_to((5, 5, 6))
    press(view.overlay, "C")
    assert view.canvas.to_plane(QPointF(view.overlay.rect().center())) == pytest.approx(
        view.view.to_screen(state.position), abs=1.0
    )
    press(view.overlay, "R")
    assert view.canvas.zoom == whole
    press(view.overlay, "Alt+4")
    press(view.overlay, "Alt+0")
    assert state.window == own
    size = state.brush_diameter
    wheel(view.overlay, QPoint(100, 100), 1, SHIFT)
    assert state.brush_diameter == pytest.approx(1.2 * size)


def test_ct_presets_are_on_alt_and_a_digit(space: Workspace) -> None:
    space.state.show_scan(replace(loan(), unit="HU", window=(-10.0, 90.0)), document())
    assert space.state.window == (-10.0, 90.0), "the header's own window comes first"
    found = []
    for digit in "12345":
        press(axial(space).overlay, f"Alt+{digit}")
        low, high = space.state.window
        found.append((high - low, (high + low) / 2))
    assert found == [(400, 40), (1500, -600), (150, 90), (2500, 480), (80, 40)]


def press(widget, key: str) -> None:
    """A key as settings write it: "Ctrl+Shift+Z"."""
    pressed = QKeySequence(key)[0]
    QTest.keyClick(widget, pressed.key(), pressed.keyboardModifiers())


def test_hold_space_pans_with_the_left_button(space: Workspace) -> None:
    view = axial(space)
    space.act("brush")
    QTest.keyPress(view.overlay, Qt.Key.Key_Space)
    drag(view.overlay, LEFT, QPoint(200, 200), QPoint(220, 200))
    QTest.keyRelease(view.overlay, Qt.Key.Key_Space)
    assert not space.state.document.data.any()


def test_double_click_gives_the_large_place_and_then_the_whole(space: Workspace) -> None:
    coronal = space.views[Plane.CORONAL]
    QTest.mouseDClick(coronal.overlay, LEFT, pos=QPoint(50, 50))
    assert space.large == "coronal" and coronal.width() > axial(space).width()
    QTest.mouseDClick(coronal.overlay, LEFT, pos=QPoint(50, 50))
    assert coronal.size() == space.size() and not axial(space).isVisible()
    QTest.mouseDClick(coronal.overlay, LEFT, pos=QPoint(50, 50))
    assert axial(space).isVisible()


def test_labels_show_in_their_colour_and_hiding_one_hides_it(space: Workspace) -> None:
    view, labels = axial(space), space.state.document
    space.act("crosshair")
    space.state.set_look(opacity=1.0)
    indices = np.ravel_multi_index((np.full(100, 300 // 10), np.arange(100) % 30, np.full(100, 6)), SHAPE)
    labels.paint("brush", np.unique(indices), 2)
    QTest.qWait(80)
    at = point_of(view, (30, 15, 6))
    assert view.picture().pixelColor(at).name().upper() == "#56B4E9"
    labels.set_hidden(2, True)
    QTest.qWait(80)
    assert view.picture().pixelColor(at).name().upper() != "#56B4E9"


def test_outline_shows_the_border_alone(space: Workspace) -> None:
    view, labels = axial(space), space.state.document
    space.state.set_look(opacity=1.0, outline=True, crosshair=False)
    grid = np.zeros(SHAPE, bool)
    grid[10:25, 8:22, 6] = True
    labels.paint("brush", np.flatnonzero(grid), 2)
    QTest.qWait(80)
    picture = view.picture()
    assert picture.pixelColor(point_of(view, (10, 15, 6))).name().upper() == "#56B4E9"
    assert picture.pixelColor(point_of(view, (17, 15, 6))).name().upper() != "#56B4E9"


def test_an_oblique_scan_says_so_and_points_its_letters(space: Workspace) -> None:
    space.state.show_scan(loan(oblique=0.5), document())
    assert axial(space).overlay.drawing.notes == [words.OBLIQUE]
    assert axial(space).overlay.drawing.letters["left"] == "RA"


def test_without_a_scan_the_view_says_so(space: Workspace) -> None:
    space.state.show_scan(None)
    assert axial(space).overlay.drawing.message
    assert space.state.document is None


def test_words_in_corners_are_read_over_the_brightest_picture(space: Workspace, qtbot) -> None:
    space.state.set_look(radiological=False)
    overlay = axial(space).overlay
    picture = QImage(overlay.size(), QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.white)
    with QPainter(picture) as painter:
        overlay.render(painter, QPoint(), QRegion(), QWidget.RenderFlag(0))
    for right, low in ((False, False), (True, False), (True, True)):
        x = picture.width() - MARGIN - 1 if right else MARGIN - 2
        y = picture.height() - MARGIN - 4 if low else MARGIN + 4
        assert picture.pixelColor(x, y).lightness() < 120
