"""Parameters that name attributes of the study: what is offered, what a recipe may ask for, what is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_world import make_scan
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog

from sagittal.facts import StudyFacts
from sagittal.params import Params, describe, make, names_in, setting
from sagittal_app import theme
from sagittal_app.forms.form import ParameterForm
from sagittal_app.models.meta_labels import meta_labels


class Chosen(Params):
    """One that names several attributes, and one that names one."""

    meta_labels: str = setting(
        "subject, slice_quantile", "What makes two slices alike.", choices_from="meta_labels", multiple=True
    )
    domain: str = setting("", "What tells scanners apart.", choices_from="meta_labels")
    site: str = setting("site", "What names the hospital.", choices_from="meta_labels")
    leave_out: str = setting("", "Which hospital is kept for testing.", choices_from="values of site")
    start_from: str = setting("", "Encoder to start from.", choices_from="runs")


def study(*phases):
    scans = [replace(make_scan(i), meta={"phase": phase} if phase else {}) for i, phase in enumerate(phases, start=1)]
    return StudyFacts("/study", "study", tuple(scans))


@pytest.fixture
def form(qtbot):
    theme.apply("dark")
    made = ParameterForm(Chosen)
    qtbot.addWidget(made)
    made.show_study(study("ED", "ES", "ED", ""))
    made.show()
    return made


def test_the_description_says_where_values_come_from():
    several, one, _, value, run = describe(Chosen)
    assert value.choices_from == "values of site"
    assert (several.kind, several.choices_from, several.multiple) == ("text", "meta_labels", True)
    assert (one.choices_from, one.multiple, run.choices_from) == ("meta_labels", False, "runs")
    assert names_in(" subject,phase , subject") == ("subject", "phase")
    assert make(Chosen, {"meta_labels": "subject,phase"}).meta_labels == "subject,phase"


def test_the_studys_columns_are_offered_beside_the_built_in_ones(form, qtbot):
    control = form.rows["meta_labels"].control
    assert control.ticks.names() == ("subject", "slice_quantile", "phase")
    assert form.differences() == {}
    qtbot.mouseClick(form.findChild(QCheckBox, "param_meta_labels_phase"), Qt.MouseButton.LeftButton)
    assert form.differences() == {"meta_labels": "subject, slice_quantile, phase"}
    assert "2 values: ED (2), ES (1). 1 scan without one." in control._sentence.text()
    qtbot.mouseClick(form.rows["meta_labels"].back, Qt.MouseButton.LeftButton)
    assert form.differences() == {}


def test_the_order_of_names_makes_no_difference(form):
    form.set_values({"meta_labels": "slice_quantile,subject"})
    assert form.differences() == {}


def test_a_name_that_the_study_has_not_is_shown_and_said(form):
    form.set_base({"meta_labels": "subject,scanner"})
    assert "no meta label “scanner”" in form.problem()
    form.show_study(replace(study("ED"), scans=(make_scan(1),)))
    assert form.problem() == ""


def test_one_name_is_a_choice_that_may_stay_empty(form, qtbot):
    box = form.findChild(QComboBox, "param_domain")
    assert [box.itemText(i) for i in range(box.count())] == ["none", "subject", "slice quantile", "phase"]
    box.setCurrentIndex(3)
    assert form.differences() == {"domain": "phase"}
    form.set_values({"domain": "site"})
    assert "no meta label “site”" in form.problem()


def test_a_name_that_is_the_methods_own_may_be_absent(form):
    control = form.rows["site"].control
    assert control.value() == "site" and form.problem() == "" and form.differences() == {}
    assert "no meta label “site”" in control._sentence.text()


def test_values_of_the_attribute_that_another_parameter_names_are_offered(form, qtbot):
    box = form.findChild(QComboBox, "param_leave_out")
    assert [box.itemText(i) for i in range(box.count())] == ["none"]
    form.rows["site"].control.set_value("phase")
    assert [box.itemText(i) for i in range(box.count())] == ["none", "ED", "ES"]
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert form.differences() == {"site": "phase", "leave_out": "ED"}
    assert form.rows["leave_out"].control._sentence.text() == "Of 2 scans."
    form.show_study(study("ED", "late"))
    assert [box.itemText(i) for i in range(box.count())] == ["none", "ED", "late"] and box.currentText() == "ED"
    form.show_study(study("late", "late"))
    assert form.differences()["leave_out"] == "ED" and form.problem() == "", "the study check says that there is none"
    qtbot.mouseClick(form.rows["leave_out"].back, Qt.MouseButton.LeftButton)
    assert form.differences() == {"site": "phase"}


def test_a_run_is_chosen_from_a_list_or_a_folder_typed(form, qtbot):
    box = form.findChild(QComboBox, "param_start_from")
    form.show_runs({"ab12": "Jigsaw ab12 · quick-cpu · step 300", "cd34": "SimCLR cd34 · step 20"})
    assert [box.itemText(i) for i in range(box.count())][1:] == [
        "Jigsaw ab12 · quick-cpu · step 300",
        "SimCLR cd34 · step 20",
    ]
    assert form.differences() == {}
    box.setCurrentIndex(1)
    assert form.differences() == {"start_from": "ab12"}
    form.show_runs({"ab12": "Jigsaw ab12 · quick-cpu · step 400"})
    assert form.differences() == {"start_from": "ab12"} and "step 400" in box.currentText()
    box.lineEdit().clear()
    qtbot.keyClicks(box.lineEdit(), "/somewhere/encoder")
    assert form.differences() == {"start_from": "/somewhere/encoder"}
    form.set_values({"start_from": "gone"})
    assert box.currentText() == "gone" and form.differences() == {"start_from": "gone"}
    qtbot.mouseClick(form.rows["start_from"].back, Qt.MouseButton.LeftButton)
    assert form.differences() == {} and box.currentText() == ""


def test_a_folder_on_the_disk_is_taken(form, monkeypatch, qtbot):
    control = form.rows["start_from"].control
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/runs/one")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    folder, file = control.menu.actions()
    folder.trigger()
    assert form.differences() == {"start_from": "/runs/one"}
    file.trigger()
    assert form.differences() == {"start_from": "/runs/one"}


@pytest.mark.parametrize(
    ("phases", "sentence"),
    [
        (("ED", "ED"), "All scans share it"),
        (("a", "b", "c"), "Every scan has another."),
        (("a", *"abcdefgh"), "and 2 more"),
    ],
)
def test_what_a_column_holds_is_said(phases, sentence):
    assert sentence in meta_labels(study(*phases))["phase"]
    assert "2 subjects" in meta_labels(study("ED", "ES"))["subject"]
