"""The Adapt page: set up with mouse and keys, watched scan by scan, masks compared and kept, set up again."""

from __future__ import annotations

import csv

import pytest
from fake_adapting import REASON, AdaptingEngine
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QListWidget, QPushButton, QToolButton

from sagittal.engine_port import SagittalError
from sagittal.events import Reason, TaskFinished
from sagittal_app import adapt_words as words
from sagittal_app.canvas.geometry import Plane
from sagittal_app.endings import of_task
from sagittal_app.models.adaptations import CAME_COLOUR, GONE_COLOUR
from sagittal_app.pages.adapt import AdaptPage
from sagittal_app.pages.runs import RunsPage

LEFT = Qt.MouseButton.LeftButton
pytestmark = pytest.mark.window


@pytest.fixture
def engine(tmp_path):
    """Six scans, of which a network was trained on the first two."""
    return AdaptingEngine(tmp_path, auto=False)


@pytest.fixture
def page(desk, engine, qtbot):
    engine.train_net()
    made = AdaptPage(desk)
    qtbot.addWidget(made)
    made.build()
    desk.bridge.event.connect(made.handle)
    desk.study_model.changed.connect(made.show_study)
    made.show_study(desk.study())
    made.resize(1300, 820)
    made.show()
    qtbot.waitUntil(lambda: made.setup.start.isEnabled())
    yield made
    made.shut_down()


def click(page, name, qtbot):
    qtbot.mouseClick(page.findChild(QPushButton, name), LEFT)


def adapt(page, engine, qtbot, scans=4):
    """Starts an adaptation and lets it go on for so many scans."""
    click(page, "adapt_start", qtbot)
    qtbot.waitUntil(lambda: bool(engine.working()))
    for _ in range(scans):
        engine.tick()
    qtbot.waitUntil(lambda: page.scans.rowCount() == scans, timeout=20_000)
    qtbot.waitUntil(lambda: page.board.case.pair.states[1].document is not None)


def cells(page, place):
    return [page.scans.item(place, column).text() for column in range(4)]


def checks(page):
    return [one.text() for one in page.setup.findChildren(QLabel) if one.objectName().startswith("adapt_check_")]


def test_the_form_gives_the_request(page, engine, qtbot):
    assert page.setup.scans._words.text() == words.SCANS_UNSEEN
    page.setup.domain.setCurrentIndex(page.setup.domain.findData("scanner"))
    page.setup.recipe.setCurrentIndex(page.setup.recipe.findData("bold"))
    page.setup._form.rows["norms"].control.set_value("every")
    page.findChild(QLineEdit, "adapt_name").setText("mine")
    qtbot.waitUntil(lambda: page.setup.start.isEnabled())
    click(page, "adapt_start", qtbot)
    qtbot.waitUntil(lambda: engine.calls[-1][0] == "start_adaptation")
    request = engine.calls[-1][1]
    assert (request.method, request.recipe, request.domain, request.name) == ("mover", "bold", "scanner", "mine")
    assert request.parameters == {"norms": "every"} and request.scans == () and request.label_set == "truth"


def test_what_does_not_fit_is_said_before_and_can_be_mended(page, engine, qtbot):
    run = engine.train_net(norm="instance")
    page.shown()
    qtbot.waitUntil(lambda: page.setup.runs.findData(run) >= 0)
    page.setup.choose_run(run)
    qtbot.waitUntil(lambda: any("no batch normalisation" in text for text in checks(page)))
    assert not page.setup.start.isEnabled()
    mend = page.findChild(QPushButton, "adapt_mend")
    assert mend.text() == "Set norms to every"
    qtbot.mouseClick(mend, LEFT)
    qtbot.waitUntil(lambda: page.setup.start.isEnabled())
    assert page.setup.request().parameters == {"norms": "every"}


def test_the_tab_key_goes_through_the_parameters_before_the_button(page, qtbot):
    page.setup.seed.setFocus()
    names = []
    while not names or (names[-1] != "adapt_start" and len(names) < 40):
        qtbot.keyClick(page.window().focusWidget(), Qt.Key.Key_Tab)
        names.append(page.window().focusWidget().objectName())
    assert any(name.startswith("param_") for name in names) and names[-1] == "adapt_start"


