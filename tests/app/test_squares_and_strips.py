"""Squares of numbers and strips of decisions: what is drawn, read out, moved back to and written."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from sagittal.panels import Matrix
from sagittal_app import messages, theme
from sagittal_app.charts.factory import make_panel
from sagittal_app.charts.legend import distinct
from sagittal_app.charts.plot import CurveData
from sagittal_app.charts.squares import MatrixPanel, scale, square, written
from sagittal_app.charts.strips import LEVELS, TimelinePanel, cells, stacked
from sagittal_app.models.run_model import Preview, RunModel

DOCUMENT = {
    "labels": ["subject", "phase"],
    "values": {"before": [[1.0, -0.25], [-0.25, 1.0]], "after": [[1.0, 0.0], [None, 1.0]]},
}


@pytest.fixture
def matrix(qtbot):
    theme.apply("dark")
    made = MatrixPanel("Cosines")
    qtbot.addWidget(made)
    made.resize(500, 240)
    made.show()
    made.show_document(DOCUMENT, 5)
    return made


def test_squares_stand_side_by_side_and_tell_a_pair_in_each(matrix):
    before, after = matrix.squares._places().values()
    assert before.right() < after.left() and before.width() == after.width()
    corner = QPointF(before.right() - 2, before.top() + 2)
    assert matrix.squares.said_at(corner) == "subject, phase: before −0.25, after 0.00"
    assert matrix.squares.said_at(QPointF(1, 1)) == ""
    assert not matrix.grab().isNull()


def test_the_diagonal_does_not_pale_the_others():
    assert scale({"a": square([[1.0, -0.2], [0.1, 1.0]])}) == pytest.approx(0.2)
    assert scale({"a": square([[3.0]])}) == 3.0
    assert scale({"a": square([[None, None], [None, None]])}) == 1.0
    assert (written(-0.251), written(float("nan"))) == ("−0.25", "–")


def test_every_cell_is_written(matrix, tmp_path):
    matrix.export(tmp_path / "cosines.csv")
    rows = list(csv.reader((tmp_path / "cosines.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["row", "column", "before", "after"] and rows[2] == ["subject", "phase", "-0.25", "0.0"]
    matrix.export(tmp_path / "cosines.png")
    assert (tmp_path / "cosines.png").stat().st_size > 500


def test_older_squares_come_back_by_the_slider_and_new_ones_wait(tmp_path, qtbot):
    panel, refresh = make_panel(Matrix("Cosines", source="cosines"), "panel")
    qtbot.addWidget(panel)
    panel.show()
    model = RunModel("run")

    def publish(step):
        path = tmp_path / f"{step}.json"
        path.write_text(json.dumps({"values": [[float(step)]]}), encoding="utf-8")
        model.previews.setdefault("cosines", []).append(Preview(step, str(path)))
        refresh(model)

    publish(1)
    publish(2)
    assert panel.columns()["Cosines"] == [2.0]
    panel.moments.slider.setValue(0)
    panel.moments.slider.sliderMoved.emit(0)
    publish(3)
    assert panel.columns()["Cosines"] == [1.0] and panel.moments.caption.whole() == "Step 1"
    panel.moments.slider.setValue(2)
    panel.moments.slider.sliderMoved.emit(2)
    publish(4)
    assert panel.columns()["Cosines"] == [4.0]


def test_a_torn_document_is_said(tmp_path, qtbot):
    panel, refresh = make_panel(Matrix("Cosines", source="cosines"), "panel")
    qtbot.addWidget(panel)
    (tmp_path / "torn.json").write_text('{"values": [[1', encoding="utf-8")
    model = RunModel("run")
    model.previews["cosines"] = [Preview(1, str(tmp_path / "torn.json"))]
    refresh(model)
    assert panel.waiting.text() == messages.PICTURE_GONE.format(path=tmp_path / "torn.json")


@pytest.fixture
def strips(qtbot):
    theme.apply("dark")
    made = TimelinePanel("Gate", states=("closed", "open"))
    qtbot.addWidget(made)
    made.resize(500, 220)
    made.show()
    return made


def steps(name, values):
    return CurveData(name, "#E69F00", np.arange(1.0, len(values) + 1), np.asarray(values, dtype=float))


def test_cells_hold_the_mean_of_their_steps_and_holes_stay_holes():
    x, y = np.array([1.0, 2.0, 3.0, 8.0]), np.array([0.0, 1.0, 1.0, np.nan])
    found = cells(x, y, 1.0, 9.0, 4)
    assert found[:2].tolist() == [0.5, 1.0] and np.isnan(found[2:]).all()


def test_a_strip_per_series_says_how_often_and_reads_out(strips):
    strips.set_curves([steps("gate", [0, 1, 1, 1]), steps("other", [1, 1, 0, 0])])
    assert [strips.shares(curve) for curve in strips._curves] == [{"open": 0.75}, {"open": 0.5}]
    assert [name.toPlainText() for name in strips._names] == ["gate · 75% open", "other · 50% open"]
    assert strips.said_at(1.4) == "step 1 · gate: closed · other: open"
    (low, high), (top, bottom) = strips.plot.vb.viewRange()
    assert low == pytest.approx(1.0) and high == pytest.approx(5.0) and (top, bottom) == (0, 2)
    assert strips.columns()["gate"] == [0, 1, 1, 1]


def test_strips_are_named_by_what_tells_them_apart():
    assert distinct(["image_conflict_a_b", "pixel_conflict_a_b"]) == ["image", "pixel"]
    assert distinct(["conflict_a_b", "conflict_a"]) == ["conflict a b", "conflict a"]
    assert distinct(["gate_open"]) == ["gate open"]


def test_of_more_states_each_has_its_colour(qtbot):
    theme.apply("light")
    made = TimelinePanel("Which", states=("a", "b", "c"))
    qtbot.addWidget(made)
    made.set_curves([steps("which", [0, 1, 2, 2])])
    colours = {tuple(cell) for cell in made._painted(np.array([[0.0, 1.0, 2.0]]))[0]}
    assert len(colours) == 3 and made._painted(np.array([[np.nan]]))[0, 0, 3] == 0
    assert [name.toPlainText() for name in made._names] == ["25% a · 25% b · 50% c"]
    made.set_curves([steps("which", [0, 2, 2])])
    assert [name.toPlainText() for name in made._names] == ["33% a · 67% c"]


def test_steps_that_share_a_place_show_no_state_that_none_was_in():
    """Kept and followed in turn are no slow following, which their mean would be."""
    x, y = np.arange(1.0, 9.0), np.array([0.0, 2.0, 0.0, 2.0, 2.0, 2.0, np.nan, np.nan])
    found = stacked(x, y, 1.0, 9.0, 4, 3)
    assert found.shape == (LEVELS, 4)
    assert found[:, 0].tolist() == [2.0] * (LEVELS // 2) + [0.0] * (LEVELS // 2)
    assert (found[:, 2] == 2).all() and np.isnan(found[:, 3]).all()


def test_the_theme_changes_what_is_drawn(strips):
    strips.set_curves([steps("gate", [0, 1])])
    dark = strips._painted(np.array([[1.0]])).tolist()
    theme.apply("light")
    assert strips._painted(np.array([[1.0]])).tolist() != dark
