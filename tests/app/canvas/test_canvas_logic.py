"""Geometry, shapes, history and windows of the canvas: pure numpy, no Qt, no display."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import SHAPE, SPACING, loan

from sagittal_app.canvas import geometry, presets, strokes, windowing
from sagittal_app.canvas.geometry import Box, Plane, PlaneView
from sagittal_app.canvas.mouse import Gesture, gesture_for

ALL_VIEWS = [
    PlaneView(plane, SHAPE, SPACING, radiological, nose_left)
    for plane in Plane
    for radiological in (True, False)
    for nose_left in (True, False)
]


@pytest.mark.parametrize("view", ALL_VIEWS, ids=str)
def test_a_voxel_is_shown_where_its_value_is(view: PlaneView) -> None:
    volume = np.asarray(loan().data)
    for voxel in ((0, 0, 0), (39, 29, 11), (7, 20, 3)):
        row, column = view.to_screen(voxel)
        plane = view.take(volume, voxel[view.through])
        assert plane.shape == view.size
        assert plane[int(row), int(column)] == volume[voxel]
        assert view.to_voxel(row, column, voxel[view.through]) == voxel


@pytest.mark.parametrize("view", ALL_VIEWS, ids=str)
def test_masks_and_boxes_go_from_screen_to_volume_and_back(view: PlaneView) -> None:
    mask = np.zeros((3, 4), bool)
    mask[0, 1] = mask[2, 3] = True
    indices = view.flat_indices(mask, 2, origin=(5, 6))
    volume = np.zeros(SHAPE, bool)
    volume.ravel()[indices] = True
    shown = view.take(volume, 2)
    assert set(map(tuple, np.argwhere(shown))) == {(5, 7), (7, 9)}
    region = view.region(Box.of(np.unravel_index(indices, SHAPE)), 2)
    assert region == (slice(5, 8), slice(7, 10))
    assert view.region(Box.of(np.unravel_index(indices, SHAPE)), 3) is None


def test_letters_follow_the_affine_not_the_array() -> None:
    view = PlaneView(Plane.AXIAL, SHAPE, SPACING)
    assert view.edges(np.eye(4)) == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    turned = np.diag([1.0, -1.0, 1.0, 1.0])
    assert view.edges(turned)["top"] == "P"
    assert geometry.direction_letters(np.array([1.0, 0.4, 0.0])) == ("RA", "LP")
    assert not geometry.is_oblique(np.diag([-2.0, 2.0, 7.0, 1.0]))
    assert geometry.is_oblique(loan(oblique=0.1).affine)


def test_millimetres_and_back_and_in_words() -> None:
    affine = loan(oblique=0.3).affine
    point = geometry.to_millimetres(affine, (3, 4, 5))
    assert geometry.from_millimetres(affine, point) == pytest.approx((3, 4, 5))
    assert geometry.position_words((12.5, -30.0, -41.24)) == "R 12.5  P 30.0  I 41.2 mm"


def test_a_brush_is_round_in_millimetres_on_anisotropic_voxels() -> None:
    patch = strokes.stroke((20, 20), (20, 20), radius=9.0, pixel=(6.0, 2.0), size=(40, 40))
    rows, columns = np.nonzero(patch.mask)
    rows, columns = rows + patch.origin[0], columns + patch.origin[1]
    assert rows.max() - rows.min() == 2 and columns.max() - columns.min() == 8
    assert (((rows - 20) * 6.0) ** 2 + ((columns - 20) * 2.0) ** 2 <= 81.0).all()


def test_a_brush_smaller_than_a_voxel_paints_one_and_none_beyond_the_plane() -> None:
    assert strokes.stroke((3.2, 4.4), (3.2, 4.4), 0.1, (5.0, 5.0), (10, 10)).mask.sum() == 1
    assert strokes.stroke((-50, -50), (-50, -50), 1.0, (1.0, 1.0), (10, 10)).empty
    with pytest.raises(ValueError, match="above 0"):
        strokes.stroke((0, 0), (0, 0), 0.0, (1.0, 1.0), (4, 4))


@given(st.tuples(st.floats(0, 30), st.floats(0, 30)), st.tuples(st.floats(0, 30), st.floats(0, 30)), st.floats(0.6, 8))
@settings(max_examples=60, deadline=None)
def test_a_stroke_is_the_union_of_discs_along_its_line(start, end, radius) -> None:
    size, pixel = (31, 31), (1.5, 0.8)
    patch = strokes.stroke(start, end, radius, pixel, size)
    whole = np.zeros(size, bool)
    r, c = patch.origin
    whole[r : r + patch.mask.shape[0], c : c + patch.mask.shape[1]] = patch.mask
    grid = np.stack(np.meshgrid(np.arange(31) * 1.5, np.arange(31) * 0.8, indexing="ij"), axis=-1)
    a, b = np.multiply(start, pixel), np.multiply(end, pixel)
    distances = [np.linalg.norm(grid - (a + t * (b - a)), axis=-1) for t in np.linspace(0, 1, 400)]
    nearest = np.min(distances, axis=0)
    assert whole[nearest <= radius - 0.05].all()
    # Between two of the 400 samples the line may be nearer by less than this.
    beyond = nearest > radius + 1e-3
    for row, column in (start, end):
        beyond[round(row), round(column)] = False
    assert not whole[beyond].any()


def test_a_polygon_holds_the_centres_inside_it() -> None:
    from skimage.draw import polygon2mask

    corners = [(3.47, 4.41), (20.53, 8.37), (15.61, 25.59), (9.43, 12.29)]
    patch = strokes.polygon(corners, (30, 30))
    ours = np.zeros((30, 30), bool)
    r, c = patch.origin
    ours[r : r + patch.mask.shape[0], c : c + patch.mask.shape[1]] = patch.mask
    theirs = polygon2mask((30, 30), np.array(corners))
    # Corners' own pixels count besides.
    assert np.count_nonzero(ours & ~theirs) <= 4 and not (theirs & ~ours).any()
    assert strokes.polygon(corners[:2], (30, 30)).empty


def test_flood_stays_within_the_label_it_starts_on() -> None:
    plane = np.zeros((8, 8), np.uint16)
    plane[2:5, 2:5] = 3
    plane[6, 6] = 3
    patch = strokes.flood(plane, (3, 3))
    assert patch.mask.sum() == 9 and patch.origin == (2, 2)
    assert strokes.flood(plane, (9, 0)).empty


def test_outline_marks_the_border_pixels_of_labels() -> None:
    plane = np.zeros((7, 7), np.uint8)
    plane[1:6, 1:6] = 4
    edge = strokes.outline(plane)
    assert edge.sum() == 16 and not edge[3, 3] and not edge[0, 0]


def test_window_drag_presets_and_percentiles() -> None:
    assert windowing.dragged((0, 100), right=50, down=0, value_range=500) == (-25, 125)
    assert windowing.dragged((0, 100), right=0, down=10, value_range=500) == (10, 110)
    low, high = windowing.dragged((0, 100), right=-1e6, down=0, value_range=500)
    assert high > low
    assert presets.BUILT_IN[presets.CT][0].window(np.zeros(1)) == (-160, 240)
    sample = np.arange(1001, dtype=np.float32)
    assert presets.BUILT_IN[presets.OTHER][2].window(sample) == pytest.approx((10, 990))
    assert windowing.percentile_window(np.full(5, np.nan), 1, 99) == (0.0, 1.0)
    assert {one.percentiles is None for one in presets.BUILT_IN[presets.kind_of("")]} == {False}
    assert windowing.sample_of(np.zeros((100, 100, 100), np.int16)).size <= 65536


@pytest.mark.parametrize(
    ("preset", "button", "modifier", "painting", "gesture"),
    [
        ("reading-room", "right", "", False, Gesture.WINDOW),
        ("reading-room", "right", "", True, Gesture.WINDOW),
        ("slicer", "right", "", False, Gesture.ZOOM),
        ("ohif", "left", "", False, Gesture.WINDOW),
        ("ohif", "left", "", True, Gesture.TOOL),
        ("ohif", "left", "ctrl", True, Gesture.TOOL),
        ("ohif", "left", "ctrl", False, Gesture.REGION),
        ("reading-room", "left", "", False, Gesture.CROSSHAIR),
        ("slicer", "left", "shift", True, Gesture.PAN),
        ("slicer", "middle", "", True, Gesture.PAN),
    ],
)
def test_mouse_presets(preset: str, button: str, modifier: str, painting: bool, gesture: Gesture) -> None:
    assert gesture_for(preset, button, modifier, painting) is gesture
