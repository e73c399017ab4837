"""Charts draw what a model holds, read values out, smooth, export, and stay quick with long series."""

from __future__ import annotations

import csv
import time
from dataclasses import replace

import numpy as np
import pytest
from fake_engine import FakeEngine
from fake_world import EPISODES
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap

from sagittal.panels import Images, Lines, Timeline
from sagittal.run_request import RunRequest
from sagittal_app import messages, theme
from sagittal_app.charts.board import Board
from sagittal_app.charts.factory import make_panel, names_of
from sagittal_app.charts.images import ImagesPanel, PictureDialog
from sagittal_app.charts.plot import CurveData, LinesPanel
from sagittal_app.charts.spectra import density
from sagittal_app.models.run_model import Preview, RunModel, Series


@pytest.fixture
def lines(qtbot):
    theme.apply("dark")
    panel = LinesPanel("Loss", y_label="loss")
    qtbot.addWidget(panel)
    panel.resize(600, 300)
    panel.show()
    return panel


def curve(name="loss", points=5):
    x = np.arange(points, dtype=float)
    return CurveData(name, "#E69F00", x, 10 - x)


def test_an_empty_chart_says_when_it_will_fill(lines):
    assert lines.waiting.text() == messages.WAITING_LINES
    lines.set_curves([curve()])
    assert not lines.waiting.isVisible()


def test_a_legend_appears_with_two_curves_and_reads_out_values(lines):
    lines.set_curves([curve()])
    assert "●" not in lines.legend.text()
    lines.set_curves([curve(), curve("other")])
    assert lines.legend.text().count("●") == 2
    assert lines.read_out(2.4) == {"loss": (2.0, 8.0), "other": (2.0, 8.0)}


def test_a_legend_leaves_out_what_all_names_share(lines):
    lines.set_curves([curve("image_agreement"), curve("image_agreement_after")])
    assert "after" in lines.legend.text() and "image&nbsp;agreement&nbsp;after" in lines.legend.text()
    lines.set_curves([curve("image_agreement"), curve("pixel_agreement")])
    assert "agreement" not in lines.legend.text()
    assert "image" in lines.legend.text() and "pixel" in lines.legend.text()


def test_curves_of_one_pattern_are_named_by_what_stands_for_the_star(qtbot):
    theme.apply("dark")
    panel, refresh = make_panel(Timeline("Conflicts", "", series=("image_conflict_*",)), "strips")
    qtbot.addWidget(panel)
    refresh(RunModel("r", series={"image_conflict_subject_and_phase": Series([1, 2], [0.0, 1.0])}))
    assert [one.name for one in panel._curves] == ["subject_and_phase"]


def test_a_button_shows_a_picture_large(qtbot, tmp_path):
    theme.apply("dark")
    panel = ImagesPanel("Kept pixels")
    qtbot.addWidget(panel)
    panel.show()
    assert not panel.large.isVisible()
    file = tmp_path / "1.png"
    QPixmap(8, 8).save(str(file))
    panel.set_previews([Preview(1, str(file), "pace")])
    qtbot.mouseClick(panel.large, Qt.MouseButton.LeftButton)
    dialog = panel.findChild(PictureDialog)
    assert dialog is not None and "pace" in dialog.words.text()
    dialog.close()


def test_pictures_for_which_a_board_has_no_room_are_scrolled_to(desk, qtbot, tmp_path):
    card = replace(EPISODES, panels=tuple(Images(f"Picture {i}", "", source=str(i), captions=("a",)) for i in range(3)))
    board = Board(desk)
    qtbot.addWidget(board)
    board.resize(1000, 420)
    board.show()
    file = tmp_path / "1.png"
    QPixmap(80, 80).save(str(file))
    previews = {str(i): [Preview(step, str(file)) for step in (1, 2)] for i in range(3)}
    board.show_run(RunModel("r", previews=previews), card)
    panels = board.findChildren(ImagesPanel)
    below = lambda one: one.moments.y() > one.picture.geometry().bottom()  # noqa: E731
    qtbot.waitUntil(lambda: all(one.moments.isVisible() and below(one) for one in panels))


def test_small_panels_stand_as_many_side_by_side_as_fit(desk, qtbot):
    board = Board(desk)
    qtbot.addWidget(board)
    board.resize(1700, 900)
    board.show()
    series = {f"number_{i}": Series([0, 1], [2.0, 1.0]) for i in range(4)}
    board.show_run(RunModel("r", series=series), None)
    qtbot.waitUntil(lambda: board._across == 3)
    board.resize(900, 900)
    qtbot.waitUntil(lambda: board._across == 2)
    rows = [board._small.itemAtPosition(1, column).widget() for column in (0, 1)]
    assert rows == board._panels[2:4]


def test_smoothing_lays_a_mean_over_the_faint_curve(lines):
    lines.set_curves([curve(points=50)])
    lines.slider.setValue(2)
    _, smooth = lines._smooth["loss"].getOriginalDataset()
    assert smooth[-1] == pytest.approx(np.mean(10 - np.arange(40, 50)))


def test_the_log_axis_is_one_click(lines, qtbot):
    lines.set_curves([curve()])
    lines.log.click()
    assert lines.plot.getAxis("left").logMode


def test_a_value_that_tells_sides_apart_is_always_in_view(qtbot):
    panel, _ = make_panel(Lines("Angle", series=("angle",), levels=(90.0,)), "angle")
    qtbot.addWidget(panel)
    panel.set_curves([curve("angle")])
    (low, high), (line,) = panel.plot.vb.viewRange()[1], panel._levels.values()
    assert line.value() == 90 and low < 6 and high > 90
    panel.log.click()
    assert line.value() == pytest.approx(np.log10(90)) and panel.plot.vb.viewRange()[1][1] > line.value()


