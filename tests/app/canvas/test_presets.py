"""Window presets: read and written, edited in their dialog, kept with the study or for every study."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtWidgets import QPushButton, QWidget

from sagittal_app.canvas import presets
from sagittal_app.canvas.presets import BUILT_IN, CT, OTHER
from sagittal_app.canvas.windowing import Preset
from sagittal_app.widgets.presets_dialog import PresetsDialog

OWN = {CT: (Preset("Stroke", 40, 40), *BUILT_IN[CT]), OTHER: BUILT_IN[OTHER][:2]}


def test_presets_come_back_as_they_were_written() -> None:
    assert presets.read(presets.write(OWN)) == OWN
    assert presets.read(presets.write(BUILT_IN)) == BUILT_IN


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"ct": []}', '{"ct": [{"name": "a", "width": 0, "level": 1}], "other": []}']
)
def test_what_cannot_be_read_leaves_the_presets_below_it_in_force(text: str) -> None:
    assert presets.in_force(text, "") is BUILT_IN
    assert presets.in_force(text, presets.write(OWN)) == OWN


def test_the_studys_come_before_the_users() -> None:
    other = {CT: (Preset("One", 1, 1),), OTHER: ()}
    assert presets.in_force(presets.write(other), presets.write(OWN)) == other


def test_a_preset_of_the_view_gives_the_view_back() -> None:
    sample = np.arange(1000, dtype=np.float32)
    assert presets.of_view("x", CT, (-160.0, 240.0), sample) == Preset("x", 400, 40)
    made = presets.of_view("x", OTHER, (100.0, 899.0), sample)
    assert made.percentiles == (10.0, 90.0)
    assert made.window(sample) == pytest.approx((100, 899), abs=1)
    assert presets.of_view("x", OTHER, (5000.0, 6000.0), sample).percentiles == (0.0, 100.0)


@pytest.mark.parametrize(
    "wrong",
    [
        Preset(" ", 1, 1), Preset("a", 0, 1), Preset("a", float("nan"), 1), Preset("a", percentiles=(50, 50)),
        Preset("a", percentiles=(-1, 50)), Preset("a", percentiles=(5, float("nan"))),
    ],
)  # fmt: skip
def test_a_preset_that_means_nothing_is_refused_in_words(wrong: Preset) -> None:
    assert presets.problem(wrong)


@pytest.fixture
def parent(qtbot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


def dialog(parent: QWidget, saved: list, **more) -> PresetsDialog:
    made = PresetsDialog(
        parent, BUILT_IN, CT, lambda name: Preset(name, 77, 7), lambda *what: saved.append(what), **more
    )
    made.open()
    return made


def press(made: QWidget, name: str) -> None:
    made.findChild(QPushButton, name).click()


@pytest.mark.window
def test_presets_are_added_moved_renamed_and_removed(parent) -> None:
    saved: list = []
    made = dialog(parent, saved)
    table = made.tables[CT].table
    press(made, "presets_of_view_ct")
    assert table.rowCount() == 6 and [table.item(5, column).text() for column in (2, 3)] == ["77", "7"]
    table.item(5, 1).setText("Mine")
    table.item(5, 2).setText("1,5")
    press(made, "presets_up_ct")
    assert table.item(4, 1).text() == "Mine" and table.item(4, 0).text() == "Alt+5" and table.currentRow() == 4
    table.selectRow(0)
    press(made, "presets_remove_ct")
    press(made, "presets_save")
    tables, everywhere = saved[0]
    assert [one.name for one in tables[CT]] == ["Lung", "Liver", "Bone", "Mine", "Brain"]
    assert tables[CT][3] == Preset("Mine", 1.5, 7) and tables[OTHER] == BUILT_IN[OTHER] and not everywhere


@pytest.mark.window
def test_a_wrong_number_is_said_and_nothing_is_saved(parent) -> None:
    saved: list = []
    made = dialog(parent, saved)
    made.tables[OTHER].table.item(0, 2).setText("many")
    press(made, "presets_save")
    assert not saved and "Full range" in made.said.text()
    press(made, "presets_built_in")
    press(made, "presets_save")
    assert saved[0][0] == BUILT_IN


@pytest.mark.window
def test_where_the_study_cannot_be_written_they_become_the_users_own(parent) -> None:
    saved: list = []
    made = dialog(parent, saved, may_keep=False)
    press(made, "presets_save")
    assert saved[0][1] is True
    assert json.loads(presets.write(OWN))["ct"][0]["name"] == "Stroke"
