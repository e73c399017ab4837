"""The Train page: gallery, recipes, check, start, live board, pause and stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QWidget,
)

from sagittal.run_request import RunRequest
from sagittal_app.charts.plot import LinesPanel
from sagittal_app.pages.train import TrainPage

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(desk, qtbot):
    made = TrainPage(desk)
    qtbot.addWidget(made)
    made.build()
    qtbot.addWidget(made.inspector())
    made.show_study(desk.study())
    desk.study_model.changed.connect(made.show_study)
    desk.bridge.event.connect(made.handle)
    made.resize(1200, 800)
    made.show()
    qtbot.waitUntil(lambda: made.setup.method() == "episodes")
    return made


def start_button(page):
    return page.findChild(QPushButton, "train_start")


def check_text(page):
    shown = page.findChild(QLabel, "check_0")
    return shown.text() if shown else ""


def test_methods_are_cards_and_broken_ones_a_red_row(desk, engine, qtbot):
    engine.problems = {"broken": "Traceback\nImportError: no such thing"}
    page = TrainPage(desk)
    qtbot.addWidget(page)
    page.build()
    qtbot.addWidget(page.inspector())
    page.show_study(desk.study())
    page.show()
    qtbot.waitUntil(lambda: page.findChild(QFrame, "method_contrast") is not None)
    assert page.findChild(QWidget, "broken_broken") is not None


def test_a_click_on_a_card_shows_its_form_and_keeps_the_others(page, qtbot):
    page.findChild(QLineEdit, "param_image_size").setText("96")
    qtbot.mouseClick(page.findChild(QFrame, "method_contrast"), LEFT)
    assert page.setup.method() == "contrast"
    assert page.findChild(QLineEdit, "param_temperature").isVisible()
    qtbot.mouseClick(page.findChild(QFrame, "method_episodes"), LEFT)
    assert page.findChild(QLineEdit, "param_image_size").text() == "96"


def test_a_recipe_fills_the_form_and_reset_goes_back_to_it(page, qtbot):
    recipe = page.findChild(QComboBox, "recipe")
    recipe.setCurrentIndex(recipe.findData("paper"))
    steps = page.findChild(QLineEdit, "param_steps")
    assert steps.text() == "100000"
    steps.setText("7")
    assert page.setup.request() == RunRequest(method="episodes", recipe="paper", parameters={"steps": 7})
    qtbot.mouseClick(page.findChild(QPushButton, "form_reset"), LEFT)
    assert page.setup.request().parameters == {}


def test_the_check_follows_the_choice_of_scans_in_words(page, qtbot):
    qtbot.waitUntil(lambda: start_button(page).isEnabled())
    assert check_text(page) == "4 scans chosen; the method needs 2."
    qtbot.mouseClick(page.findChild(QPushButton, "choose_scans"), LEFT)
    ticks = page.findChild(QListWidget, "scan_ticks")
    for row in range(1, 4):
        ticks.item(row).setCheckState(Qt.CheckState.Unchecked)
    qtbot.mouseClick(page.findChild(QPushButton, "scan_choose"), LEFT)
    assert page.findChild(QLabel, "scan_words").text() == "1 of 4"
    assert not start_button(page).isEnabled()
    qtbot.waitUntil(lambda: "1 scans chosen" in check_text(page))
    assert not start_button(page).isEnabled()


def test_a_wrong_value_keeps_start_grey_and_says_why(page, qtbot):
    page.findChild(QLineEdit, "param_steps").setText("many")
    qtbot.waitUntil(lambda: "is not a whole number" in check_text(page))
    assert not start_button(page).isEnabled()


def test_start_sends_what_the_form_says_and_the_board_takes_the_page(page, engine, qtbot):
    page.findChild(QLineEdit, "param_seed").setText("5")
    page.findChild(QLineEdit, "param_learning_rate").setText("0.02")
    qtbot.waitUntil(lambda: start_button(page).isEnabled())
    qtbot.mouseClick(start_button(page), LEFT)
    qtbot.waitUntil(lambda: page.board is not None and page.board.isVisible())
    asked = RunRequest(method="episodes", recipe="quick-cpu", parameters={"learning_rate": 0.02}, seed=5)
    assert ("start", asked) in engine.calls
    qtbot.waitUntil(lambda: page.board.model.over, timeout=10000)
    qtbot.waitUntil(lambda: "completed · step 20 of 20" in page.board.facts.words.whole())
    qtbot.waitUntil(lambda: len(page.board.loss._curves) == 2)
    qtbot.waitUntil(lambda: page.board.findChild(QLabel, "panel_2_caption").whole() == "Step 20")


def test_a_run_that_left_an_encoder_is_offered_to_start_from(page, desk, engine, qtbot):
    engine.auto = False
    run = engine.start(RunRequest(method="contrast", parameters={"steps": 20}))
    engine.finish_all()
    folder = Path(desk.study().path) / "runs" / engine.run(run).facts.folder / "encoder"
    folder.mkdir(parents=True)
    (folder / "encoder.json").write_text('{"architecture": "small"}', encoding="utf-8")
    page.shown()
    qtbot.mouseClick(page.findChild(QFrame, "method_contrast"), LEFT)
    box = page.findChild(QComboBox, "param_start_from")
    qtbot.waitUntil(lambda: box.findData(run) > 0)
    box.setCurrentIndex(box.findData(run))
    assert box.currentText().endswith("small") and page.setup.request().parameters == {"start_from": run}


def test_the_board_pauses_continues_and_stops(page, engine, qtbot):
    engine.speed = 0
    qtbot.waitUntil(lambda: start_button(page).isEnabled())
    qtbot.mouseClick(start_button(page), LEFT)
    qtbot.waitUntil(lambda: page.board is not None and page.board.facts.pause.isVisible())
    run = page.board.model.run
    qtbot.mouseClick(page.findChild(QPushButton, "board_pause"), LEFT)
    assert ("request_pause", run) in engine.calls
    qtbot.waitUntil(lambda: page.findChild(QPushButton, "board_pause").text() == "Continue")
    qtbot.mouseClick(page.findChild(QPushButton, "board_pause"), LEFT)
    assert ("request_continue", run) in engine.calls
    qtbot.mouseClick(page.findChild(QPushButton, "board_stop"), LEFT)
    qtbot.waitUntil(lambda: page.board.model.over)
    qtbot.waitUntil(lambda: page.findChild(QPushButton, "board_resume").isVisible())
    engine.speed = 5
    qtbot.mouseClick(page.findChild(QPushButton, "board_resume"), LEFT)
    qtbot.waitUntil(lambda: page.board.model.over and page.board.model.step == 20, timeout=10000)


def test_the_board_turns_measuring_off_and_on_where_a_run_is_measured(page, engine, qtbot):
    engine.speed = 0
    run = engine.start(RunRequest(method="episodes", probes=("spectrum",)))
    qtbot.waitUntil(lambda: run in page._models)
    page._show_board(run)
    measuring = page.findChild(QPushButton, "board_measuring")
    qtbot.waitUntil(measuring.isVisible)
    assert measuring.text() == "Stop measuring"
    qtbot.mouseClick(measuring, LEFT)
    assert ("request_measuring", (run, False)) in engine.calls
    assert measuring.text() == "Measure again"
    qtbot.mouseClick(measuring, LEFT)
    assert ("request_measuring", (run, True)) in engine.calls
    qtbot.mouseClick(page.findChild(QPushButton, "board_stop"), LEFT)
    qtbot.waitUntil(lambda: page.board.model.over)
    qtbot.waitUntil(lambda: not measuring.isVisible())


def test_a_run_that_fails_says_why_on_the_board(page, engine, qtbot):
    engine.auto = False
    qtbot.waitUntil(lambda: start_button(page).isEnabled())
    qtbot.mouseClick(start_button(page), LEFT)
    qtbot.waitUntil(lambda: page.board is not None)
    engine.tick()
    engine.fail(page.board.model.run, "The loss is not a number.")
    qtbot.waitUntil(lambda: page.findChild(QLabel, "board_error").text() == "The loss is not a number.")


def test_a_second_run_can_be_set_up_while_one_goes_on(page, engine, qtbot):
    engine.speed = 0
    qtbot.waitUntil(lambda: start_button(page).isEnabled())
    qtbot.mouseClick(start_button(page), LEFT)
    qtbot.waitUntil(lambda: page.board is not None and page.board.isVisible())
    qtbot.mouseClick(page.findChild(QPushButton, "train_new"), LEFT)
    assert page.setup.isVisible()
    qtbot.mouseClick(page.findChild(QPushButton, "show_running"), LEFT)
    assert page.board.isVisible()
    for run in engine.working():
        engine.request_stop(run)


def test_a_past_run_fills_the_form_to_be_run_again(page, engine, qtbot):
    asked = RunRequest(
        method="episodes",
        recipe="paper",
        parameters={"image_size": 64},
        seed=9,
        scans=("0000000000000002",) * 1,
        stop_at=3,
    )
    engine.auto = False
    engine.speed = 5
    with pytest.raises(Exception, match="needs 2"):
        engine.start(asked)
    asked = asked.model_copy(update={"scans": ("0000000000000002", "0000000000000003")})
    run = engine.start(asked)
    engine.finish_all()
    page.show_subject(run)
    qtbot.waitUntil(lambda: page.setup.request() == asked)
    assert page.setup.isVisible()


def test_without_scans_the_page_sends_to_study(page, desk, engine, said, qtbot, tmp_path):
    desk.study_model.set(engine.new_study(tmp_path / "empty"))
    assert page.findChild(QWidget, "train_empty").isVisible()
    qtbot.mouseClick(page.findChild(QPushButton, "train_to_study"), LEFT)
    assert said.visits == [("study", "")]


def test_a_probe_that_was_ticked_has_its_panel_on_the_board(page, engine, qtbot):
    page.findChild(QCheckBox, "probe_curvature").setChecked(True)
    qtbot.waitUntil(lambda: start_button(page).isEnabled())
    qtbot.mouseClick(start_button(page), LEFT)
    qtbot.waitUntil(lambda: page.board is not None and page.board.model.record is not None)
    assert page.board.model.record.facts.request.probes == ("curvature",)
    assert "Largest eigenvalue" in {panel.title for panel in page.board.findChildren(LinesPanel)}


def test_the_card_of_the_chosen_method_is_in_sight(page, qtbot):
    """Also where it was chosen elsewhere, as by running a past run again."""
    page.resize(1200, 420)
    card = page.findChild(QFrame, "method_contrast")
    area = page.findChild(QScrollArea, "gallery_scroll")
    page.setup.choose("contrast")
    qtbot.waitUntil(lambda: area.viewport().rect().contains(card.mapTo(area.viewport(), card.rect().bottomLeft())))


def test_the_inspector_names_the_recipes_and_leaves_their_sources_to_the_form(page, qtbot):
    said = " ".join(one.text() for one in page.inspector().findChildren(QLabel))
    assert "Recipes" in said and "Recipe “" not in said
