"""The Compare page: set up with mouse and keys, filled live, stopped, resumed, listed, exported."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from fake_comparing import FINE_TUNE
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QListWidget, QPushButton, QToolButton

from sagittal.comparison import SCRATCH, ComparisonRequest
from sagittal.events import Reason, TaskFinished
from sagittal.run_request import RunRequest
from sagittal_app import compare_words as words
from sagittal_app.endings import of_task
from sagittal_app.models.comparisons import (
    budget_words,
    budgets_in,
    colours_of,
    curves_of,
    metrics_of,
    read_metric,
    starts_of,
    written,
)
from sagittal_app.pages.compare import ComparePage

LEFT = Qt.MouseButton.LeftButton


def leave_encoder(folder: Path, architecture: str = "resnet18") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "encoder.json").write_text(json.dumps({"architecture": architecture}), encoding="utf-8")
    return folder


@pytest.fixture
def run(engine, desk):
    """A finished run that left an encoder, beside one that left none."""
    engine.auto = False
    engine.measure_cards.append(FINE_TUNE)
    made = [engine.start(RunRequest(method="contrast", parameters={"steps": 20})) for _ in range(2)]
    engine.finish_all()
    leave_encoder(Path(desk.study().path) / "runs" / engine.run(made[1]).facts.folder / "encoder")
    return made[1]


@pytest.fixture
def page(desk, run, qtbot):
    made = ComparePage(desk)
    qtbot.addWidget(made)
    made.build()
    qtbot.addWidget(made.inspector())
    desk.bridge.event.connect(made.handle)
    made.show_study(desk.study())
    made.resize(1200, 800)
    made.show()
    qtbot.waitUntil(lambda: made.setup.starts.list.count() == 2)
    return made


def tick(page, name, on=True):
    """Ticks a start in the list."""
    items = page.setup.starts.list
    item = next(items.item(i) for i in range(items.count()) if items.item(i).data(Qt.ItemDataRole.UserRole) == name)
    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


def start(page, engine, qtbot, run):
    """Starts a small comparison and waits until it is shown."""
    tick(page, run)
    page.setup.budgets.setText("1, 2")
    page.setup.repeats.set_value(3)
    qtbot.mouseClick(page.findChild(QPushButton, "compare_start"), LEFT)
    qtbot.waitUntil(lambda: page._right.currentWidget() is page.board)
    return page.board.facts.id


def cells(page):
    table = page.board.table
    texts = [[table.item(i, j).text() for j in range(table.columnCount())] for i in range(table.rowCount())]
    assert not any("n = " in text for row in texts for text in row)  # no cell may end a line in it
    return [[text.replace("\u00a0", " ") for text in row] for row in texts]


def test_runs_with_an_encoder_and_random_weights_are_offered(page, run):
    texts = [page.setup.starts.list.item(i).text() for i in range(2)]
    assert texts[0].startswith("From scratch") and "resnet18" in texts[1] and run in texts[1]
    assert page.setup.starts.value() == (SCRATCH,)


def test_the_form_gives_the_request_and_says_what_it_comes_to(page, engine, run, qtbot):
    tick(page, run)
    qtbot.mouseClick(page.setup.findChild(QCheckBox, "compare_label_spleen"), LEFT)
    page.setup.budgets.setText("8, 1 ,2,1")
    page.setup.scans.set_value(["0000000000000003"])
    page.setup._form.rows["tuning_steps"].control.set_value(40)
    assert page.setup.says.text() == "2 starts × 3 budgets × 5 draws = 30 fine-tunings"
    assert "repeats" not in page.setup._form.rows
    qtbot.mouseClick(page.findChild(QPushButton, "compare_start"), LEFT)
    qtbot.waitUntil(lambda: any(name == "start_comparison" for name, _ in engine.calls))
    request = next(what for name, what in engine.calls if name == "start_comparison")
    assert request.starts == (SCRATCH, run) and request.budgets == (1, 2, 8) and request.repeats == 5
    assert request.labels == ("liver", "right kidney", "left kidney")
    assert request.test_scans == ("0000000000000003",) and request.parameters == {"tuning_steps": 40}
    assert request.title == "Contrast and scratch at 1, 2, 8"


def test_a_recipe_gives_the_form_its_values_and_is_in_the_request(page, qtbot):
    box = page.findChild(QComboBox, "compare_recipe")
    assert box.currentData() == "quick-cpu"  # a machine without a card proposes the quickest
    assert page.setup._form.values()["tuning_steps"] == 20 and page.setup.request().parameters == {}
    box.setCurrentIndex(box.findData("published"))
    assert page.setup.budgets.text() == "1, 2, 5" and page.setup.request().recipe == "published"
    page.setup._form.rows["tuning_steps"].control.set_value(7)
    assert page.setup.request().parameters == {"tuning_steps": 7}


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("one", "“one” is none"), ("-1", "“-1” is none"), ("", "is none"), ("1, 2.5", "“2.5” is none")],
)
def test_wrong_budgets_are_said_and_nothing_starts(page, typed, sentence):
    page.setup.budgets.setText(typed)
    assert sentence in page.setup.says.text()
    assert not page.setup.start.isEnabled()


def test_nothing_to_start_from_and_no_label_are_said(page, qtbot):
    tick(page, SCRATCH, on=False)
    assert page.setup.says.text() == words.WRONG_STARTS
    tick(page, SCRATCH)
    for name in page.setup.labels.names():
        qtbot.mouseClick(page.setup.labels.box(name), LEFT)
    assert page.setup.says.text() == words.WRONG_LABELS


def test_ticks_stay_when_the_study_or_its_runs_change(page, engine, desk, run, qtbot):
    tick(page, run)
    qtbot.mouseClick(page.setup.labels.box("liver"), LEFT)
    page.show_study(desk.study())
    page.shown()
    qtbot.wait(100)
    assert page.setup.starts.value() == (SCRATCH, run)
    assert page.setup.labels.ticked() == ("right kidney", "left kidney", "spleen")


def test_the_folder_of_an_encoder_is_added_and_another_folder_is_refused(page, tmp_path):
    folder = leave_encoder(tmp_path / "other study" / "runs" / "x_mio_77" / "encoder", "unet_32")
    assert page.setup.starts.add(folder)
    assert page.setup.starts.value() == (SCRATCH, str(folder))
    assert "x_mio_77" in page.setup.starts.list.item(2).text()
    assert not page.setup.starts.add(tmp_path)
    assert str(tmp_path) in page.setup.starts.says.text() and "holds no encoder" in page.setup.starts.says.text()


def test_table_and_figure_fill_while_it_goes_on_and_say_what_is_partial(page, engine, run, qtbot):
    start(page, engine, qtbot, run)
    assert page.board.chart.waiting.text() == words.NOTHING_YET
    assert not page.board.save_table.isEnabled()
    for _ in range(3):
        engine.tick()
    qtbot.waitUntil(lambda: page.board.facts.done == 3)
    assert cells(page) == [
        ["From scratch", "0.430 (0.38–0.48, n = 4)\n2 of 3 draws", "–"],
        [f"Episodes {run}", "0.510 (0.46–0.56, n = 4)\n1 of 3 draws", "–"],
    ]
    assert "3 of 12 fine-tunings" in page.board.head.words.whole()
    assert words.PARTIAL.replace(" ", "&nbsp;") in page.board.chart.legend.text()
    engine.finish_all()
    qtbot.waitUntil(lambda: page.board.facts.done == 12)
    assert cells(page)[1][1:] == ["0.510 (0.46–0.56, n = 4)", "0.540 (0.49–0.59, n = 4)"]
    assert words.PARTIAL.replace(" ", "&nbsp;") not in page.board.chart.legend.text()
    assert page.board.head.stop.isHidden() and page.board.head.resume.isHidden()
    assert "Published" in page.board.notes.text()


def test_another_figure_is_chosen_and_stays_while_results_come(page, engine, run, qtbot):
    start(page, engine, qtbot, run)
    engine.tick()
    qtbot.waitUntil(lambda: page.board.figure.count() == 6)
    titles = [page.board.figure.itemText(i) for i in range(6)]
    assert titles[:2] == ["Dice, mean of the labels", "HD95, mean of the labels"] and "Dice, spleen" in titles
    page.board.figure.setCurrentIndex(1)
    assert cells(page)[0][1].startswith("19.00 (16.0–22.0, n = 4)")
    assert "HD95 (mm) · lower is better" in page.board.chart.plot.getAxis("left").labelText
    engine.tick()
    qtbot.waitUntil(lambda: page.board.facts.done == 2)
    assert page.board.figure.currentData() == "hd95_mean"


def test_stop_keeps_what_is_there_and_resume_goes_on(page, engine, run, qtbot):
    comparison = start(page, engine, qtbot, run)
    engine.tick()
    qtbot.waitUntil(lambda: page.board.head.stop.isVisible())
    qtbot.mouseClick(page.board.head.stop, LEFT)
    engine.finish_all()
    qtbot.waitUntil(lambda: page.board.head.resume.isVisible())
    assert "stopped · 2 of 12" in page.board.head.words.whole() or "stopped · 1 of 12" in page.board.head.words.whole()
    qtbot.mouseClick(page.board.head.resume, LEFT)
    qtbot.waitUntil(lambda: ("resume_comparison", comparison) in engine.calls)
    engine.finish_all()
    qtbot.waitUntil(lambda: "finished · 12 of 12" in page.board.head.words.whole())


def test_earlier_ones_are_listed_chosen_and_set_up_again(page, engine, run, qtbot):
    start(page, engine, qtbot, run)
    engine.finish_all()
    qtbot.mouseClick(page.findChild(QPushButton, "compare_new"), LEFT)
    assert page._right.currentWidget() is page.setup
    engine.start_comparison(ComparisonRequest("Second", (SCRATCH,), budgets=(2,), repeats=1, labels=("spleen",)))
    engine.finish_all()
    listed = page.findChild(QListWidget, "compare_list")
    qtbot.waitUntil(lambda: listed.count() == 2)
    assert "Second\nfinished · 1 of 1" in listed.item(0).text()
    listed.setCurrentRow(0)
    qtbot.waitUntil(lambda: page.board.isVisible() and page.board.facts.request.title == "Second")
    qtbot.mouseClick(page.board.head.again, LEFT)
    assert page._right.currentWidget() is page.setup
    assert page.findChild(QLineEdit, "compare_title").text() == "Second"
    assert page.setup.request() == page._comparisons[0].request


def test_what_was_asked_is_in_the_inspector(page, engine, run, qtbot):
    start(page, engine, qtbot, run)
    texts = [one.text() for one in page.inspector().findChildren(QLabel)]
    assert "image_\u200b04" in texts and "1, 2" in texts


def test_table_cases_and_figure_are_written(page, engine, run, qtbot, tmp_path):
    start(page, engine, qtbot, run)
    engine.finish_all()
    qtbot.waitUntil(lambda: page.board.save_table.isEnabled())
    page.board.save("table", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("start,budget")
    page.board.save("figure", tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 1000
    page.board.save("figure", tmp_path / "figure.csv")
    rows = list(csv.reader((tmp_path / "figure.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["start", "labelled subjects", "mean", "low", "high"] and len(rows) == 5
    page.board.save("cases", tmp_path / "nowhere" / "cases.csv")
    assert "No such file" in page.board.saved.text()


def test_a_refusal_is_told_and_the_form_stays(page, engine, said, run, qtbot, monkeypatch):
    from sagittal.engine_port import SagittalError

    def refuse(request):
        raise SagittalError("The run has seen the subject S01, who is tested.")

    monkeypatch.setattr(engine, "start_comparison", refuse)
    qtbot.mouseClick(page.findChild(QPushButton, "compare_start"), LEFT)
    qtbot.waitUntil(lambda: bool(said.notices))
    assert said.notices[0][:2] == ("error", "The run has seen the subject S01, who is tested.")
    assert page.setup.start.isEnabled() and page._right.currentWidget() is page.setup


def test_the_rail_and_the_menu_lead_there(window, qtbot):
    qtbot.mouseClick(window.findChild(QToolButton, "rail_compare"), LEFT)
    assert window.page() == "compare"
    assert window.findChild(QLabel, "page_title").text() == "Compare"
    assert window.desk.actions.action("compare.new").isEnabled()


def test_an_end_says_that_results_are_kept():
    stopped = of_task(TaskFinished("c", "compare", Reason.CANCELLED), "MIO and scratch")
    assert stopped.text == "MIO and scratch was stopped. Its results so far are kept, and it can go on."
    assert of_task(TaskFinished("c", "compare", Reason.COMPLETED), "A").text == "A is finished."
    assert of_task(TaskFinished("c", "compare", Reason.FAILED, error="Why."), "A").level == "error"


# What is computed without a window


def test_budgets_are_read_from_text():
    assert budgets_in("8, 1,2, 2") == (1, 2, 8)
    assert budgets_in("0,4") == (0, 4) and budget_words(0) == "all"


@pytest.mark.parametrize(
    ("name", "title", "axis", "more"),
    [
        ("dice_mean", "Dice, mean of the labels", "Dice", True),
        ("volume_error_left kidney", "Volume error, left kidney", "Volume error", False),
        ("hd95_liver", "HD95, liver", "HD95 (mm)", False),
        ("precision", "Precision", "Precision", True),
    ],
)
def test_the_names_of_figures_are_taken_apart(name, title, axis, more):
    metric = read_metric(name)
    assert (metric.title, metric.axis, metric.more_is_better) == (title, axis, more)


@pytest.mark.parametrize(
    ("name", "one", "text"),
    [
        ("dice_mean", {"mean": 0.6531, "low": 0.612, "high": 0.688, "n": 5}, "0.653 (0.61–0.69, n = 5)"),
        ("dice_mean", {"mean": 0.0271, "low": 0.0252, "high": 0.0291, "n": 5}, "0.027 (0.025–0.029, n = 5)"),
        ("asd_mean", {"mean": 1.234, "low": 1.1, "high": 1.6, "n": 5}, "1.23 (1.1–1.6, n = 5)"),
        ("asd_mean", {"mean": 1.234}, "1.23"),
    ],
)
def test_figures_are_written_with_sensible_digits(name, one, text):
    assert written(one, read_metric(name)) == text


def test_curves_have_holes_where_nothing_is_known_and_runs_their_own_colours(engine, desk, run):
    engine.start_comparison(ComparisonRequest("A", (SCRATCH, run, "/somewhere/x/encoder"), budgets=(1, 2), repeats=1))
    for _ in range(4):
        engine.tick()
    (facts,) = engine.comparisons()
    known = starts_of(engine.runs(), {"contrast": "Contrast"}, desk.study().path)
    colours = colours_of(facts, known)
    assert colours[run] == known[1].colour and len(set(colours.values())) == 3
    curves = curves_of(facts, "dice_mean", colours)
    assert [curve.title for curve in curves] == ["From scratch", f"Episodes {run}", "Episodes /somewhere/x/encoder"]
    assert curves[0].mean.tolist() == pytest.approx([0.43, 0.46]) and curves[1].mean[1] != curves[1].mean[1]
    assert curves[0].whole == (True, True) and curves[1].whole == (True, False)
    assert metrics_of(facts)[0].name == "dice_mean"
