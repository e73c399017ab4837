"""The Diagnosis page on a fake engine of knees: set up, started, cancelled, read exam by exam, in figures, exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_canvas import BlankCanvas
from fake_diagnosing import LABELS, PLANES, KneeEngine
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton

from sagittal.diagnosis import DiagnosisRequest, Weights
from sagittal_app import diagnosis_words as words
from sagittal_app.charts.opinion import OpinionBar
from sagittal_app.models.diagnoses import MISTAKES, NEED, PROBABILITY
from sagittal_app.pages.diagnosis import DiagnosisPage
from sagittal_app.widgets.scan_chooser import ScanDialog

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def engine(tmp_path: Path) -> KneeEngine:
    return KneeEngine(tmp_path)


@pytest.fixture
def blank(monkeypatch) -> None:
    """Views that draw nothing; napari is not even loaded."""
    monkeypatch.setattr("sagittal_app.canvas.slice_view.PlaneCanvas", BlankCanvas)
    monkeypatch.setattr("sagittal_app.pages.diagnosis.make_canvases", lambda _page, _into: iter(()))


@pytest.fixture
def page(qtbot, desk, engine, blank) -> Iterator[DiagnosisPage]:
    engine.train(*PLANES)
    made = DiagnosisPage(desk)
    qtbot.addWidget(made)
    for command in made.commands():
        made.addAction(desk.actions.add(command))
    made.build()
    qtbot.addWidget(made.inspector())
    desk.bridge.event.connect(made.handle)
    desk.study_model.changed.connect(made.show_study)
    made.show_study(desk.study())
    made.resize(1200, 800)
    made.show()
    qtbot.waitUntil(lambda: made.setup.runs.count() == 3, timeout=30_000)
    yield made
    made.shut_down()


def press(page, name: str, kind: type = QPushButton) -> None:
    found = page.findChild(kind, name)
    assert found is not None and found.isEnabled(), name
    QTest.mouseClick(found, LEFT)


def said(page, name: str) -> str:
    return page.findChild(QLabel, name).text()


@pytest.fixture
def diagnosed(page, qtbot) -> DiagnosisPage:
    """One diagnosis is made and its first exam shown."""
    press(page, "diagnosis_start")
    qtbot.waitUntil(lambda: page.view.exam is not None and page.view.panes["sagittal"].lone.slices > 0, timeout=30_000)
    return page


def names(page) -> list[str]:
    return [one.exam.exam for one in page.listed.model.rows]


def choose(page, qtbot, exam: str) -> None:
    assert page.listed.choose(exam)
    qtbot.waitUntil(lambda: page.view.exam.exam == exam)


# Setting one up


def test_the_form_asks_the_newest_of_each_plane_and_says_what_it_comes_to(page, engine, qtbot):
    assert said(page, "diagnosis_says") == "3 classifiers in 3 planes, 8 draws of each scan."
    page.setup.draws.set_value(4)
    page.setup.weights.setCurrentIndex(page.setup.weights.findData("published"))
    assert "leak" in page.setup._weights_about.text()
    page.setup.runs.item(0).setCheckState(Qt.CheckState.Unchecked)
    press(page, "choose_scans")
    dialog = page.findChild(ScanDialog)
    assert dialog.list.item(2).text() == "K03   sagittal, coronal"
    dialog.list.item(2).setCheckState(Qt.CheckState.Checked)
    press(dialog, "scan_choose")
    press(page, "diagnosis_start")
    qtbot.waitUntil(lambda: any(name == "start_diagnosis" for name, _ in engine.calls))
    request = next(what for name, what in engine.calls if name == "start_diagnosis")
    runs = [record.facts.run for record in engine.runs()]
    assert request == DiagnosisRequest(tuple(runs[1:]), ("K03",), 4, Weights.PUBLISHED, 0)


def test_no_classifier_ticked_and_labels_that_differ_are_said(page, engine, qtbot):
    for place in range(3):
        page.setup.runs.item(place).setCheckState(Qt.CheckState.Unchecked)
    assert said(page, "diagnosis_says") == words.WRONG_RUNS and not page.setup.start.isEnabled()
    engine.train("axial", labels="scanner")
    qtbot.waitUntil(lambda: page.setup.runs.count() == 4)
    assert page.setup.ticked() == ()
    for place in range(2):
        page.setup.runs.item(place).setCheckState(Qt.CheckState.Checked)
    assert said(page, "diagnosis_says").startswith("These classifiers share no label")


def test_a_study_without_classifiers_leads_to_training(desk, engine, blank, qtbot, said):
    made = DiagnosisPage(desk)
    qtbot.addWidget(made)
    made.build()
    qtbot.addWidget(made.inspector())
    made.show_study(desk.study())
    made.show()
    qtbot.waitUntil(lambda: made.form.currentIndex() == 1 and made.labels.counts.rowCount() == 3)
    assert [made.tabs.isTabVisible(place) for place in range(4)] == [True, False, False, True]
    press(made, "diagnosis_to_train")
    assert said.visits == [("train", "")]
    made.show_study(None)
    assert made.stack.currentIndex() == 0
    made.shut_down()


def test_progress_is_shown_and_it_can_be_cancelled(page, engine, qtbot):
    engine.auto = False
    press(page, "diagnosis_start")
    qtbot.waitUntil(lambda: bool(page.tasks.task))
    assert said(page, "diagnosis_says") == words.UNDER_WAY and not page.setup.start.isEnabled()
    engine.tick()
    qtbot.waitUntil(lambda: page.doing.whole() == "Item 1 of 8 · 6 s left")
    assert page.bar.value() == 1 and page.bar.maximum() == 8
    press(page, "diagnosis_cancel")
    engine.tick()
    qtbot.waitUntil(lambda: not page.tasks.busy)
    assert page.setup.start.isEnabled() and not page.bar.isVisible() and page._chosen() is None


def test_what_the_engine_refuses_is_told(page, said, qtbot):
    page.setup.seed.set_value(13)
    press(page, "diagnosis_start")
    qtbot.waitUntil(lambda: bool(said.notices))
    assert "share no label" in said.notices[0][1] and page.setup.start.isEnabled()


# One exam


def test_the_exam_that_needs_a_look_most_is_shown_in_its_planes(diagnosed, qtbot):
    page = diagnosed
    assert names(page)[0] == page.view.exam.exam == page.listed.current() and "K01" not in names(page)
    assert [plane for plane, pane in page.view.panes.items() if pane.isVisible()] == list(PLANES)
    for plane, pane in page.view.panes.items():
        qtbot.waitUntil(lambda pane=pane: pane.lone.slices == 20)
        assert pane.name.whole() == f"{page.view.exam.exam} {plane}"
        assert pane.lone.index == pane.telling[0].index == 9


def test_a_telling_slice_and_a_bar_lead_there(diagnosed, qtbot):
    pane = diagnosed.view.panes["coronal"]
    qtbot.waitUntil(lambda: pane.lone.slices == 20)
    assert [share.index for share in pane.telling] == [9, 8, 10, 7, 11]
    press(pane, "diagnosis_slice_coronal_10")
    assert pane.lone.index == 10
    bars = pane.bars
    at = bars.mapFromGlobal(bars.mapToGlobal(bars.rect().topLeft()))
    at.setX(int(bars.width() * 3.5 / 20))
    QTest.mouseClick(bars, LEFT, pos=at)
    assert pane.lone.index == 3
    assert bars.said_at(9) == "Slice 10: the logit is +0.80 with it. Click to go there."
    assert bars.said_at(0) == "Slice 1: no draw held it."


def test_another_label_ranks_the_slices_anew(diagnosed, qtbot):
    page = diagnosed
    press(page, "diagnosis_label_meniscus", QToolButton)
    assert page.view.label == "meniscus" and page.view.panes["axial"].telling[0].index == 11
    page.listed.sort.setCurrentIndex(page.listed.sort.findData(f"{PROBABILITY}acl"))
    assert page.view.label == "acl" and page.view.panes["axial"].telling[0].index == 10


def test_every_label_has_probability_interval_truth_planes_and_weights(diagnosed, qtbot):
    page = diagnosed
    choose(page, qtbot, "K06")
    opinion = page.view.one.opinions[1]

    def told() -> list[str]:
        return [bar.opinion.label for bar in page.view.opinions.findChildren(OpinionBar) if bar.isVisible()]

    qtbot.waitUntil(lambda: told() == list(LABELS))
    text = f"{opinion.probability:.2f}\n({opinion.low:.2f}–{opinion.high:.2f})"
    assert said(page.view.opinions, "opinion_acl") == text
    assert said(page.view.opinions, "truth_acl") == "yes"
    mean = sum(opinion.planes["axial"]) / 8
    assert said(page.view.opinions, "opinion_acl_axial") == f"{mean:.2f}\n× 0.33"


def test_a_plane_that_lacks_is_said_and_the_others_are_weighed(diagnosed, qtbot):
    page = diagnosed
    choose(page, qtbot, "K03")
    assert said(page, "diagnosis_lacks_axial") == words.LACKING.format(plane="axial")
    assert said(page, "diagnosis_exam_reasons") == "no axial scan"
    assert page.view.one.opinions[0].weights == {"sagittal": 0.5, "coronal": 0.5}
    choose(page, qtbot, "K04")
    assert page.view.panes["axial"].lone.scan.endswith("2")


def test_a_mistake_is_told_and_sorted_first(diagnosed):
    page = diagnosed
    page.listed.sort.setCurrentIndex(page.listed.sort.findData(MISTAKES))
    assert names(page)[0] == "K04" and page.listed.by() == MISTAKES
    assert page.listed.current() != "K04"  # another order does not take the reader to another exam


def test_keys_step_through_the_list_and_a_search_narrows_it(diagnosed, qtbot):
    page = diagnosed
    order = names(page)
    page.desk.actions.run("diagnosis.on")
    qtbot.waitUntil(lambda: page.view.exam.exam == order[1])
    page.desk.actions.run("diagnosis.back")
    qtbot.waitUntil(lambda: page.view.exam.exam == order[0])
    page.listed.search.setText("k07")
    assert names(page) == ["K07"] and page.listed.by() == NEED
    page.listed.search.setText("hip")
    assert said(page, "diagnosis_exams_say") == words.NOTHING_FOUND


def test_a_neighbour_is_one_click_away_and_so_is_the_way_back(diagnosed, qtbot):
    page = diagnosed
    choose(page, qtbot, "K04")
    press(page, "neighbour_K02")
    qtbot.waitUntil(lambda: page.view.exam.exam == "K02" and page.listed.current() == "K02")
    press(page, "diagnosis_back_to")
    qtbot.waitUntil(lambda: page.view.exam.exam == "K04")
    assert not page.back.isVisible()


def test_a_neighbour_that_was_not_judged_is_shown_without_opinions(diagnosed, qtbot):
    page = diagnosed
    choose(page, qtbot, "K04")
    press(page, "neighbour_K01")
    qtbot.waitUntil(lambda: page.view.exam.exam == "K01")
    assert page.view.one is None and page.view._none.isVisible() and page.listed.current() == ""
    assert page.view.panes["axial"].lone.scan and not page.view.panes["axial"].bars.isVisible()
    press(page, "diagnosis_back_to")
    qtbot.waitUntil(lambda: page.view.exam.exam == "K04")


def test_a_double_click_gives_a_plane_the_place_of_all(diagnosed):
    page = diagnosed
    page.view.panes["axial"].lone.maximise.emit()
    assert [plane for plane, pane in page.view.panes.items() if pane.isVisible()] == ["axial"]
    page.view.panes["axial"].lone.maximise.emit()
    assert all(pane.isVisible() for pane in page.view.panes.values())


def test_the_views_know_the_keys_of_looking_and_none_of_painting(diagnosed, desk):
    page = diagnosed
    pane = page.view.panes["sagittal"]
    pane.lone.view.overlay.setFocus()
    before = pane.lone.index
    assert pane.lone.act("slice_on") and pane.lone.index == before + 1
    assert not pane.lone.act("brush") and pane.lone.act("ruler") and pane.lone.state.tool == "ruler"
    ids = {command.id for command in desk.actions.commands()}
    assert "diagnosis.reset_window" in ids and "diagnosis.brush" not in ids
    assert pane.lone.act("radiological")
    assert not any(pane.lone.state.look.radiological for pane in page.view.panes.values())


def test_where_a_classifier_looked_is_laid_over_its_plane_and_follows_the_label(diagnosed, engine, qtbot):
    page = diagnosed
    choose(page, qtbot, "K04")
    page.inspector().show()
    press(page, "diagnosis_look")
    assert page.inspector().currentWidget() is page.looked
    assert page.looked.runs.currentText().startswith("Axial") and page.looked.runs.count() == 3
    panel, state = page.looked.panels["axial"], page.view.panes["axial"].lone.state
    qtbot.waitUntil(panel.look.isEnabled)
    press(panel, "saliency_look")
    qtbot.waitUntil(lambda: state.heat is not None)
    request = next(what for name, what in engine.calls if name == "start_saliency")[0]
    assert request.scan == page.view.exam.planes["axial"] and request.target == "abnormal"
    press(page, "diagnosis_label_acl", QToolButton)
    qtbot.waitUntil(lambda: state.heat is None)
    choose(page, qtbot, "K03")
    assert page.looked.runs.count() == 2  # there is no axial scan to look at


# Figures and labels


def cells(table) -> list[list[str]]:
    return [[table.item(i, j).text() for j in range(table.columnCount())] for i in range(table.rowCount())]


def test_figures_stand_with_intervals_n_weights_and_notes(diagnosed, qtbot):
    page = diagnosed
    page.tabs.setCurrentWidget(page.figures)
    found = cells(page.figures.figures)
    assert found[1][:2] == ["acl", "0.900\n(0.80–0.95, n = 7)"] and found[0][1] == "–"
    assert page.figures.figures.item(0, 1).toolTip() == words.ONE_CLASS
    assert cells(page.figures.weights)[0] == ["abnormal", "0.333", "0.333", "0.333"]
    assert "K03 (axial)" in said(page, "diagnosis_notes") and not page.figures.leak.isVisible()


def test_published_weights_are_marked_as_a_leak_wherever_figures_stand(page, qtbot):
    page.setup.weights.setCurrentIndex(page.setup.weights.findData("published"))
    press(page, "diagnosis_start")
    qtbot.waitUntil(lambda: page._chosen() is not None)
    page.tabs.setCurrentWidget(page.figures)
    assert page.figures.leak.isVisible() and "leak" in said(page, "diagnosis_leak")


def test_the_table_of_exams_is_exported(diagnosed, tmp_path):
    page = diagnosed
    page.figures.save("csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("exam,label,probability")
    assert said(page, "diagnosis_saved") == words.SAVED.format(path=tmp_path / "out.csv")
    page.figures.save("csv", tmp_path / "nowhere" / "out.csv")
    assert "No such file" in said(page, "diagnosis_saved")


def test_labels_that_stand_together_are_shown_with_scumble(diagnosed):
    page = diagnosed
    page.tabs.setCurrentWidget(page.labels)
    assert page.labels.square.squares.labels == list(LABELS)
    assert cells(page.labels.counts)[1] == ["acl", "2", "8", "25%", "3.0×"]
    assert said(page, "concurrence_says").startswith("SCUMBLE 0.0")


# Several, and the window


def test_diagnoses_are_listed_and_set_up_again(diagnosed, engine, qtbot):
    page = diagnosed
    press(page, "diagnosis_again")
    assert page.setup.isVisible() and page._chosen() is None
    page.setup.seed.set_value(5)
    press(page, "diagnosis_start")
    qtbot.waitUntil(lambda: page.choice.count() == 2 and page._chosen() is not None)
    assert page._chosen().id == "d2" and page._chosen().request.seed == 5
    page.figures.against.setCurrentIndex(page.figures.against.findData("d1"))
    qtbot.waitUntil(lambda: page.figures.differences.rowCount() == 2)
    assert cells(page.figures.differences) == [
        ["acl", "AUC (DeLong)", "–", "– to –", "–", "7"],
        ["acl", "Accuracy (paired bootstrap)", "+0.031", "−0.010 to +0.072", "0.140", "7"],
    ]
    page.show_subject("d1")
    assert page.figures.against.currentData() == "" and page.figures.differences.isHidden()
    assert page._chosen().request.seed == 0
    page.show_subject("K05")
    qtbot.waitUntil(lambda: page.view.exam.exam == "K05")


def test_the_rail_leads_there_and_another_page_is_told_of_the_end(make_window, engine, blank, qtbot):
    window = make_window()
    engine.train("sagittal")
    qtbot.mouseClick(window.findChild(QToolButton, "rail_diagnosis"), LEFT)
    page = window.pages["diagnosis"]
    qtbot.waitUntil(lambda: page.view is not None and page.isVisible() and page.setup.runs.count() == 1, timeout=30_000)
    assert window.findChild(QLabel, "page_title").text() == "Diagnosis"
    engine.auto = False
    press(page, "diagnosis_start")
    qtbot.waitUntil(lambda: bool(page.tasks.task))
    window.go_to("study")
    engine.auto = True
    qtbot.waitUntil(lambda: "The diagnosis is finished: 7 exams." in window.toast.findChild(QLabel).text())
