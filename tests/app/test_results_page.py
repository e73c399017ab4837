"""The Results page on the fake engine: segment, look, judge, correct, export, evaluate."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parent / "canvas"))

from canvas_harness import drag, point_of

from sagittal.facts import Label
from sagittal.run_request import RunRequest
from sagittal_app.canvas.geometry import Plane
from sagittal_app.models.case_model import SLICE_ROLE, CaseRow, dice_lines
from sagittal_app.pages.results import ResultsPage
from sagittal_app.pages.results_figures import dice_per_label, evaluation_rows
from sagittal_app.widgets.export_dialog import ExportDialog

LEFT = Qt.MouseButton.LeftButton
PICTURE = Qt.ItemDataRole.DecorationRole


def test_dice_matches_labels_by_name_and_leaves_out_what_is_in_neither() -> None:
    found, truth = np.zeros((4, 4, 4), np.uint16), np.zeros((4, 4, 4), np.uint16)
    found[0], truth[0, :2] = 2, 1
    ours = (Label(2, "liver", "#000000"), Label(3, "spleen", "#000000"))
    theirs = (Label(1, "liver", "#000000"), Label(3, "spleen", "#000000"))
    assert dice_per_label(found, ours, truth, theirs) == {"liver": pytest.approx(2 * 8 / (16 + 8))}


def test_figures_are_written_with_their_interval_the_mean_last() -> None:
    summary = {
        "dice_mean": {"mean": 0.6533, "low": 0.611, "high": 0.689, "n": 5},
        "dice_liver": {"mean": 0.7, "low": 0.6, "high": 0.8, "n": 5},
    }
    assert evaluation_rows({"summary": summary}) == [
        ("liver", "0.700 (0.60–0.80, n = 5)"),
        ("mean of labels", "0.653 (0.61–0.69, n = 5)"),
    ]


@pytest.fixture
def page(qtbot, desk, engine) -> Iterator[ResultsPage]:
    engine.start(RunRequest(method="episodes", parameters={"steps": 2}))
    made = ResultsPage(desk)
    qtbot.addWidget(made)
    for command in made.commands():
        made.addAction(desk.actions.add(command))
    made.build()
    made.inspector().resize(320, 900)
    qtbot.addWidget(made.inspector())
    made.inspector().show()
    made.resize(1200, 800)
    desk.bridge.event.connect(made.handle)
    desk.study_model.changed.connect(made.show_study)
    made.show_study(desk.study())
    made.show()
    qtbot.waitUntil(lambda: made.setup.runs.count() == 1, timeout=30_000)
    yield made
    made.shut_down()


def press(root: QWidget, name: str) -> None:
    QTest.mouseClick(root.findChild(QPushButton, name), LEFT)


def cases(page: ResultsPage) -> list[CaseRow]:
    """The cases listed, from top to bottom."""
    return [one for one in page.listed.model.entries if isinstance(one, CaseRow)]


def case(page: ResultsPage, scan: str) -> CaseRow:
    """One of them."""
    return next(one for one in cases(page) if one.scan == scan)


def of_case(page: ResultsPage, scan: str, role: int) -> Any:
    """What the list tells of a case under a role."""
    model = page.listed.model
    return model.index(model.place_of(scan)).data(role)


@pytest.fixture
def segmented(page: ResultsPage, qtbot) -> ResultsPage:
    press(page.inspector(), "results_segment")
    assert page.setup.stop.isVisible()
    qtbot.waitUntil(lambda: len(cases(page)) == 3, timeout=10_000)
    qtbot.waitUntil(lambda: page.bench.state.document is not None, timeout=30_000)
    return page


@pytest.mark.window
def test_segmenting_lists_cases_with_dice_and_confidence(segmented: ResultsPage, engine, qtbot) -> None:
    page = segmented
    made = case(page, "0000000000000002")
    qtbot.waitUntil(lambda: "Dice 0." in dice_lines(page.listed.model.known_dice(made) or {})[0])
    assert made.confidence[0] is None and made.confidence[6] == pytest.approx(1.0)
    qtbot.waitUntil(lambda: of_case(page, made.scan, PICTURE) is not None)
    assert not of_case(page, made.scan, PICTURE).isNull()
    assert not page.setup.stop.isVisible()


@pytest.mark.window
def test_a_click_on_the_confidence_bar_shows_that_slice(segmented: ResultsPage, qtbot) -> None:
    page = segmented
    listed, scan = page.listed.cases, "0000000000000003"
    at = listed.places(scan)
    QTest.mouseClick(listed.viewport(), LEFT, pos=at.slice_place(8, 12).center().toPoint())
    qtbot.waitUntil(lambda: page.bench.session.scan == scan)
    assert page.bench.state.position[2] == 8
    assert listed.marked() == scan and of_case(page, scan, SLICE_ROLE) == 8
    page.bench.state.move_to((3, 3, 5))
    assert of_case(page, scan, SLICE_ROLE) == 5 and of_case(page, "0000000000000004", SLICE_ROLE) is None


@pytest.mark.window
def test_a_case_asked_for_while_the_cases_are_put_in_order_is_shown_then(segmented: ResultsPage, desk, qtbot) -> None:
    page = segmented
    qtbot.waitUntil(lambda: not page.listed.listing)
    page.listed.forget()
    assert cases(page) == [] and page.listed.label_set() == "" and page.listed.tally.text() == ""
    page.listed.show_scans(desk.study().scans)
    assert page.listed.listing
    page.show_subject("0000000000000002")
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000002", timeout=30_000)
    qtbot.waitUntil(lambda: page.listed.cases.marked() == "0000000000000002")


@pytest.mark.window
def test_judging_is_kept_goes_on_and_can_be_undone(segmented: ResultsPage, engine, said, qtbot) -> None:
    page = segmented
    first = page.bench.session.scan
    press(page, "verdict_accepted")
    qtbot.waitUntil(lambda: ("set_review", (first, "prediction", "accepted")) in engine.calls)
    qtbot.waitUntil(lambda: page.bench.session.scan != first)
    assert any("accepted" in text for _level, text, _detail in said.notices)
    page.undo_review()
    qtbot.waitUntil(lambda: ("set_review", (first, "prediction", "unreviewed")) in engine.calls)


@pytest.mark.window
def test_the_neediest_case_comes_first_and_says_why(segmented: ResultsPage, qtbot) -> None:
    page = segmented
    assert list(page.queue.scans) == ["0000000000000004", "0000000000000003", "0000000000000002"]
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000004")
    row, listed = case(page, "0000000000000004"), page.listed.cases
    rect = listed.visualRect(page.listed.model.index(page.listed.model.place_of(row.scan)))
    for place in (listed.places(row.scan).need, listed.places(row.scan).picture):
        said, _where = listed.delegate.said_at(row, rect, None, place.center())
        assert "Unsure: liver 0.75 bits" in said and "Entropy of the scores in bits" in said
    assert not row.doubts, "three cases are too few to call one out"
    page.step(1)
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000003")
    assert page.listed.tally.text() == "0 of 3 reviewed"


@pytest.mark.window
def test_a_verdict_keeps_the_time_and_goes_to_the_neediest_left(segmented: ResultsPage, engine, qtbot) -> None:
    page = segmented
    qtbot.waitUntil(lambda: page.clock.case == ("0000000000000004", "prediction"))
    page.clock._touched -= 30
    press(page, "verdict_rejected")
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000003")
    qtbot.waitUntil(lambda: any(name == "add_review_time" for name, _ in engine.calls))
    scan, _set, seconds = next(what for name, what in engine.calls if name == "add_review_time")
    assert scan == "0000000000000004" and 29 < seconds < 60
    qtbot.waitUntil(lambda: case(page, scan).review == ("rejected", "danger") and case(page, scan).time != "")
    assert page.queue.scans[-1] == scan == cases(page)[-1].scan and not case(page, scan).doubts
    assert engine.labels("0000000000000004", "prediction").data.any(), "a rejected prediction is kept"
    page.undo_review()
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000004")
    qtbot.waitUntil(lambda: case(page, scan).review == ("not reviewed", "quiet"))


@pytest.mark.window
def test_a_verdict_waits_until_the_case_is_on_the_screen(segmented: ResultsPage, engine, qtbot) -> None:
    page = segmented
    shown = page.bench.session.scan
    page.step(1)
    page.judge("rejected")
    assert not any(name == "set_review" for name, _ in engine.calls), "neither case is meant while one gives way"
    assert page.verdict.says.whole().startswith("Reading image_")
    qtbot.waitUntil(lambda: page.bench.session.scan != shown and page._shown_case() is not None)
    page.judge("rejected")
    qtbot.waitUntil(lambda: any(name == "set_review" for name, _ in engine.calls))
    page.may_leave()
    assert not any(name == "save_labels" for name, _ in engine.calls), "looking and judging write no labels"


@pytest.mark.window
def test_accepting_after_painting_keeps_the_painting_and_the_verdict(segmented: ResultsPage, engine, qtbot) -> None:
    page = segmented
    scan = page.bench.session.scan
    page.bench.state.move_to((5, 5, 6))
    page.correct()
    view = page.bench.space.views[Plane.AXIAL]
    drag(view.overlay, LEFT, point_of(view, (5, 5, 6)))
    press(page, "verdict_accepted")
    qtbot.waitUntil(lambda: ("save_labels", (scan, "prediction", "accepted")) in engine.calls)
    assert not any(name == "set_review" for name, _ in engine.calls)


@pytest.mark.window
def test_several_supports_are_chosen_and_shown_with_what_they_gave(page: ResultsPage, engine, said, qtbot) -> None:
    inspector = page.inspector()
    page.setup.choose_more_supports(("0000000000000002",))
    assert page.setup.more.whole() == "and image_02"
    assert page.setup._lenders["liver"].whole() == "from image_01, image_02"
    press(inspector, "results_segment")
    qtbot.waitUntil(lambda: len(cases(page)) == 2, timeout=10_000)
    request = next(what for name, what in engine.calls if name == "start_segmentation")
    assert request.supports == ("0000000000000001", "0000000000000002") and len(request.scans) == 2
    assert page.listed.sets.count() == 3
    qtbot.waitUntil(lambda: page.bench.state.document is not None, timeout=30_000)
    figures = page.case.figures
    qtbot.waitUntil(lambda: "disagreement" in figures.text())
    _name, told, first, second, *_others = figures.text().split("\n")
    assert told == "entropy 0.45 bits disagreement 0.40"
    assert first.startswith("image_01 slices 3, 6, 9") and second.endswith("Dice 0.90 with this")
    assert "Supports disagree: liver 0.40" in case(page, "0000000000000004").doubts
    assert " ml" in figures.text() and "0.0 ml" not in figures.text()
    link = figures.place_of("0000000000000002/truth")
    QTest.mouseClick(figures.viewport(), LEFT, pos=link.center())
    assert said.visits[-1] == ("annotate", "0000000000000002/truth")


@pytest.mark.window
def test_the_table_of_volumes_and_times_is_written(segmented: ResultsPage, engine, tmp_path, qtbot) -> None:
    page = segmented
    page.exports.write_table_to(tmp_path / "volumes.csv")
    qtbot.waitUntil(lambda: page.exports.says.text().startswith("12 rows written"), timeout=10_000)
    assert ("start_review_table", ("prediction", tmp_path / "volumes.csv", ())) in engine.calls


@pytest.mark.window
def test_correcting_saves_the_case_as_corrected(segmented: ResultsPage, engine, qtbot) -> None:
    page = segmented
    scan = page.bench.session.scan
    press(page, "verdict_corrected")
    view = page.bench.space.views[Plane.AXIAL]
    page.bench.state.move_to((5, 5, 6))
    drag(view.overlay, LEFT, point_of(view, (5, 5, 6)))
    page.save()
    qtbot.waitUntil(lambda: ("save_labels", (scan, "prediction", "corrected")) in engine.calls)


@pytest.mark.window
def test_export_says_that_it_was_verified(segmented: ResultsPage, engine, tmp_path, qtbot) -> None:
    page = segmented
    page.exports.export()
    dialog = page.findChild(ExportDialog) or page.inspector().findChild(ExportDialog)
    assert dialog.sets.currentData() == "prediction"
    dialog.folder.setText(str(tmp_path))
    dialog.start()
    qtbot.waitUntil(lambda: "found equal" in dialog.says.text(), timeout=10_000)
    assert any(name == "start_export" for name, _ in engine.calls)
    dialog.close()


@pytest.mark.window
def test_evaluation_shows_dice_with_intervals_under_the_protocol_s_name(page: ResultsPage, qtbot) -> None:
    page.setup.protocol.setCurrentIndex(page.setup.protocol.findData("published"))
    press(page.inspector(), "results_evaluate")
    qtbot.waitUntil(lambda: page.inspector().findChild(QLabel, "figure_mean_of_labels") is not None, timeout=10_000)
    qtbot.wait(100)
    figure = page.inspector().findChild(QLabel, "figure_liver")
    assert figure.text() == "0.700 (0.66–0.74, n = 4)"


@pytest.mark.window
def test_what_is_missing_is_said_in_words(page: ResultsPage, engine) -> None:
    for tick in page.setup._ticks.values():
        tick.setChecked(False)
    press(page.inspector(), "results_segment")
    assert page.setup.problem.text().startswith("Choose at least one label")
    assert not any(name == "start_segmentation" for name, _ in engine.calls)


@pytest.mark.window
def test_without_runs_the_page_says_what_to_do(qtbot, desk, said) -> None:
    made = ResultsPage(desk)
    qtbot.addWidget(made)
    made.build()
    made.show_study(desk.study())
    qtbot.waitUntil(lambda: made._stack.currentIndex() == 0)
    press(made, "results_go_train")
    assert said.visits == [("train", "")]
    made.shut_down()
