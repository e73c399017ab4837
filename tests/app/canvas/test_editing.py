"""Commands on labels, the row of options over the views, and the dialog that combines labels."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QToolButton,
    QWidget,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import SHAPE, TABLE, document, editing, painting, use

from sagittal.facts import Label, LabelLoan, LabelSetFacts
from sagittal_app.canvas import tool_words
from sagittal_app.canvas.combine_dialog import CombineDialog
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.label_list import LabelList
from sagittal_app.canvas.tool_options import ToolOptions


class Later:
    """Stands for the background: what is asked waits until `answer`."""

    def __init__(self) -> None:
        self.asked: list[Callable[[], object]] = []

    def __call__(self, function: Callable[..., Any], *, then: Callable[[Any], Any], **_more: Any) -> None:
        self.asked.append(lambda: then(function()))

    def answer(self) -> None:
        self.asked.pop(0)()


@pytest.fixture
def labels() -> LabelDocument:
    made = document()
    made.data[10:20, 8:18, 4] = 1
    return made


def test_copying_goes_to_the_slice_it_copied_to(qapp, labels: LabelDocument) -> None:
    state, said = painting(labels), []
    commands = editing(state, said).commands()
    state.move_to((15, 12, 4))
    commands["copy_on"]()
    assert state.position == (15, 12, 5)
    assert np.array_equal(labels.data[:, :, 5], labels.data[:, :, 4]) and labels.history.depth == 1
    state.plane = Plane.CORONAL
    state.move_to((15, 8, 4))
    commands["copy_back"]()
    assert np.array_equal(labels.data[:, 7], labels.data[:, 8]) and state.position[1] == 7
    state.move_to((15, 0, 4))
    commands["copy_back"]()
    labels.undo()
    labels.choose(2)
    commands["copy_on"]()
    assert said == [tool_words.NOTHING_TO_COPY.format(label="liver"), tool_words.NOTHING_TO_COPY.format(label="spleen")]


def test_interpolation_follows_the_view_worked_on(qapp, labels: LabelDocument) -> None:
    labels.data[10:20, 8:18, 8] = 1
    state = painting(labels)
    commands = editing(state).commands()
    commands["interpolate"]()
    assert (labels.data[10:20, 8:18, 4:9] == 1).all() and np.count_nonzero(labels.data) == 500
    assert labels.history.depth == 1
    labels.undo()
    labels.data[:] = 0
    labels.data[5, 10:15, 3:9] = labels.data[9, 10:15, 3:9] = 1
    state.plane = Plane.SAGITTAL
    commands["interpolate"]()
    assert (labels.data[5:10, 10:15, 3:9] == 1).all()


def test_commands_change_this_slice_or_the_scan(qapp, labels: LabelDocument) -> None:
    labels.data[14, 12, 4] = 0
    labels.data[10:20, 8:18, 9] = 1
    labels.data[14, 12, 9] = 0
    state = painting(labels)
    commands = editing(state).commands()
    state.move_to((0, 0, 4))
    commands["holes"]()
    assert labels.data[14, 12, 4] == 1 and labels.data[14, 12, 9] == 0
    commands["in_3d"]()
    assert state.options.in_3d
    commands["largest"]()
    assert not labels.data[:, :, 9].any() and labels.data[:, :, 4].any()


def test_nothing_is_done_to_locked_or_read_only_labels_and_it_is_said(qapp, labels: LabelDocument) -> None:
    state, said = painting(labels), []
    commands = editing(state, said).commands()
    labels.set_locked(1, True)
    before = labels.data.copy()
    for id in ("copy_on", "interpolate", "smooth_label", "largest", "holes"):
        commands[id]()
    assert set(said) == {tool_words.NO_TASK_LOCKED.format(label="liver")}
    labels.set_locked(1, False)
    labels.writable = False
    commands["holes"]()
    assert said[-1] == tool_words.NO_TASK_READ_ONLY
    assert np.array_equal(labels.data, before)
    labels.writable = True
    commands["holes"]()
    assert said[-1] == tool_words.NO_CHANGE.format(title=tool_words.HOLES, label="liver", where=tool_words.ON_SLICE)


def test_one_task_at_a_time_and_cancel_changes_nothing(qapp, labels: LabelDocument) -> None:
    state, said, later = painting(labels), [], Later()
    made = editing(state, said, later)
    made.smooth()
    assert made.running
    made.fill_holes()
    assert said == [tool_words.BUSY.format(running=tool_words.SMOOTH)] and len(later.asked) == 1
    before = labels.data.copy()
    made.cancel()
    later.answer()
    assert said[-1] == tool_words.CANCELLED.format(title=tool_words.SMOOTH)
    assert not made.running and np.array_equal(labels.data, before)


def test_painting_goes_on_while_a_task_is_computed(qapp, labels: LabelDocument) -> None:
    """What the hand gave another label meanwhile is not taken away by what was computed from before."""
    labels.data[30:34, 20:24, 4] = 1
    state, later = painting(labels), Later()
    made = editing(state, ask=later)
    state.move_to((0, 0, 4))
    made.keep_largest()
    labels.choose(2)
    at = state.view_of(Plane.AXIAL).to_screen((31, 21, 4))
    state.set_brush(1.0)
    use(state, "brush", 4, at)
    later.answer()
    assert labels.data[31, 21, 4] == 2 and np.count_nonzero(labels.data[30:34, 20:24, 4]) == 1


def test_another_set_opened_meanwhile_is_left_alone(qapp, labels: LabelDocument) -> None:
    state, later = painting(labels), Later()
    made = editing(state, ask=later)
    state.move_to((0, 0, 4))
    made.smooth()
    other = document()
    other.data[:] = labels.data
    state.set_document(other)
    later.answer()
    assert np.array_equal(other.data, labels.data) and not other.history.depth and not made.running


@pytest.mark.parametrize(
    ("how", "expected"),
    [("union", lambda a, b: a | b), ("subtract", lambda a, b: a & ~b), ("intersect", lambda a, b: a & b)],
)
def test_combining_with_a_label_of_another_set(qapp, labels: LabelDocument, how: str, expected) -> None:
    state = painting(labels)
    state.set_options(in_3d=True)
    other = np.zeros(SHAPE, np.uint16)
    other[15:25, 8:18, 3:6] = 7
    mine = labels.data == 1
    editing(state).combine(how, 7, lambda: LabelLoan("s1", "truth", other, TABLE))
    assert np.array_equal(labels.data == 1, expected(mine, other == 7))
    labels.undo()
    assert np.array_equal(labels.data == 1, mine)


def test_growing_on_a_slice_and_in_3d(qapp) -> None:
    """The scan of the tests is a ramp of 1 a voxel to the right, 100 to the front, 10 000 to the head."""
    labels = document()
    state = painting(labels)
    editing(state)
    state.value_range = 1000.0
    state.set_options(tolerance=2.0, reach=200.0)
    view = state.view_of(Plane.AXIAL)
    use(state, "grow", 5, view.to_screen((20, 10, 5)))
    assert np.array_equal(np.flatnonzero(labels.data.any((0, 2))), [10])
    assert np.array_equal(np.flatnonzero(labels.data[:, 10, 5]), np.arange(0, 40))
    assert np.flatnonzero(labels.data.any((0, 1))).tolist() == [5]
    labels.undo()
    state.set_options(reach=10.0)
    use(state, "grow", 5, view.to_screen((20, 10, 5)))
    assert np.flatnonzero(labels.data[:, 10, 5]).tolist() == list(range(15, 26)), "10 mm are 5 voxels of 2 mm"
    state.set_options(in_3d=True, tolerance=100.0, reach=13.0)
    state.value_range = 10_050.0
    use(state, "grow", 5, view.to_screen((20, 10, 5)))
    assert np.flatnonzero(labels.data.any((0, 1))).tolist() == [4, 5, 6]
    use(state, "grow", 5, view.to_screen((20, 10, 5)), inverted=True)
    assert not labels.data.any()


def test_the_threshold_brush_paints_what_is_in_range(qapp) -> None:
    labels = document()
    state = painting(labels, diameter=60.0)
    state.set_window((50_000.0, 51_000.0))
    view = state.view_of(Plane.AXIAL)
    at = view.to_screen((20, 10, 5))
    use(state, "threshold", 5, at)
    assert np.flatnonzero(labels.data.any((0, 2))).max() == 9, "from y = 10 on they are above 51 000"
    labels.undo()
    state.set_options(range=(51_000.0, 51_100.0))
    use(state, "threshold", 5, at)
    assert np.flatnonzero(labels.data.any((0, 2))).tolist() == [10]


def test_painting_a_hidden_label_shows_it(qapp) -> None:
    labels = document()
    state = painting(labels)
    labels.set_hidden(1, True)
    state.set_look(labels=False)
    use(state, "brush", 5, (10, 10))
    assert 1 not in labels.hidden and state.look.labels


@pytest.fixture
def options(qtbot, labels: LabelDocument) -> ToolOptions:
    state = painting(labels)
    made = editing(state)
    row = ToolOptions(state, lambda id: made.commands()[id](), lambda _id: "")
    row.watch(made)
    qtbot.addWidget(row)
    row.resize(900, 40)
    row.show()
    return row


def field(row: ToolOptions, name: str) -> QDoubleSpinBox:
    found = row.findChild(QDoubleSpinBox, name)
    assert found is not None
    return found


def test_options_are_those_of_the_tool_and_follow_the_state(options: ToolOptions) -> None:
    state = options.state
    assert field(options, "option_diameter").value() == state.brush_diameter
    assert not field(options, "option_low").isVisible() and not field(options, "option_reach").isVisible()
    state.use_tool("threshold")
    low, high = field(options, "option_low"), field(options, "option_high")
    assert low.isVisible() and (low.value(), high.value()) == state.window
    state.set_window((10.0, 90.0))
    assert (low.value(), high.value()) == (10.0, 90.0)
    low.setValue(20.0)
    assert state.paint_range == (20.0, 90.0)
    state.set_window((0.0, 500.0))
    assert state.paint_range == (20.0, 90.0), "a range of one's own stays"
    QTest.mouseClick(options.findChild(QToolButton, "option_as_window"), Qt.MouseButton.LeftButton)
    assert state.paint_range == (0.0, 500.0)
    state.use_tool("grow")
    field(options, "option_reach").setValue(25.0)
    assert state.options.reach == 25.0
    QTest.mouseClick(options.findChild(QToolButton, "option_in_3d"), Qt.MouseButton.LeftButton)
    assert state.options.in_3d
    combo = options.findChild(QComboBox, "option_overwrite")
    combo.setCurrentIndex(2)
    combo.activated.emit(2)
    assert state.document.overwrite == "none"


def test_options_of_painting_are_out_of_sight_while_one_measures(options: ToolOptions) -> None:
    painting = [options.findChild(QComboBox, "option_overwrite")]
    painting += [options.findChild(QToolButton, name) for name in ("option_in_3d", "label_commands")]
    high = options.sizeHint().height()
    for tool in ("ruler", "angle", "region"):
        options.state.use_tool(tool)
        assert not any(one.isVisible() for one in painting) and options.sizeHint().height() == high
        options.state.use_tool("brush")
        assert all(one.isVisible() for one in painting)


def test_a_menu_names_the_label_and_where_and_does_the_commands(options: ToolOptions, labels: LabelDocument) -> None:
    menu = options.findChild(QToolButton, "label_commands").menu()
    menu.aboutToShow.emit()
    titles = [action.text() for action in menu.actions()]
    assert titles[0] == f"liver, {tool_words.ON_SLICE}"
    labels.data[14, 12, 4] = 0
    options.state.move_to((0, 0, 4))
    next(action for action in menu.actions() if action.objectName() == "edit_holes").trigger()
    assert labels.data[14, 12, 4] == 1


def test_a_slow_task_shows_its_progress_the_time_left_and_cancel(qtbot, labels: LabelDocument) -> None:
    state, later = painting(labels), Later()
    made = editing(state, ask=later)
    row = ToolOptions(state, lambda _id: None, lambda _id: "")
    row.watch(made)
    qtbot.addWidget(row)
    row.resize(900, 40)
    row.show()
    made.smooth()
    cancel = row.findChild(QPushButton, "task_cancel")
    assert not cancel.isVisible()
    made.progressed.emit(0.25, 6.0)
    assert cancel.isVisible() and row.findChild(QLabel, "tool_said").whole() == tool_words.LEFT.format(seconds=18)
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    later.answer()
    assert not cancel.isVisible() and not labels.history.depth


def test_combining_within_a_set_offers_the_union_alone(qtbot) -> None:
    truth = LabelSetFacts("truth", (TABLE[0],))
    dialog = CombineDialog(None, TABLE[0], "in the scan", TABLE, [truth])
    qtbot.addWidget(dialog)
    chosen: list[tuple[str, str, int]] = []
    dialog.chosen.connect(lambda *what: chosen.append(what))
    subtract = dialog.findChild(QRadioButton, "combine_subtract")
    assert not subtract.isEnabled() and dialog.findChild(QComboBox, "combine_label").count() == 2
    dialog.findChild(QComboBox, "combine_set").setCurrentIndex(1)
    assert subtract.isEnabled()
    subtract.setChecked(True)
    dialog.findChild(QPushButton, "combine_go").click()
    assert chosen == [("subtract", "truth", 1)]


def test_without_another_label_there_is_nothing_to_combine(qtbot) -> None:
    dialog = CombineDialog(None, TABLE[0], "in the scan", TABLE[:1], [])
    qtbot.addWidget(dialog)
    assert not dialog.findChild(QPushButton, "combine_go").isEnabled()


def many(count: int) -> LabelDocument:
    table = tuple(Label(n, f"organ {n}", "#E69F00") for n in range(1, count + 1))
    return LabelDocument(np.zeros(SHAPE, np.uint16), table)


@pytest.fixture
def listed(qtbot) -> LabelList:
    made = LabelList(painting(many(40)))
    qtbot.addWidget(made)
    made.resize(280, 500)
    made.show()
    return made


def line(listed: LabelList, number: int) -> QWidget:
    return listed.findChild(QWidget, f"label_row_{number}")


def test_many_labels_scroll_and_are_found_by_name(listed: LabelList, qtbot) -> None:
    assert line(listed, 1).height() >= 30
    labels = listed.state.document
    labels.choose(37)
    qtbot.waitUntil(lambda: line(listed, 37).visibleRegion().boundingRect().height() > 20)
    listed.findChild(QLineEdit, "label_find").setText("organ 2")
    assert [n for n in range(1, 41) if not line(listed, n).isHidden()] == [2, *range(20, 30)]


def test_choosing_hiding_and_locking_keep_the_lines(listed: LabelList) -> None:
    labels, kept = listed.state.document, line(listed, 3)
    QTest.mouseClick(kept, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert labels.active == 3 and kept.property("active")
    QTest.mouseClick(kept.findChild(QToolButton, "label_show_3"), Qt.MouseButton.LeftButton)
    QTest.mouseClick(kept.findChild(QToolButton, "label_lock_3"), Qt.MouseButton.LeftButton)
    assert labels.hidden == {3} and labels.locked == {3} and line(listed, 3) is kept
    assert kept.findChild(QToolButton, "label_lock_3").toolTip() == "Unlock organ 3"
    QTest.mouseClick(kept.findChild(QToolButton, "label_show_3"), Qt.MouseButton.LeftButton)
    assert not labels.hidden


def test_two_labels_cannot_have_one_name(listed: LabelList) -> None:
    labels, field = listed.state.document, listed.findChild(QLineEdit, "label_name_2")
    field.setText("organ 5")
    field.editingFinished.emit()
    assert field.text() == "organ 2" and labels.name_of(2) == "organ 2"
    field.setText("spleen")
    field.editingFinished.emit()
    assert labels.name_of(2) == "spleen"
    labels.change_label(40, name="label 41")
    listed.add.click()
    assert labels.labels[-1] == Label(41, "label 42", labels.labels[-1].colour) and labels.active == 41
    assert listed.findChild(QLineEdit, "label_name_41").selectedText() == "label 42"
