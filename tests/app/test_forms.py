"""Parameters become controls; what was typed becomes the differences of a request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_world import CURVATURE, EPISODES, EpisodeParams
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit

from sagittal.params import describe
from sagittal_app import theme
from sagittal_app.forms.form import LABEL_WIDTH, ParameterForm
from sagittal_app.forms.kinds import control_for
from sagittal_app.forms.probes_form import ProbesForm
from sagittal_app.forms.run_form import RunForm


@pytest.fixture
def form(qtbot):
    theme.apply("dark")
    made = ParameterForm(EpisodeParams)
    qtbot.addWidget(made)
    made.show()
    return made


def field(name):
    return next(row for row in describe(EpisodeParams) if row.name == name)


def test_every_kind_has_a_control_that_gives_its_default_back(qtbot):
    theme.apply("dark")
    for row in describe(EpisodeParams):
        control = control_for(row)
        qtbot.addWidget(control)
        assert control.value() == row.default
        assert control.problem() == ""


def test_an_empty_text_says_what_it_is_for(form):
    assert form.findChild(QLineEdit, "param_note").placeholderText() == "A remark kept with the run."


def test_rows_beside_the_parameters_stand_as_those_of_other_forms(qtbot):
    """Names at the top of their rows, below each other, as wide as a parameter's."""
    theme.apply("dark")
    made = RunForm()
    qtbot.addWidget(made)
    made.show()
    names = {one.text(): one for one in made.findChildren(QLabel) if one.text() in ("Scans", "Seed", "Stop at step")}
    assert len(names) == 3
    assert {one.x() for one in names.values()} == {0} and {one.width() for one in names.values()} == {LABEL_WIDTH}
    assert all(one.contentsMargins().top() == 6 for one in names.values())


def test_a_recipe_is_the_base_and_edits_are_differences(form, qtbot):
    form.set_base({"steps": 20})
    assert form.differences() == {}
    edit = form.findChild(QLineEdit, "param_learning_rate")
    edit.selectAll()
    qtbot.keyClicks(edit, "0.05")
    assert form.differences() == {"learning_rate": 0.05}
    qtbot.mouseClick(form.rows["learning_rate"].back, Qt.MouseButton.LeftButton)
    assert form.differences() == {}


@pytest.mark.parametrize(
    ("typed", "said"),
    [("abc", "is not a whole number"), ("-4", "At least 0"), ("99999999999", "At most 10000000"), ("", "needed")],
)
def test_wrong_numbers_are_marked_beside_the_field(form, qtbot, typed, said):
    edit = form.findChild(QLineEdit, "param_steps")
    edit.setText(typed)
    assert said in form.problem()
    assert edit.property("wrong") == "true"
    assert said in form.findChild(QLabel, "note_steps").text()


def test_a_limit_that_is_itself_excluded_is_still_said(form):
    form.findChild(QLineEdit, "param_learning_rate").setText("0")
    assert "learning_rate" in form.problem()


def test_arrow_keys_step_a_number(form, qtbot):
    edit = form.findChild(QLineEdit, "param_steps")
    qtbot.keyClick(edit, Qt.Key.Key_Up)
    assert edit.text() == "41"


def test_what_the_paper_used_is_said_where_it_differs(form):
    assert form.findChild(QLabel, "note_learning_rate").text() == "The paper uses 0.002."
    form.rows["learning_rate"].control.set_value(0.002)
    assert form.findChild(QLabel, "note_learning_rate").text() == ""


def test_essentials_are_open_and_the_rest_is_folded(form):
    assert form.folds["Essentials"].content.isVisible()
    assert not form.folds["Optimiser"].content.isVisible()
    form.findChild(QLineEdit, "param_momentum").setText("0.5")
    assert form.findChild(object, "group_optimiser_toggle").text() == "Optimiser  ·  1 changed"


def test_a_probe_is_ticked_set_and_asked_for(qtbot):
    theme.apply("dark")
    form = ProbesForm()
    qtbot.addWidget(form)
    form.show_probes([CURVATURE])
    assert form.show_method(EPISODES)
    form.show()
    assert form.values() == ()
    form.findChild(QCheckBox, "probe_curvature").setChecked(True)
    assert form.values() == ("curvature",)
    edit = form.findChild(QLineEdit, "param_every")
    edit.setText("7")
    assert form.values() == ("curvature:every=7",)
    edit.setText("0")
    assert "Curvature" in form.problem()
    form.set_values(("curvature:every=9",))
    assert form.values() == ("curvature:every=9",) and not form.problem()
    form.set_values(())
    assert form.values() == ()


def test_a_probe_is_not_offered_to_a_method_that_lacks_what_it_needs(qtbot):
    theme.apply("dark")
    form = ProbesForm()
    qtbot.addWidget(form)
    form.show_probes([replace(CURVATURE, needs=("representation",))])
    assert not form.show_method(EPISODES)
