"""The demo's pictures: orientation, masks, charts that survive odd data."""

from __future__ import annotations

import numpy as np

from sagittal_engine.demo import drawing


def test_axial_is_radiological_with_the_front_at_the_top():
    volume = np.zeros((20, 30, 3), dtype=np.float32)
    volume[15:, :, 1] = 50  # the patient's right
    volume[:, 25:, 1] += 100  # the front
    picture = np.asarray(drawing.axial(volume, 1, (2.0, 2.0, 5.0), height=60))[:, :, 0].astype(int)
    assert picture.shape == (60, 40)
    assert picture[40, 3] > picture[40, 35]
    assert picture[3, 35] > picture[40, 35]


def test_pixels_keep_true_proportion():
    picture = drawing.axial(np.zeros((10, 10, 1)), 0, (1.0, 2.0, 5.0), height=100)
    assert picture.size == (50, 100)


def test_masks_are_drawn_where_they_are():
    volume = np.zeros((20, 20, 1), dtype=np.float32)
    mask = np.zeros((20, 20), dtype=bool)
    mask[12:18, 2:6] = True  # right and back
    picture = drawing.with_masks(drawing.axial(volume, 0, (1, 1, 1), 40), {"liver": mask}, {"liver": "#FF0000"})
    red = np.asarray(picture)[:, :, 0] > 50
    rows, columns = np.nonzero(red)
    assert rows.min() >= 26 and columns.max() <= 17 and red.any()


def test_charts_take_what_comes():
    for series in ({}, {"loss": ([], [])}, {"loss": ([0], [0.0])}, {"loss": ([0, 1], [float("nan"), 2.0])}):
        assert drawing.curves("t", "x", "y", series, {"loss": "#FF0000"}).size == (760, 420)
    groups = {"liver": {"a": (0.5, 0.4, 0.6), "b": (0.7, None, None)}}
    chart = np.asarray(drawing.bars("t", "y", groups, {"a": "#FF0000", "b": "#00FF00"}))
    assert (chart == (255, 0, 0)).all(axis=2).any() and (chart == (0, 255, 0)).all(axis=2).any()


def test_sheet_holds_rows_of_any_length():
    cell = (drawing.axial(np.zeros((8, 8, 1)), 0, (1, 1, 1), 30), "caption")
    page = drawing.sheet("title", [[cell, cell], [cell]], {"liver": "#FF0000"})
    assert page.width >= 2 * 30 and page.height > 100