def test_wrong_numbers_and_lacking_meta_labels_are_said(page, engine, qtbot):
    page.setup.seed.set_value(-1)
    qtbot.waitUntil(lambda: any(text.startswith("Seed: ") for text in checks(page)))
    page.setup.seed.set_value(0)
    engine.set_meta("0000000000000004", {"scanner": ""})
    page.setup.domain.setCurrentIndex(page.setup.domain.findData("scanner"))
    qtbot.waitUntil(lambda: any("have no meta label 'scanner'" in text for text in checks(page)))
    assert not page.setup.start.isEnabled()


def test_all_scans_can_be_chosen_where_some_are_usual(page):
    everything = tuple(scan.scan for scan in page.desk.study().scans)
    page.setup.scans.set_value(everything)
    assert page.setup.request().scans == everything
    page.setup.scans.set_value(())
    assert page.setup.request().scans == ()


def test_a_refusal_is_told_and_the_form_stays(page, engine, said, qtbot):
    page.findChild(QLineEdit, "adapt_name").setText("truth")
    qtbot.waitUntil(lambda: page.setup.start.isEnabled())
    click(page, "adapt_start", qtbot)
    qtbot.waitUntil(lambda: bool(said.notices))
    assert "Choose another name" in said.notices[0][1] and page.setup.start.isEnabled()


def test_the_stream_is_shown_scan_by_scan_with_what_adapting_did(page, engine, qtbot):
    engine.refusing = {"0000000000000006"}
    adapt(page, engine, qtbot, scans=1)
    assert page._right.currentWidget() is page.board
    assert "running · 1 of 4 scans" in page.board.head.words.whole() and page.board.head.stop.isVisible()
    engine.finish_all()
    qtbot.waitUntil(lambda: page.scans.rowCount() == 4 and not page.board.head.stop.isVisible())
    assert cells(page, 0) == ["image_03", "0.710 → 0.760", "0.300 → 0.250", "6.0 %"]
    assert cells(page, 3) == ["image_06", "", "", words.LEFT_OUT]
    said = page.board.head.sum.whole()
    assert "1 helped, 1 unmoved, 1 harmed" in said and "gain +0.050 (+0.010 to +0.080)" in said
    assert page.board.head.title.whole().startswith("Mover on Net run1")
    assert page.board.case.verdict.text() == "Adapting helps: Dice 0.710 → 0.760 (+0.050)."
    page.scans.selectRow(1)
    assert page.board.case.verdict.text().startswith("Adapting does nothing")
    page.scans.selectRow(2)
    assert page.board.case.verdict.text().startswith("Adapting harms")
    assert "42%" in page.board.case.warning.text() and page.board.case.warning.isVisible()
    assert "less sure" in page.board.case.figures.text() and "cosine 0.10" in page.board.case.figures.text()
    page.scans.selectRow(3)
    assert page.board.case.verdict.text() == REASON


def test_charts_mark_the_scan_and_a_click_goes_to_it(page, engine, qtbot):
    adapt(page, engine, qtbot)
    assert [panel.title for panel, _ in page.board._panels] == [
        "Cosine of the gradients",
        "Step size",
        "Uncertainty",
        "Dice",
    ]
    chart = page.board._panels[0][1]
    assert chart._mark.isVisible() and chart._mark.value() == 1
    assert {curve.name for curve in chart._curves} == {"cosine", "empirical_cosine"}
    chart.chosen.emit(3)
    assert page.scans.case().place == 3 and chart._mark.value() == 3