def test_a_panel_may_say_what_its_series_are_called(qtbot):
    panel, refresh = make_panel(Lines("Dice", series=("dice_of_a", "dice_of_b"), names=("student", "teacher")), "dice")
    qtbot.addWidget(panel)
    model = RunModel("run")
    for name in ("dice_of_b", "dice_of_a"):
        model.series[name] = Series([1, 2], [0.1, 0.2])
    refresh(model)
    assert [one.name for one in panel._curves] == ["student", "teacher"] and "teacher" in panel.legend.text()
    with pytest.raises(ValueError, match="names 1 of 2 series"):
        Lines("Dice", series=("a", "b"), names=("student",))


def test_exports_hold_what_is_drawn(lines, tmp_path):
    lines.set_curves([curve()])
    for ending in (".png", ".svg", ".csv"):
        lines.export(tmp_path / f"chart{ending}")
    rows = list(csv.reader((tmp_path / "chart.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["loss step", "loss"]
    assert rows[5] == ["4.0", "6.0"]
    assert "<svg" in (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert (tmp_path / "chart.png").stat().st_size > 500


def test_a_hundred_thousand_points_redraw_within_a_frame_or_two(lines, qapp):
    x = np.arange(100_000, dtype=float)
    data = CurveData("loss", "#E69F00", x, np.random.default_rng(0).normal(size=len(x)))
    lines.set_curves([data])
    qapp.processEvents()
    times = []
    for shift in range(5):
        began = time.perf_counter()
        lines.plot.setXRange(shift * 1000, 50_000 + shift * 1000)
        lines.view.grab()
        times.append(time.perf_counter() - began)
    assert min(times) < 0.2


@pytest.fixture
def past(tmp_path):
    engine = FakeEngine(tmp_path, auto=False)
    engine.open_study(tmp_path / "study")
    run = engine.start(RunRequest(method="episodes", recipe="quick-cpu"))
    engine.finish_all()
    return RunModel.of(engine.run(run), "Episodes")


@pytest.mark.parametrize("panel", EPISODES.panels, ids=lambda panel: type(panel).__name__)
def test_every_kind_of_panel_shows_what_a_run_published(panel, past, qtbot):
    theme.apply("dark")
    widget, refresh = make_panel(panel, "panel")
    qtbot.addWidget(widget)
    widget.resize(400, 240)
    widget.show()
    refresh(RunModel("other"))
    assert widget.waiting.text()
    refresh(past)
    assert not widget.waiting.isVisible()
    assert not widget.grab().isNull()


def test_a_spectrums_density_holds_its_whole_weight():
    x, y = density([[0.0, 1.0], [0.5, 2.0]], [[0.5, 0.5], [0.25, 0.75]])
    assert np.trapezoid(y, x) == pytest.approx(1.0, rel=0.02)


def test_the_board_shows_a_past_run_whole(desk, past, qtbot):
    board = Board(desk)
    qtbot.addWidget(board)
    board.resize(1200, 800)
    board.show()
    past.log = [("info", "Preparing superpixels.")]
    board.show_run(past, EPISODES)
    board.refresh()
    assert board.facts.title.text() == "Episodes"
    assert "completed · step 20 of 20" in board.facts.words.whole()
    assert {curve.name for curve in board.loss._curves} == {"loss_query", "loss_ccr"}
    assert "superpixels" in board.log.toPlainText()
    assert board.findChild(object, "panel_2_caption").whole() == "Step 20"


def test_the_sum_of_many_losses_has_a_chart_of_its_own(desk, qtbot):
    board = Board(desk)
    qtbot.addWidget(board)
    board.resize(1200, 800)
    board.show()
    parts = ("image_loss", "pixel_loss", "third_loss")
    several = RunModel("r", series={name: Series([0, 1], [2.0, 1.0]) for name in (*parts, "loss")})
    board.show_run(several, None)
    assert [curve.name for curve in board.loss._curves] == ["loss"]
    assert tuple(curve.name for curve in board.parts._curves) == parts and board.parts.isVisible()
    assert "image&nbsp;loss" not in board.parts.legend.text() and "image" in board.parts.legend.text()
    few = RunModel("f", series={name: Series([0, 1], [2.0, 1.0]) for name in ("image_loss", "pixel_loss", "loss")})
    board.show_run(few, None)
    assert len(board.loss._curves) == 3 and not board.parts.isVisible()


def test_a_picture_is_seen_large_with_all_that_is_said(past, qtbot):
    panel, refresh = make_panel(Images("Episode", "Support and query.", source="preview"), "panel")
    qtbot.addWidget(panel)
    panel.show()
    refresh(past)
    qtbot.mouseDClick(panel.picture, Qt.MouseButton.LeftButton)
    dialog = panel.findChild(PictureDialog, "picture_dialog")
    assert dialog.isVisible() and dialog.picture.pixmap.size() == panel.picture.pixmap.size()
    assert dialog.words.text() == "Support and query.\nStep 20"


def test_series_are_asked_for_by_pattern_too(past):
    assert names_of(past, ("loss_*", "gate", "nothing_*")) == ["loss_query", "loss_ccr", "gate"]


def test_series_no_panel_asks_for_get_one_of_their_own(desk, past, qtbot):
    board = Board(desk)
    qtbot.addWidget(board)
    board.show()
    board.show_run(past, None)
    board.refresh()
    assert set(board._others) == {"dice", "gate"}
