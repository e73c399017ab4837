"""The Runs page: the list, one run whole, several compared, resume and run again."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QTableWidget, QWidget

from sagittal.facts import EvaluateRequest
from sagittal.run_request import RunRequest
from sagittal_app.models.run_table import FIGURE, STARTED, STATE
from sagittal_app.pages.runs import RunsPage

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def make_page(desk, qtbot):
    def make():
        page = RunsPage(desk)
        qtbot.addWidget(page)
        page.build()
        qtbot.addWidget(page.inspector())
        page.show_study(desk.study())
        desk.bridge.event.connect(page.handle)
        page.resize(1200, 800)
        page.show()
        return page

    return make


@pytest.fixture
def two_runs(engine):
    """Two finished runs, the older one evaluated."""
    engine.auto = False
    first = engine.start(RunRequest(method="episodes", recipe="quick-cpu"))
    engine.finish_all()
    second = engine.start(RunRequest(method="episodes", recipe="quick-cpu", parameters={"centre": False}, seed=2))
    engine.finish_all()
    engine.start_evaluation(EvaluateRequest(first, protocol="published"))
    engine.finish_all()
    return first, second


def cell(page, row, column):
    return page.view.model().index(row, column).data()


def test_without_runs_the_page_sends_to_train(make_page, said, qtbot):
    page = make_page()
    assert page.findChild(QWidget, "runs_empty").isVisible()
    qtbot.mouseClick(page.findChild(QPushButton, "runs_to_train"), LEFT)
    assert said.visits == [("train", "")]


def test_runs_are_listed_newest_first_and_the_newest_is_shown(make_page, two_runs, qtbot):
    page = make_page()
    qtbot.waitUntil(lambda: page.view.model().rowCount() == 2 and page.board.isVisible())
    assert [record.facts.run for record in page._chosen()] == [two_runs[1]]
    assert cell(page, 1, FIGURE) == "Dice 0.625 (0.58–0.67, n = 4) published"
    assert cell(page, 0, STATE) == "completed"
    qtbot.waitUntil(lambda: "completed" in page.board.facts.words.whole())


def test_several_runs_are_compared(make_page, two_runs, qtbot):
    page = make_page()
    qtbot.waitUntil(lambda: page.view.model().rowCount() == 2)
    page.view.selectAll()
    qtbot.waitUntil(lambda: page.compare.isVisible())
    table = page.findChild(QTableWidget, "differences")
    rows = [table.verticalHeaderItem(i).text() for i in range(table.rowCount())]
    assert rows == ["Seed", "Centre"]
    assert [table.item(1, j).text() for j in range(2)] == ["off", "on"]
    figures = page.findChild(QTableWidget, "figures")
    assert figures.verticalHeaderItem(figures.rowCount() - 1).text() == "Dice mean, published"
    chart = page.findChild(QWidget, "compare_loss_query")
    assert len(chart._curves) == 2
    assert {curve.colour for curve in chart._curves} == {page._table.colour(run) for run in two_runs}


def test_run_again_opens_train_on_it(make_page, two_runs, said, qtbot):
    page = make_page()
    qtbot.waitUntil(lambda: page.findChild(QPushButton, "run_again").isEnabled())
    qtbot.mouseClick(page.findChild(QPushButton, "run_again"), LEFT)
    assert said.visits == [("train", two_runs[1])]


def test_a_run_that_ended_with_the_program_is_resumed(make_page, engine, qtbot):
    engine.auto = False
    run = engine.start(RunRequest(method="episodes"))
    engine.tick()
    engine.abandon(run)
    page = make_page()
    qtbot.waitUntil(lambda: page.view.model().rowCount() == 1)
    assert cell(page, 0, STATE) == "ended with the program"
    qtbot.waitUntil(lambda: page.findChild(QPushButton, "run_resume").isEnabled())
    qtbot.mouseClick(page.findChild(QPushButton, "run_resume"), LEFT)
    qtbot.waitUntil(lambda: ("resume", (run, None)) in engine.calls)
    engine.auto = True
    qtbot.waitUntil(lambda: cell(page, 0, STATE) == "completed", timeout=10000)


def test_a_running_run_is_shown_live_here_too(make_page, engine, qtbot):
    engine.speed = 1
    engine.start(RunRequest(method="episodes", recipe="quick-cpu"))
    page = make_page()
    qtbot.waitUntil(lambda: page._model is not None and page._model.over, timeout=10000)
    qtbot.waitUntil(lambda: "completed · step 20 of 20" in page.board.facts.words.whole())
    assert page._model.series["dice"].steps.tolist() == list(range(1, 21))


def test_another_page_sends_here_to_see_a_run(make_page, two_runs, qtbot):
    page = make_page()
    page.show_subject(two_runs[0])
    qtbot.waitUntil(lambda: [record.facts.run for record in page._chosen()] == [two_runs[0]])


def test_the_log_of_the_run_folder_is_shown(make_page, engine, desk, two_runs, qtbot, tmp_path):
    folder = tmp_path / "study" / "runs" / engine.run(two_runs[1]).facts.folder
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("Superpixels: 12 of 12\n", encoding="utf-8")
    page = make_page()
    qtbot.waitUntil(lambda: "Superpixels" in page.board.log.toPlainText())
    assert page.findChild(QLabel, "board_title").text() == "Episodes"


@pytest.mark.parametrize("width", [700, 1010, 1700])
def test_figures_have_the_room_they_need_at_any_width(make_page, two_runs, qtbot, width):
    page = make_page()
    qtbot.waitUntil(lambda: page.view.model().rowCount() == 2)
    page.resize(width, 700)
    qtbot.waitUntil(lambda: page.view.viewport().width() > width - 80)
    assert page.view.columnWidth(FIGURE) >= page.view.sizeHintForColumn(FIGURE)
    total = sum(page.view.columnWidth(place) for place in range(page.view.model().columnCount()))
    assert total >= page.view.viewport().width()
    last = page.view.columnViewportPosition(FIGURE) + page.view.columnWidth(FIGURE)
    assert last <= page.view.viewport().width()  # without scrolling


def test_several_runs_are_in_sight_above_the_board(make_page, two_runs, qtbot):
    page = make_page()
    qtbot.waitUntil(lambda: page.view.model().rowCount() == 2)
    page.resize(1000, 640)
    qtbot.waitUntil(lambda: page.view.viewport().height() >= 4 * page.view.verticalHeader().defaultSectionSize())


def test_times_are_those_of_this_place(make_page, two_runs, engine, qtbot, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        page = make_page()
        qtbot.waitUntil(lambda: page.view.model().rowCount() == 2)
        created = datetime.fromisoformat(engine.run(two_runs[1]).facts.created)
        local = created.astimezone(timezone(timedelta(hours=5, minutes=30))).strftime("%Y-%m-%d %H:%M")
        assert cell(page, 0, STARTED) == local
    finally:
        monkeypatch.undo()
        time.tzset()