def test_both_masks_are_shown_with_what_changed_and_looked_at_together(page, engine, qtbot):
    adapt(page, engine, qtbot)
    case = page.board.case
    before, after = case.pair.states
    assert [case.show_as.itemData(i) for i in range(case.show_as.count())] == ["changes", "masks", "truth"]
    gone, came = before.document.labels[-1], after.document.labels[-1]
    assert (gone.colour, came.colour) == (GONE_COLOUR, CAME_COLOUR)
    assert (before.document.data == gone.number).any() and (after.document.data == came.number).any()
    assert words.GONE in case.legend.text() and words.CAME in case.legend.text()
    case.show_as.setCurrentIndex(2)
    assert [row.name for row in before.document.labels] == [words.RIGHT, words.MISSED, words.FALSE]
    wrong = [(state.document.data > 1).sum() for state in (before, after)]
    assert wrong[1] < wrong[0], "the adapted mask lies nearer to the truth"
    before.move_to((5, 6, 7))
    after.set_window((10.0, 20.0))
    case.pair.act("labels")
    assert after.position == (5, 6, 7) and before.window == (10.0, 20.0) and not after.look.labels
    case.pair.views[0].canvas.look_at(3.0, 4.0, 9.0)
    assert case.pair.views[1].canvas.zoom == pytest.approx(9.0)
    case.plane.setCurrentIndex(case.plane.findData(Plane.CORONAL))
    assert [view.plane for view in case.pair.views] == [Plane.CORONAL, Plane.CORONAL]
    case.pair.views[0].maximise.emit()
    assert case.pair.views[1].isHidden() or not case.pair.views[1].isVisible()
    case.pair.views[0].maximise.emit()
    assert case.pair.views[1].isVisible()


def test_one_click_keeps_the_unadapted_mask_and_another_the_adapted_one(page, engine, qtbot):
    adapt(page, engine, qtbot)
    keep = page.findChild(QPushButton, "adapt_keep")
    qtbot.waitUntil(keep.isVisible)
    assert keep.text() == words.KEEP_BEFORE and "mover-adapted1" in keep.toolTip()
    qtbot.mouseClick(keep, LEFT)
    qtbot.waitUntil(lambda: keep.text() == words.KEEP_AFTER and keep.isEnabled())
    assert engine.calls[-1] == ("keep_mask", ("adapted1", "0000000000000003", False))
    assert page.scans.item(0, 3).toolTip() == words.BEFORE_KEPT
    assert page.board.case.pair.titles[0].text() == f"{words.BEFORE} · {words.KEPT_HERE}"
    qtbot.mouseClick(keep, LEFT)
    qtbot.waitUntil(lambda: keep.text() == words.KEEP_BEFORE and keep.isEnabled())
    assert page.scans.item(0, 3).toolTip() == ""


def test_a_reviewed_mask_does_not_give_way(page, engine, said, qtbot):
    adapt(page, engine, qtbot)
    engine.set_review("0000000000000003", "mover-adapted1", "accepted")
    keep = page.findChild(QPushButton, "adapt_keep")
    qtbot.waitUntil(keep.isVisible)
    qtbot.mouseClick(keep, LEFT)
    qtbot.waitUntil(lambda: bool(said.notices))
    assert "was reviewed" in said.notices[0][1] and keep.isEnabled()


def test_stop_keeps_what_is_there(page, engine, qtbot):
    adapt(page, engine, qtbot, scans=2)
    click(page, "adapt_stop", qtbot)
    engine.finish_all()
    qtbot.waitUntil(lambda: "cancelled · 2 of 4 scans" in page.board.head.words.whole())
    assert page.scans.rowCount() == 2 and page.board.head.again.isVisible()


def test_earlier_ones_are_listed_and_set_up_again(page, engine, said, qtbot):
    page.setup._form.rows["learning_rate"].control.set_value(0.5)
    qtbot.waitUntil(lambda: page.setup.start.isEnabled())
    adapt(page, engine, qtbot)
    engine.finish_all()
    click(page, "adapt_show_run", qtbot)
    assert said.visits[-1] == ("runs", "adapted1")
    qtbot.waitUntil(lambda: page.findChild(QPushButton, "adapt_again").isVisible())
    click(page, "adapt_again", qtbot)
    assert page._right.currentWidget() is page.setup and not page._stream.isVisible()
    assert page.setup.request().parameters == {"learning_rate": 0.5}
    listed = page.findChild(QListWidget, "adapt_list")
    assert "Mover on Net run1\ncompleted · 4 of 4 scans" in listed.item(0).text()
    page.show_subject("adapted1")
    qtbot.waitUntil(lambda: page.scans.rowCount() == 4 and page._right.currentWidget() is page.board)


