"""The scene: surfaces, volumes and cuts as numbers, and the VTK window driven by the mouse."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "canvas"))

from canvas_harness import SHAPE, SPACING, document, loan

from sagittal.facts import ImageLoan
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.state import CanvasState
from sagittal_app.scene import camera, coarse, cuts, guard, presets, surface_maker, surfaces, volumes, words
from sagittal_app.scene.letters import NOTE_PLACE


def ball() -> np.ndarray:
    """uint16: a ball of 12 mm around voxel (20, 15, 6)."""
    x, y, z = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")
    inside = (2.0 * (x - 20)) ** 2 + (2.0 * (y - 15)) ** 2 + (6.0 * (z - 6)) ** 2 <= 144.0
    return inside.astype(np.uint16)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("smooth", [False, True])
def test_a_surface_lies_where_the_label_is_in_millimetres(smooth: bool, mirrored: bool) -> None:
    affine = loan(oblique=0.4).affine
    if mirrored:
        affine[:3, 0] *= -1
    labels = ball()
    made = surfaces.surface(labels, 1, surfaces.boxes(labels)[1], affine, smooth)
    centre = affine[:3, :3] @ (20, 15, 6) + affine[:3, 3]
    distance = np.linalg.norm(made.points - centre, axis=1)
    assert np.allclose(made.points.mean(axis=0), centre, atol=0.6)
    # Between voxel centres, so off by at most half a voxel's diagonal.
    assert distance.max() < 12 + 3.5 and distance.min() > 12 - 5.5
    outwards = made.points - centre
    corners = made.points[made.triangles]
    turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("ij,ij->i", turned, outwards[made.triangles[:, 0]]) > 0).mean() > 0.95
    if smooth:
        assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=1e-5)
        assert (np.einsum("ij,ij->i", made.normals, outwards) > 0).mean() > 0.95
    else:
        assert made.normals is None


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_smoothing_turns_the_stairs_of_thick_slices_into_a_slope(axis: int) -> None:
    """A cone in slices five times thicker than their pixels."""
    shape = [12 if a == axis else 61 for a in range(3)]
    middle = [0 if a == axis else 30 for a in range(3)]
    others = [a for a in range(3) if a != axis]
    place = np.indices(shape)
    across = np.hypot(*[place[a] - 30 for a in others])
    labels = (across < 26 - 2.5 * place[axis]).astype(np.uint16)
    affine = np.diag([*(5.0 if a == axis else 1.0 for a in range(3)), 1.0])

    def off(smooth: bool) -> float:
        """Largest distance of the surface from the cone, away from its ends."""
        points = surfaces.surface(labels, 1, surfaces.boxes(labels)[1], affine, smooth).points - middle
        up = points[:, axis] / 5.0
        return float(np.abs(np.hypot(*points[:, others].T) - (26 - 2.5 * up))[(up > 1) & (up < 8)].max())

    assert off(True) < 1.0 < off(False)


def test_only_surfaces_that_an_edit_touched_are_made_anew() -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[2:6, 2:6, 2:5] = 1
    labels[30:36, 20:26, 2:5] = 2
    labels[10:12, 20:26, 8] = 3
    known, wanted = surfaces.survey(labels)
    assert set(wanted) == {1, 2, 3} and known[2] == Box((30, 20, 2), (36, 26, 5))
    labels[5, 6, 3] = 1
    labels[5, 7, 3] = 4
    there, wanted = surfaces.survey(labels, known, Box((5, 6, 3), (6, 8, 4)))
    assert wanted == (1, 4) and there == surfaces.boxes(labels)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_survey_after_edits_finds_what_a_whole_search_finds(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = np.array(rng.integers(0, 4, SHAPE) * (rng.random(SHAPE) > 0.995), np.uint16, order=order)
    monkeypatch.setattr(surfaces, "SLAB", 3 * SHAPE[0] * SHAPE[1])
    known, _ = surfaces.survey(labels)
    assert known == {
        n: Box(tuple(at.min(axis=0)), tuple(at.max(axis=0) + 1)) for n in (1, 2, 3) for at in [np.argwhere(labels == n)]
    }
    for _ in range(60):
        start = [int(rng.integers(0, n)) for n in SHAPE]
        stop = [int(rng.integers(a + 1, n + 1)) for a, n in zip(start, SHAPE, strict=True)]
        box = Box(tuple(start), tuple(stop))
        labels[box.slices()] = rng.integers(0, 6) * (rng.random(labels[box.slices()].shape) > 0.9)
        known, _ = surfaces.survey(labels, known, box)
        assert known == surfaces.boxes(labels)


def test_a_label_of_one_voxel_has_a_surface_and_an_erased_one_none() -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[4, 4, 4] = 7
    box = surfaces.boxes(labels)[7]
    for smooth in (False, True):
        assert len(surfaces.surface(labels, 7, box, np.diag([*SPACING, 1.0]), smooth).triangles) >= 8
        assert len(surfaces.surface(np.zeros_like(labels), 7, box, np.eye(4), smooth).triangles) == 0


def test_a_label_too_large_is_meshed_coarser_and_says_so() -> None:
    affine = np.diag([*SPACING, 1.0])
    labels = ball()
    box = surfaces.boxes(labels)[1]
    made, whole = (surfaces.surface(labels, 1, box, affine, True, largest) for largest in (200, surfaces.LARGEST))
    assert made.coarse and not whole.coarse and len(made.triangles) < len(whole.triangles)
    assert np.allclose(made.points.mean(axis=0), affine[:3, :3] @ (20, 15, 6), atol=2.0)


def test_blocks_thin_the_finest_axis_first_and_keep_their_place() -> None:
    assert coarse.factors_for((512, 512, 500), (0.8, 0.8, 0.8), 256**3) == (2, 2, 2)
    assert coarse.factors_for((512, 512, 30), (0.8, 0.8, 5.0), 512 * 512 * 30 / 4) == (2, 2, 1)
    assert coarse.factors_for((4000, 10, 10), (1, 1, 1), 1e9, side=2048) == (2, 1, 1)
    assert coarse.factors_for((1, 1, 1), (1, 1, 1), 0.5) == (1, 1, 1)
    data = np.arange(6 * 4 * 5, dtype=np.int16).reshape(6, 4, 5)
    means = coarse.block_means(data, (3, 2, 2), np.int16)
    assert means.shape == (2, 2, 2) and means[1, 0, 1] == np.rint(data[3:6, 0:2, 2:4].mean())
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    assert np.allclose(coarse.matrix_of(affine, (3, 2, 2)) @ (1, 0, 1, 1), (2 * 4, 3 * 0.5, 4 * 2.5, 1))


def test_volumes_go_as_they_are_where_they_fit_and_else_are_cut_down() -> None:
    data = np.asfortranarray(np.random.default_rng(0).integers(0, 100, SHAPE).astype(np.int16))
    scan = ImageLoan("a", data, np.diag([*SPACING, 1.0]), SPACING, (0, 1))
    whole = volumes.prepare(scan, guard.Allowance(data.nbytes))
    assert np.shares_memory(whole.data, data) and whole.factors == (1, 1, 1)
    less = volumes.prepare(scan, guard.Allowance(data.nbytes / 4))
    assert less.factors == (2, 2, 1) and less.data.dtype == np.int16
    colour = ImageLoan("b", np.full((*SHAPE, 3), 7, np.uint8), np.eye(4), (1.0, 1.0, 1.0), (0, 1))
    assert volumes.prepare(colour, guard.Allowance(1e9)).data.max() == 7
    broken = ImageLoan("c", np.full(SHAPE, np.nan, np.float64), np.eye(4), (1.0, 1.0, 1.0), (0, 1))
    assert not volumes.prepare(broken, guard.Allowance(1e9)).data.any()


def test_presets_stand_on_percentiles_values_or_the_window() -> None:
    made = volumes.prepare(loan(), guard.Allowance(1e9))
    percentile = made.value(presets.MR_VOLUME[0], 50, (0, 1))
    assert made.body[0] <= percentile <= made.body[-1]
    assert made.value(presets.CT_VOLUME[0], 120, (0, 1)) == 120
    assert made.value(presets.AS_THE_SLICES, 0.25, (100.0, 300.0)) == 150.0
    for preset in (*presets.CT_VOLUME, *presets.MR_VOLUME):
        assert list(preset.points) == sorted(preset.points) and all(0 <= v <= 1 for p in preset.points for v in p[1:])


def test_the_guard_goes_by_the_card_or_by_what_was_set() -> None:
    known, untold = guard.Card(memory=8 * 2**30, side=4096), guard.Card()
    assert guard.allowance(known, guard.AUTOMATIC, 2) == guard.Allowance(2 * 2**30, 4096)
    assert guard.allowance(untold, guard.AUTOMATIC, 2).bytes == guard.UNTOLD
    assert guard.allowance(known, 64, 2).bytes == 64 * 2**20
    assert guard.allowance(known, guard.WHOLE, 2) == guard.Allowance(float("inf"), 4096)
    assert guard.allowance(guard.Card(software=True), guard.AUTOMATIC, 2).bytes == 2 * guard.SOFTWARE_VOXELS
    assert words.size(64 * 2**20) == "64 MB" and words.size(1.5 * 2**30) == "1.5 GB"
    assert words.millimetres(np.array([0.78, 0.78, 5.0])) == "0.78 × 0.78 × 5 mm"


def test_a_cut_runs_along_the_scans_own_slices_and_keeps_the_other_side() -> None:
    affine = loan(oblique=0.4).affine
    affine[0, 2] += 1.5
    chosen = cuts.Cuts().with_side(2, 1)
    (half,) = cuts.half_spaces(chosen, affine, (4, 5, 6))
    for voxel in ((0, 0, 5.5), (30, 20, 5.5)):
        assert np.dot(np.subtract(affine[:3, :3] @ voxel + affine[:3, 3], half.origin), half.normal) == pytest.approx(0)
    below = affine[:3, :3] @ (10, 10, 3) + affine[:3, 3]
    assert np.dot(np.subtract(below, half.origin), half.normal) > 0
    assert chosen.with_side(2, -1).sides == (0, 0, -1) and chosen.with_side(2, 1).sides == (0, 0, 0)
    assert chosen.any and not chosen.without().any


def test_the_eye_stands_so_that_long_scans_are_wholly_in_sight() -> None:
    points = camera.corners((100, 100, 400), np.diag([1.0, 1.0, 2.0, 1.0]))
    away = camera.distance(points, (0, 1, 0), (0, 0, 1), 30.0, 1.0)
    nearest = away - 50
    assert 400 / nearest < np.tan(np.radians(15)) < 400 / (nearest * 0.9)


class Now:
    """`Desk.ask` that answers at once."""

    def ask(self, function, *args, then=None, failed=None, owner=None, topic="") -> None:
        value = function(*args)
        if then:
            then(value)


def written(view) -> str:
    """What stands above the scene and in it."""
    return view._note.text + "\n" + view.stage.writing.notes


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


def choose(view, name: str) -> None:
    """Opens the menu, as a hand does, and chooses."""
    view.tools.menu_opens.emit()
    view.findChild(QAction, name).trigger()


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
def test_standard_views_look_from_where_they_say_and_the_edges_carry_their_letters(view, qtbot) -> None:
    show_ball(view, qtbot)
    keys = (
        (Qt.Key.Key_1, 1, ("R", "L", "S", "I")),
        (Qt.Key.Key_3, 0, ("P", "A", "S", "I")),
        (Qt.Key.Key_7, 2, ("L", "R", "A", "P")),
    )
    for key, axis, (left, right, top, bottom) in keys:
        QTest.keyClick(view.window3d, key, Qt.KeyboardModifier.KeypadModifier)
        seen = view.stage.renderer.GetActiveCamera()
        way = np.subtract(seen.GetPosition(), seen.GetFocalPoint())
        assert np.argmax(np.abs(way)) == axis and way[axis] > 0
        assert view.stage.writing.edges == {"left": left, "right": right, "top": top, "bottom": bottom}
    QTest.keyClick(view.window3d, Qt.Key.Key_R)
    assert view.stage.writing.edges["left"] == "R" and view.stage.writing.edges["top"] == "S"


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
def test_smoothed_surfaces_are_called_so_and_can_be_had_plain(view, qtbot) -> None:
    show_ball(view, qtbot)
    assert words.MARK_SMOOTHED in written(view)
    view.tools.smooth.click()
    assert words.MARK_SMOOTHED not in written(view)
    assert view.stage._surfaces[1].GetMapper().GetInput().GetPointData().GetNormals() is None
    view.tools.smooth.click()
    assert words.MARK_SMOOTHED in written(view)


@pytest.mark.window
def test_a_cut_opens_the_scene_at_the_crosshair_and_goes_with_it(view, qtbot) -> None:
    show_ball(view, qtbot)
    view.use_preset(None)
    view.state.set_look(crosshair=False)
    view.state.move_to((20, 15, 6))
    view.reset()
    qtbot.wait(300)
    choose(view, "scene_cut_A")
    qtbot.wait(100)
    assert words.MARK_CUT in written(view)
    QTest.mouseClick(view.window3d, Qt.MouseButton.LeftButton, pos=view.window3d.rect().center())
    # The front half is gone: what is met is the inner side of the ball's back, or nothing before the cut.
    assert view.state.position[1] <= 15
    view.state.move_to((20, 2, 6))
    qtbot.wait(300)
    assert background(view.picture())
    choose(view, "scene_cut_surfaces")
    assert not background(view.picture())
    choose(view, "scene_uncut")
    assert not view.cuts.any and words.MARK_CUT not in written(view)


def background(picture) -> bool:
    """Whether nothing but black stands in the middle."""
    return picture.pixelColor(picture.width() // 2, picture.height() // 2).lightness() < 8


@pytest.mark.window
def test_the_cut_nearest_to_the_eye_stays_as_the_scene_turns(view, qtbot) -> None:
    show_ball(view, qtbot)
    view.use_preset(None)
    view.state.move_to((20, 2, 6))
    view.state.set_look(crosshair=False)
    view.reset()
    qtbot.wait(300)
    choose(view, "scene_cut_facing")
    assert view.cuts.eye == pytest.approx((0, 1, 0)) and background(view.picture())
    choose(view, "scene_cut_follows")
    view.state.move_to((20, 29, 6))
    qtbot.wait(300)
    view.look("right")
    assert background(view.picture())


@pytest.mark.window
def test_slices_stand_in_the_scene_and_follow_the_crosshair(view, qtbot) -> None:
    data = np.zeros(SHAPE, np.float32)
    data[:, 20, :] = 100
    scan = loan()
    view.state.show_scan(type(scan)("s", data, scan.affine, scan.spacing, (0.0, 100.0)))
    view.use_preset(None)
    view.state.set_look(crosshair=False)
    view.tools.slices.click()
    view.state.move_to((0, 20, 0))
    view.reset()
    qtbot.wait(400)
    assert view.picture().pixelColor(view.window3d.width() // 2, view.window3d.height() // 2).lightness() > 200
    view.state.set_window((0.0, 1000.0))
    assert view.picture().pixelColor(view.window3d.width() // 2, view.window3d.height() // 2).lightness() < 60
    view.state.set_window((0.0, 100.0))
    view.state.move_to((0, 5, 0))
    qtbot.wait(400)
    assert background(view.picture())


@pytest.mark.window
def test_slices_of_a_colour_scan_keep_their_colours(view, qtbot) -> None:
    data = np.zeros((*SHAPE, 3), np.uint8)
    data[:, 20, :, 1] = 200
    view.state.show_scan(ImageLoan("colour", data, loan().affine, SPACING, (0.0, 255.0)))
    view.use_preset(None)
    view.state.set_look(crosshair=False)
    view.tools.slices.click()
    view.state.move_to((0, 20, 0))
    view.reset()
    qtbot.wait(400)
    colour = view.picture().pixelColor(view.window3d.width() // 2, view.window3d.height() // 2)
    assert colour.green() > 150 and colour.red() < 30 and colour.blue() < 30


@pytest.mark.window
def test_no_letter_is_written_where_nobody_knows_how_the_scan_lies(view, qtbot) -> None:
    def brightest(left: int, top: int, width: int, height: int) -> int:
        part = view.picture().copy(left, top, width, height)
        return max(part.pixelColor(x, y).lightness() for x in range(width) for y in range(height))

    wide, high = view.window3d.width(), view.window3d.height()
    edge, cube = (0, high // 2 - 12, 24, 24), (wide - 60, high - 60, 60, 60)
    view.use_preset(None)
    view.state.set_look(crosshair=False)
    for directed in (True, False, True):
        view.state.show_scan(replace(loan(), directed=directed))
        qtbot.wait(50)
        assert [brightest(*edge) > 200, brightest(*cube) > 150] == [directed, directed]
    view.state.show_scan(None)
    qtbot.wait(50)
    assert brightest(*cube) < 50, "nothing is there that could be turned"


@pytest.mark.window
def test_notes_are_read_over_a_bright_volume(view, qtbot) -> None:
    view.state.show_scan(loan())
    view.use_preset(None)
    view.stage.renderer.SetBackground(1, 1, 1)
    qtbot.wait(50)
    view.stage.writing.note(["surfaces smoothed"])
    left, low = NOTE_PLACE
    part = view.picture().copy(left + 2, view.window3d.height() - low - 10, 60, 8)
    light = sorted(part.pixelColor(x, y).lightness() for x in range(part.width()) for y in range(part.height()))
    assert light[len(light) // 2] < 130, "a patch lies behind the words"


@pytest.mark.window
def test_a_picture_carries_letters_and_offers_no_name(view, qtbot, tmp_path, monkeypatch) -> None:
    show_ball(view, qtbot)
    view.use_preset(None)
    offered = []

    def ask(_parent, _title, name, _kinds):
        offered.append(name)
        return str(tmp_path / "out.png"), ""

    monkeypatch.setattr("sagittal_app.scene.scene_view.QFileDialog.getSaveFileName", ask)
    view.save_picture()
    made = QImage(str(tmp_path / "out.png"))
    assert offered == ["scene.png"] and made.width() > 100
    left = made.copy(0, made.height() // 2 - 12, 24, 24)
    assert max(left.pixelColor(x, y).lightness() for x in range(24) for y in range(24)) > 200
    monkeypatch.setattr(
        "sagittal_app.scene.scene_view.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "no" / "out.png"), "")
    )
    view.save_picture()
    assert "could not be written" in written(view)


@pytest.mark.window
def test_a_volume_too_large_is_cut_down_said_and_offered_whole(view, qtbot) -> None:
    data = np.zeros((130, 130, 100), np.float32)
    data[30:100, 30:100, 20:80] = np.random.default_rng(0).random((70, 70, 60)) * 100
    view.use_card(guard.Card(software=True))
    view.state.show_scan(ImageLoan("big", data, np.eye(4), (1.0, 1.0, 1.0), (0.0, 100.0)))
    qtbot.wait(50)
    assert "volume in voxels of 2 × 1 × 1 mm" in view.stage.writing.notes and not view._note.isVisible()
    # As on a card of 8 MB, in a small window: the card here may be an emulated one.
    view.resize(120, 120)
    view.use_card(guard.Card(memory=8 * 2**20))
    view.use_detail(guard.WHOLE)
    assert "voxels of" not in written(view)
    reduced = "volume in voxels of 2 × 2 × 1 mm"
    view.use_detail(guard.AUTOMATIC)
    assert reduced in view.stage.writing.notes
    assert "6 MB" in view._note.text and "2 MB are allowed" in view._note.text
    view.findChild(QWidget, "scene_note_close").click()
    assert not view._note.isVisible() and reduced in view.stage.writing.notes
    view.state.show_scan(None)
    assert view.stage.surfaces == () and view._note.isVisible()


@pytest.mark.window
def test_the_card_is_asked_through_the_scenes_own_window(view) -> None:
    window = view.window3d.GetRenderWindow()
    card = view.window3d.read_card()
    longest_side = 0x8073  # GL_MAX_3D_TEXTURE_SIZE
    assert guard.integers(window, longest_side, 1) == [card.side] and card.side >= 256


class Telling:
    """A render window of a card that tells its memory, as NVIDIA's and AMD's drivers do."""

    def __init__(self, extension: str, answers: dict[int, list[int]]) -> None:
        self._extension, self._answers = extension, answers

    def ReportCapabilities(self) -> str:
        return f"OpenGL renderer string:  A Card\nOpenGL extensions:\n  GL_ARB_sync {self._extension}\n"

    def MakeCurrent(self) -> None:
        pass

    def GetState(self) -> Telling:
        return self

    def vtkglGetIntegerv(self, name: int, values: list[int]) -> None:
        values[:] = self._answers[name]


def test_memory_of_cards_that_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "longest_side", lambda _window: 4096)
    nvidia = Telling("GL_NVX_gpu_memory_info", {0x9047: [8 * 2**20]})
    assert guard.read_card(nvidia) == guard.Card(memory=8 * 2**30, side=4096)
    amd = Telling("GL_ATI_meminfo", {0x87FC: [4 * 2**20, 1, 2, 3]})
    assert guard.read_card(amd) == guard.Card(memory=4 * 2**30, side=4096)
    assert guard.read_card(Telling("", {})) == guard.Card(memory=0, side=4096)


@pytest.mark.window
def test_presets_draw_the_volume_and_one_follows_the_window(view, qtbot) -> None:
    x, y, z = np.mgrid[-16:16, -16:16, -16:16]
    data = np.maximum(0, 150 - 10 * np.sqrt(x**2 + y**2 + z**2)).astype(np.float32)

    def show(name: str, unit: str = "") -> None:
        """The volume comes after the slices."""
        view.state.show_scan(ImageLoan(name, data, np.eye(4), (1.0, 1.0, 1.0), (0.0, 100.0), unit))
        qtbot.waitUntil(lambda: view._has_volume)

    show("bright inside")
    view.state.set_look(crosshair=False)
    for preset in view.presets()[1:]:
        view.use_preset(preset)
        assert not background(view.picture()), preset.name
    view.use_preset(presets.AS_THE_SLICES)
    view.state.set_window((500.0, 600.0))
    assert background(view.picture())
    view.use_preset(None)
    assert background(view.picture())
    show("another", "HU")
    assert view.stage.preset is None
    view.use_preset(presets.CT_VOLUME[1])
    show("a third")
    assert view.stage.preset == presets.MR_VOLUME[0]


@pytest.mark.window
def test_painting_on_while_surfaces_are_made_asks_for_no_more_than_one_at_a_time(qtbot) -> None:
    """Answers come later than questions here, as they do from the pool."""
    waiting = []

    def ask(function, *args, then, failed, owner):
        waiting.append(lambda: then(function(*args)))

    state = CanvasState()
    maker = surface_maker.SurfaceMaker(state, ask, lambda: True)
    made = []
    maker.made.connect(lambda surface: made.append((surface.number, len(surface.points))))
    labels = document()
    labels.data[...] = ball()
    state.document_changed.connect(maker.begin)
    state.show_scan(loan(), labels)
    assert len(waiting) == 1
    labels.paint("brush", np.ravel_multi_index(np.indices((3, 3, 3)).reshape(3, -1), SHAPE), 2)
    maker.catch_up()
    while waiting:
        assert len(waiting) == 1
        waiting.pop()()
    assert {number for number, _ in made} == {1, 2}
    maker.set_smooth(False)
    other = document()
    state.set_document(other)
    while waiting:
        waiting.pop()()
    assert sum(number == 1 for number, _ in made) == 1
