"""The scene: surfaces and volumes as numbers, and the VTK window driven by the mouse."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "canvas"))

from canvas_harness import SHAPE, SPACING, document, loan

from sagittal.facts import ImageLoan
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.state import CanvasState
from sagittal_app.scene import surfaces, volumes


def ball() -> np.ndarray:
    """uint16: a ball of 12 mm around voxel (20, 15, 6)."""
    x, y, z = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")
    inside = (2.0 * (x - 20)) ** 2 + (2.0 * (y - 15)) ** 2 + (6.0 * (z - 6)) ** 2 <= 144.0
    return inside.astype(np.uint16)


@pytest.mark.parametrize("smooth", [False, True])
def test_a_surface_lies_where_the_label_is_in_millimetres(smooth: bool) -> None:
    affine = loan(oblique=0.4).affine
    made, there = surfaces.surfaces(ball(), affine, smooth)
    assert there == {1} and len(made) == 1
    centre = affine[:3, :3] @ (20, 15, 6) + affine[:3, 3]
    distance = np.linalg.norm(made[0].points - centre, axis=1)
    assert np.allclose(made[0].points.mean(axis=0), centre, atol=0.6)
    # Between voxel centres, so off by at most half a voxel's diagonal.
    assert distance.max() < 12 + 3.5 and distance.min() > 12 - 5.5


def test_only_surfaces_that_an_edit_touched_are_made_anew() -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[2:6, 2:6, 2:5] = 1
    labels[30:36, 20:26, 2:5] = 2
    known = surfaces.boxes(labels)
    labels[5, 6, 3] = 1
    made, there = surfaces.surfaces(labels, np.eye(4), False, known, Box((5, 6, 3), (6, 7, 4)))
    assert [one.number for one in made] == [1] and there == {1, 2}


def test_a_label_of_one_voxel_has_a_surface() -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[4, 4, 4] = 7
    for smooth in (False, True):
        made, _ = surfaces.surfaces(labels, np.diag([*SPACING, 1.0]), smooth)
        assert len(made[0].triangles) >= 8


def test_large_volumes_are_cut_down_and_keep_their_place() -> None:
    assert volumes.factor_for((512, 512, 500), 256**3) == 2
    data = np.zeros((40, 30, 12), np.float32)
    data[20:, :, :] = 100
    scan = ImageLoan("a", data, np.diag([2.0, 2.0, 6.0, 1.0]), SPACING, (0, 1))
    made = volumes.prepare(scan, cap=40 * 30 * 12 // 8)
    assert made.factor == 2 and made.data.shape == (20, 15, 6)
    assert np.allclose(made.matrix @ (10, 0, 0, 1), (40, 0, 0, 1))


class Now:
    """`Desk.ask` that answers at once."""

    def ask(self, function, *args, then=None, failed=None, owner=None, topic="") -> None:
        value = function(*args)
        if then:
            then(value)


@pytest.fixture
def view(qtbot) -> Iterator[object]:
    from sagittal_app.scene.scene_view import SceneView

    state = CanvasState()
    made = SceneView(state, Now().ask)
    qtbot.addWidget(made)
    made.resize(420, 400)
    assert made.start(), made._note.text()
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.shut_down()


def show_ball(view, qtbot) -> None:
    labels = document()
    labels.data[...] = ball()
    view.state.show_scan(loan(), labels)
    qtbot.wait(50)


@pytest.mark.window
def test_labels_are_drawn_in_their_colours(view, qtbot) -> None:
    show_ball(view, qtbot)
    assert view.stage.surfaces == (1,)
    view.use_preset(None)
    view.state.set_look(crosshair=False)
    view.reset()
    qtbot.wait(100)
    picture = view.picture()
    colour = picture.pixelColor(picture.width() // 2, picture.height() // 2)
    # #E69F00, lit
    assert colour.red() > colour.green() > colour.blue() + 20


@pytest.mark.window
def test_a_click_on_a_surface_moves_the_crosshair_there(view, qtbot) -> None:
    show_ball(view, qtbot)
    view.use_preset(None)
    view.state.set_look(crosshair=False)
    view.state.move_to((2, 2, 1))
    view.reset()
    qtbot.wait(100)
    QTest.mouseClick(view.window3d, Qt.MouseButton.LeftButton, pos=view.window3d.rect().center())
    x, y, z = view.state.position
    # Seen from the front, the ball's nearest point is 12 mm (6 voxels) in front of its centre.
    assert abs(x - 20) <= 1 and abs(y - 21) <= 1 and abs(z - 6) <= 1


@pytest.mark.window
def test_standard_views_look_from_where_they_say(view, qtbot) -> None:
    show_ball(view, qtbot)
    for key, axis in ((Qt.Key.Key_1, 1), (Qt.Key.Key_3, 0), (Qt.Key.Key_7, 2)):
        QTest.keyClick(view.window3d, key)
        camera = view.stage.renderer.GetActiveCamera()
        way = np.subtract(camera.GetPosition(), camera.GetFocalPoint())
        assert np.argmax(np.abs(way)) == axis and way[axis] > 0


@pytest.mark.window
def test_hiding_a_label_and_emptying_it_takes_its_surface_away(view, qtbot) -> None:
    show_ball(view, qtbot)
    labels = view.state.document
    labels.set_hidden(1, True)
    assert not view.stage._surfaces[1].GetVisibility()
    labels.set_hidden(1, False)
    labels.paint("eraser", np.flatnonzero(labels.data), 0)
    qtbot.waitUntil(lambda: view.stage.surfaces == (), timeout=3000)


@pytest.mark.window
def test_a_reduced_volume_is_said_and_the_scene_follows_the_scan(view, qtbot) -> None:
    data = np.zeros((130, 130, 100), np.float32)
    data[30:100, 30:100, 20:80] = np.random.default_rng(0).random((70, 70, 60)) * 100
    view.state.show_scan(ImageLoan("big", data, np.eye(4), (1.0, 1.0, 1.0), (0.0, 100.0)))
    qtbot.wait(50)
    if view.stage.software:
        assert "1/2" in view._note.text()
    view.state.show_scan(None)
    assert view.stage.surfaces == () and view._note.isVisible()