def test_masks_of_another_adaptation_under_the_same_name_are_not_shown(page, engine, qtbot):
    page.findChild(QLineEdit, "adapt_name").setText("same")
    qtbot.waitUntil(lambda: page.setup.start.isEnabled())
    adapt(page, engine, qtbot)
    engine.finish_all()
    page.list.clear_choice()
    page.findChild(QLineEdit, "adapt_name").setText("same")
    qtbot.waitUntil(lambda: page.setup.start.isEnabled())
    click(page, "adapt_start", qtbot)
    qtbot.waitUntil(lambda: bool(engine.working()))
    engine.finish_all()
    qtbot.waitUntil(lambda: page.list.items.count() == 2)
    page.list.choose("adapted1")
    qtbot.waitUntil(lambda: page.board.case.warning.text() == words.REPLACED)
    assert page.findChild(QPushButton, "adapt_keep").isHidden()


def test_the_table_is_written(page, engine, said, qtbot, tmp_path):
    adapt(page, engine, qtbot)
    page.save(tmp_path / "table.csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["scan"] for row in rows] == ["image_03", "image_04", "image_05", "image_06"]
    assert rows[0]["before"] == "0.71" and rows[0]["kept"] == "adapted" and rows[2]["warning"]
    page.save(tmp_path / "nowhere" / "table.csv")
    assert "No such file" in said.notices[-1][1]


def test_the_runs_of_a_study_that_is_being_left_are_not_asked_for(page, engine, said, qtbot, monkeypatch):
    adapt(page, engine, qtbot, scans=1)

    def gone(run):
        raise SagittalError(f"There is no run '{run}' in this study. Train one first.")

    monkeypatch.setattr(engine, "runs", list)
    monkeypatch.setattr(engine, "run", gone)
    page.shown()
    qtbot.waitUntil(lambda: page.stack.currentIndex() == 0)
    assert not [notice for notice in said.notices if notice[0] == "error"]


def test_without_a_network_to_adapt_the_page_says_so(desk, engine, qtbot, said):
    made = AdaptPage(desk)
    qtbot.addWidget(made)
    made.build()
    made.show_study(desk.study())
    made.show()
    qtbot.waitUntil(lambda: made.stack.currentIndex() == 0)
    click(made, "adapt_to_train", qtbot)
    assert said.visits == [("train", "")]
    made.shut_down()


def test_the_rail_leads_there(make_window, qtbot):
    window = make_window()
    qtbot.mouseClick(window.findChild(QToolButton, "rail_adapt"), LEFT)
    qtbot.waitUntil(lambda: "adapt" in window._built, timeout=20_000)
    assert window.page() == "adapt"
    assert window.findChild(QLabel, "page_title").text() == "Adapt"
    assert window.findChild(QComboBox, "adapt_method") is not None


def test_an_end_says_that_the_run_is_kept():
    stopped = of_task(TaskFinished("a", "adapt", Reason.CANCELLED), "Adapting run 1a")
    assert stopped.text == "Adapting run 1a was stopped. What it adapted so far is kept as a run."
    assert (
        of_task(TaskFinished("a", "adapt", Reason.COMPLETED), "Adapting run 1a").text == "Adapting run 1a is finished."
    )


def test_among_the_runs_an_adapted_one_shows_the_curves_of_adapting(desk, page, engine, qtbot):
    adapt(page, engine, qtbot, scans=2)
    engine.finish_all()
    runs = RunsPage(desk)
    qtbot.addWidget(runs)
    runs.build()
    qtbot.addWidget(runs.inspector())
    runs.show_study(desk.study())
    runs.resize(1200, 800)
    runs.show()
    qtbot.waitUntil(lambda: runs.board.isVisible() and runs.board.model is not None)
    titles = [one.text() for one in runs.board.findChildren(QLabel) if one.isVisibleTo(runs.board)]
    assert "Cosine of the gradients" in titles and "Loss" not in titles
