"""The Annotate page on the fake engine: open, paint, save, step on, recover, plan support slices."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QPushButton, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parent / "canvas"))

from canvas_harness import drag, point_of

from sagittal.engine_port import SagittalError
from sagittal.facts import Edit, SupportPlan
from sagittal_app.canvas import words
from sagittal_app.canvas.geometry import Plane
from sagittal_app.pages.annotate import AnnotatePage

pytestmark = pytest.mark.window
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(qtbot, desk) -> Iterator[AnnotatePage]:
    made = AnnotatePage(desk)
    qtbot.addWidget(made)
    for command in made.commands():
        made.addAction(desk.actions.add(command))
    made.build()
    qtbot.addWidget(made.inspector())
    made.inspector().show()
    made.resize(1100, 800)
    desk.study_model.changed.connect(made.show_study)
    made.show_study(desk.study())
    made.show()
    made.shown()
    qtbot.waitUntil(lambda: made.bench.state.document is not None, timeout=30_000)
    qtbot.wait(30)
    yield made
    made.shut_down()


def paint(page: AnnotatePage, voxel: tuple[int, int, int]) -> None:
    page.bench.state.move_to(voxel)
    page.bench.space.act("brush")
    view = page.bench.space.views[Plane.AXIAL]
    drag(view.overlay, LEFT, point_of(view, voxel))


def edits(engine) -> list[Edit]:
    return [what[2] for name, what in engine.calls if name == "record_edit"]


def press(root: QWidget, name: str) -> None:
    QTest.mouseClick(root.findChild(QPushButton, name), LEFT)


def test_constructing_the_page_imports_no_heavy_library(desk) -> None:
    import subprocess

    code = (
        "import sys; import sagittal_app.pages.annotate, sagittal_app.pages.results;"
        "print([m for m in ('napari', 'vtkmodules', 'vispy', 'scipy', 'skimage') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_a_stroke_reaches_the_journal_and_saving_writes_the_set(page, engine, qtbot) -> None:
    paint(page, (24, 20, 6))
    made = edits(engine)
    assert len(made) == 1 and made[0].tool == "brush" and (made[0].after == 1).all()
    z = np.unravel_index(made[0].indices, page.bench.state.shape)[2]
    assert set(z) == {6}
    page.desk.actions.refresh()
    assert page.desk.actions.action("annotate.save").shortcut().toString() == "Ctrl+S"
    assert page.desk.actions.run("annotate.save")
    qtbot.waitUntil(lambda: ("save_labels", ("0000000000000001", "painted", None)) in engine.calls)
    assert not page.bench.state.document.unsaved


def test_what_is_said_of_a_failed_save_is_taken_back_by_the_next_that_works(page, said, qtbot, monkeypatch) -> None:
    taken_back: list[str] = []
    object.__setattr__(page.desk, "withdraw", taken_back.append)
    works = page.desk.port.save_labels

    def full(*_given: object) -> None:
        raise SagittalError("The disk is full. A copy is at /home/rescued.")

    monkeypatch.setattr(page.desk.port, "save_labels", full)
    paint(page, (24, 20, 6))
    page.save()
    qtbot.waitUntil(lambda: any("is full" in text for _, text, *_ in said.notices))
    assert page.bench.state.document.unsaved and "The disk is full. A copy is at /home/rescued." not in taken_back
    monkeypatch.setattr(page.desk.port, "save_labels", works)
    page.save()
    qtbot.waitUntil(lambda: "The disk is full. A copy is at /home/rescued." in taken_back)
    assert not page.bench.state.document.unsaved


def test_undo_is_journalled_as_the_turned_round_edit(page, engine) -> None:
    paint(page, (24, 20, 6))
    QTest.keyClick(page.bench.space.views[Plane.AXIAL].overlay, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    first, second = edits(engine)
    assert np.array_equal(first.indices, second.indices)
    assert np.array_equal(second.after, first.before)
    assert not page.bench.state.document.data.any()


def test_next_scan_saves_first_and_comes_back_with_the_painting(page, engine, qtbot) -> None:
    paint(page, (24, 20, 6))
    painted = page.bench.state.document.data.copy()
    page.step(1)
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000002")
    assert any(name == "save_labels" and what[0] == "0000000000000001" for name, what in engine.calls)
    assert not page.bench.state.document.data.any()
    page.step(-1)
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000001")
    assert np.array_equal(page.bench.state.document.data, painted)


def test_another_label_set_of_the_scan_can_be_shown(page, qtbot) -> None:
    assert page.sets.findText("truth") >= 0
    page.open("0000000000000001", "truth")
    qtbot.waitUntil(lambda: page.bench.session.label_set == "truth")
    assert page.bench.state.document.data.any()


def test_support_slices_are_asked_for_proposed_and_followed(page, engine, qtbot) -> None:
    inspector = page.inspector()
    qtbot.waitUntil(inspector.findChild(QPushButton, "support_first").isEnabled)
    page.bench.state.move_to((24, 20, 2))
    press(inspector, "support_first")
    page.bench.state.move_to((24, 20, 9))
    press(inspector, "support_last")
    qtbot.waitUntil(lambda: page.support.plan is not None)
    plan = page.support.plan
    assert plan.first == 2 and plan.last == 9 and len(plan.slices) == 3
    assert plan.states == ("not started",) * 3
    qtbot.wait(10)
    press(inspector, f"support_slice_{plan.slices[0]}")
    assert page.bench.state.position[2] == plan.slices[0]
    paint(page, (24, 20, plan.slices[0]))
    assert page.support.plan.states[0] == "in progress"
    qtbot.wait(10)
    for index in plan.slices:
        choice = inspector.findChild(QComboBox, f"support_state_{index}")
        choice.setCurrentText("done")
        choice.textActivated.emit("done")
        qtbot.wait(10)
    assert page.support.plan.states == ("done",) * 3
    assert "can be used as support" in page.support.sentence.text()
    qtbot.waitUntil(lambda: engine.support_plans("0000000000000001")[0].states == ("done",) * 3)


def test_slices_are_finished_one_after_the_other(page, engine, qtbot) -> None:
    qtbot.waitUntil(page.support.first.isEnabled)
    page.support._keep(SupportPlan("0000000000000001", "liver", 1, 10, (2, 5, 8), ("flagged", "not started", "done")))
    page.support._show()
    assert not page.support.flagged.isHidden()
    page.bench.state.move_to((24, 20, 5))
    press(page.inspector(), "support_done_next")
    assert page.support.plan.states == ("flagged", "done", "done") and page.bench.state.position[2] == 2
    page.desk.actions.run("annotate.support_done")
    assert page.support.plan.states == ("done",) * 3
    assert page.support.flagged.isHidden() and not page.support.next.isEnabled()


def test_all_supports_of_the_study_are_listed_and_lead_to_their_organ(page, engine, qtbot) -> None:
    engine.set_support_plan(SupportPlan("0000000000000003", "spleen", 1, 10, (2, 5, 8), ("done", "flagged", "done")))
    page._ask_plans()
    supports, model = page.supports.list, page.supports.list.supports
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    assert [(row.name, row.amount) for row in model.rows] == [("image_03", ""), ("image_03", "2/3")]
    said = model.index(1).data(Qt.ItemDataRole.ToolTipRole)
    assert "1 flagged" in said and "image_03" in said and supports.isVisible()
    engine.set_support_plan(SupportPlan("0000000000000003", "spleen", 1, 10, (2, 5, 8), ("done",) * 3))
    page._ask_plans()
    qtbot.waitUntil(lambda: model.rows[1].amount == "3/3")
    assert "flagged" not in model.index(1).data(Qt.ItemDataRole.ToolTipRole)
    QTest.mouseClick(supports.viewport(), LEFT, pos=supports.visualRect(model.index(1)).center())
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000003")
    document = page.bench.state.document
    assert document.label(document.active).name == "spleen"
    qtbot.waitUntil(lambda: page.support.plan is not None and page.support.plan.label == "spleen")


def test_supports_are_listed_in_the_order_of_the_scans(page, engine, qtbot) -> None:
    for scan in ("0000000000000003", "0000000000000002"):
        engine.set_support_plan(SupportPlan(scan, "spleen", 1, 10, (2, 5, 8), ("done",) * 3))
    page._ask_plans()
    qtbot.waitUntil(lambda: page.supports.list.supports.rowCount() == 4)
    assert [row.name for row in page.supports.list.supports.rows[::2]] == ["image_02", "image_03"]


def test_plans_are_written_one_after_another_and_the_newest_stays(page, engine, qtbot, monkeypatch) -> None:
    qtbot.waitUntil(page.support.first.isEnabled)
    started, go_on, written = threading.Event(), threading.Event(), []

    def slow(plan) -> None:
        started.set()
        go_on.wait(5)
        written.append(plan)

    monkeypatch.setattr(engine, "set_support_plan", slow)
    for state in ("not started", "in progress", "done"):
        page.support._keep(SupportPlan("0000000000000001", "liver", 2, 9, (3, 5, 8), (state,) * 3))
    qtbot.waitUntil(started.is_set)
    go_on.set()
    qtbot.waitUntil(lambda: not page.support._writing)
    assert [plan.states[0] for plan in written] == ["not started", "done"]


def test_leaving_the_study_writes_the_plans_that_wait(page, engine, qtbot) -> None:
    page.support._writing = True
    plan = SupportPlan("0000000000000002", "liver", 2, 9, (3, 5, 8), ("done",) * 3)
    page.support._keep(plan)
    assert page.may_leave()
    assert engine.support_plans("0000000000000002") == [plan]


def test_recovered_painting_is_offered_and_discarding_it_can_be_undone(page, engine, qtbot) -> None:
    engine._edits["0000000000000003", "painted"] = [
        Edit("brush", np.array([5, 6], np.int64), np.zeros(2, np.uint16), np.full(2, 2, np.uint16))
    ]
    page.open("0000000000000003")
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000003")
    assert page._banner.isVisible() and "brought back from the journal" in page._banner_text.text()
    assert np.count_nonzero(page.bench.state.document.data) == 2
    press(page, "recovery_discard")
    assert not page.bench.state.document.data.any()
    page.bench.space.act("undo")
    assert np.count_nonzero(page.bench.state.document.data) == 2


def test_labels_can_be_added_renamed_and_chosen(page, engine, qtbot) -> None:
    document = page.bench.state.document
    inspector = page.inspector()
    press(inspector, "label_add")
    assert document.active == 5 and document.labels[-1].name == "label 5"
    qtbot.wait(10)
    from PySide6.QtWidgets import QLineEdit

    field = inspector.findChild(QLineEdit, "label_name_5")
    field.setText("pancreas")
    field.editingFinished.emit()
    assert document.labels[-1].name == "pancreas"
    qtbot.wait(10)
    QTest.mouseClick(inspector.findChild(QWidget, "label_row_2"), LEFT)
    assert document.active == 2


def test_leaving_saves_what_is_unsaved(page, engine) -> None:
    paint(page, (24, 20, 6))
    assert page.may_leave()
    assert any(name == "save_labels" for name, _ in engine.calls)


def test_a_study_without_scans_says_what_to_do(page, desk, said) -> None:
    from dataclasses import replace

    page.show_study(replace(desk.study(), scans=()))
    assert page._stack.currentIndex() == 0
    assert page._empty.sentence.text() == words.ANNOTATE_EMPTY and not page._save.isEnabled()
    lost = tuple(replace(scan, missing=True) for scan in desk.study().scans)
    page.show_study(replace(desk.study(), scans=lost))
    assert page._stack.currentIndex() == 0 and page._empty.sentence.text() == words.ANNOTATE_MISSING
    press(page, "annotate_go_study")
    assert said.visits == [("study", "")]


def test_a_read_only_study_cannot_be_painted(page, desk, engine, qtbot) -> None:
    from dataclasses import replace

    assert page._save.isEnabled() and page.support.first.isVisible()
    desk.study_model.facts = replace(desk.study(), read_only=True)
    page.open("0000000000000002")
    qtbot.waitUntil(lambda: page.bench.session.scan == "0000000000000002")
    paint(page, (24, 20, 6))
    assert not page.bench.state.document.data.any() and not edits(engine)
    assert not page._save.isEnabled()
    assert not page.support.first.isVisible() and not page.support.question.text(), "nothing is asked for"
