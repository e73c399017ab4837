"""Painting tools, undo and the journal: pure numpy, no display."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import SHAPE, SPACING, TABLE, document, painting, use

from sagittal.facts import Edit
from sagittal_app.canvas import history, regions, strokes
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Box, Plane, PlaneView
from sagittal_app.canvas.tools import make_tools
from sagittal_app.canvas.tools.tool import Spot


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("radiological", [True, False])
def test_a_patch_lands_on_the_voxels_it_is_drawn_on(plane: Plane, radiological: bool) -> None:
    view = PlaneView(plane, SHAPE, SPACING, radiological, radiological)
    rng = np.random.default_rng(3)
    patch = strokes.Patch(rng.random((4, 3)) > 0.4, (2, 5))
    region = regions.on_slice(view, 7, patch)
    volume = np.zeros(SHAPE, bool)
    volume[region.box.slices()] = region.mask
    shown = np.zeros(view.size, bool)
    shown[2:6, 5:8] = patch.mask
    assert np.array_equal(view.take(volume, 7), shown)
    assert np.count_nonzero(volume) == patch.mask.sum()


def test_a_ball_is_round_in_millimetres() -> None:
    view = PlaneView(Plane.AXIAL, SHAPE, SPACING)
    volume = np.zeros(SHAPE, bool)
    for region in regions.ball_stroke(view, 6, (14, 19), (14, 19), 13.0):
        volume[region.box.slices()] |= region.mask
    x, y, z = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")
    centre = view.to_voxel(14, 19, 6)
    away = sum(((a - c) * mm) ** 2 for a, c, mm in zip((x, y, z), centre, SPACING, strict=True))
    assert np.array_equal(volume, away <= 13.0**2)


def test_a_3d_brush_paints_neighbouring_slices_and_is_one_step_of_undo() -> None:
    state = painting(diameter=26.0)
    state.set_options(in_3d=True)
    labels = state.document
    use(state, "brush", 6, (14, 10), (14, 30))
    painted = np.flatnonzero(labels.data.any((0, 1)))
    assert painted.tolist() == [4, 5, 6, 7, 8]
    assert np.count_nonzero(labels.data[:, :, 8]) < np.count_nonzero(labels.data[:, :, 6])
    assert labels.history.depth == 1
    labels.undo()
    assert not labels.data.any()


def test_a_long_stroke_reaches_the_journal_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    journal: list[Edit] = []
    labels = document(journal=journal.append)
    state = painting(labels)
    tool = make_tools(state)["brush"]
    spot = lambda column: Spot(state.view_of(Plane.AXIAL), 4, (5, column))  # noqa: E731
    tool.press(spot(5))
    assert not journal
    now[0] = 0.6
    tool.move(spot(12))
    assert len(journal) == 1
    tool.move(spot(20))
    tool.release(spot(20))
    assert [part.continues for part in journal] == [False, True]
    assert labels.history.depth == 1
    labels.undo()
    assert not labels.data.any() and len(journal) == 3
    assert journal[-1].tool == "undo brush"
    labels.redo()
    assert journal[-1].tool == "redo brush"


def test_a_stroke_painted_over_itself_keeps_the_first_before_and_the_last_after() -> None:
    buffer = history.StrokeBuffer("brush")
    one, two = np.array([1, 2], np.int64), np.array([2, 3], np.int64)
    buffer.add(Edit("brush", one, np.array([0, 7], np.uint16), np.array([5, 5], np.uint16)))
    buffer.add(Edit("brush", two, np.array([5, 0], np.uint16), np.array([7, 5], np.uint16)))
    whole = buffer.take()
    assert whole.indices.tolist() == [1, 3]
    assert whole.before.tolist() == [0, 0] and whole.after.tolist() == [5, 5]
    assert buffer.take() is None


def test_what_painting_may_overwrite() -> None:
    def painted(overwrite: str = "all", **settings: object) -> np.ndarray:
        labels = LabelDocument(np.zeros(SHAPE, np.uint16), TABLE)
        labels.data[:, :, 6] = 2
        labels.data[:, 15:, 6] = 300
        labels.data[:20, :15, 6] = 0
        for name, value in settings.items():
            setattr(labels, name, value)
        state = painting(labels, diameter=200.0)
        state.set_options(overwrite=overwrite)
        use(state, "brush", 6, (15, 20))
        return labels.data[:, :, 6] == 1

    before = np.zeros(SHAPE[:2], np.uint16)
    before[:, :] = 2
    before[:, 15:] = 300
    before[:20, :15] = 0
    assert painted().all()
    assert np.array_equal(painted(overwrite="none"), before == 0)
    assert np.array_equal(painted(overwrite="visible", hidden={300}), before != 300)
    assert np.array_equal(painted(locked={2}), before != 2)
    assert not painted(locked={1}).any()


@pytest.mark.parametrize("shape", [SHAPE, (70_000, 70_000, 3)])
def test_the_box_around_flat_indices_is_that_of_their_voxels(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(4)
    where = tuple(rng.integers(n // 3, n, 50) for n in shape)
    assert Box.around(np.ravel_multi_index(where, shape), shape) == Box.of(where)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_change_in_the_midst_of_a_stroke_is_a_step_of_its_own(order: str) -> None:
    labels = LabelDocument(np.zeros(SHAPE, np.uint16, order=order), TABLE)  # type: ignore[call-overload]
    labels.data[3, 3, 3] = 1
    start = labels.data.copy()
    state = painting(labels)
    tool = make_tools(state)["brush"]
    spot = lambda column: Spot(state.view_of(Plane.AXIAL), 6, (10, column))  # noqa: E731
    tool.press(spot(5))
    corner, one = np.array([0, 1]), np.ravel_multi_index([[3], [3], [3]], SHAPE)
    assert labels.reshape("smooth", 1, corner, one) == 3
    tool.move(spot(15))
    tool.release(spot(25))
    assert labels.history.depth == 3
    labels.undo()
    labels.undo()
    assert labels.data[3, 3, 3] == 1 and not labels.data[0, 0, :2].any() and labels.data[:, :, 6].any()
    labels.undo()
    assert np.array_equal(labels.data, start)
