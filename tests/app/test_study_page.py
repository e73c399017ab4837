"""The Study page: table, thumbnails, import with progress and report, labels, meta labels, removal with undo."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_world import make_scan
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTreeWidget, QWidget

from sagittal.facts import Label
from sagittal_app import messages
from sagittal_app.models.scan_table import LABELS, NAME, SHAPE, ScanFilter, ScanTable, Thumbnails
from sagittal_app.pages.study import StudyPage
from sagittal_app.widgets.scan_inspector import axes_in_words
from sagittal_app.widgets.scan_view import ScanView, place_chips

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(desk, qtbot):
    made = StudyPage(desk)
    qtbot.addWidget(made)
    made.build()
    made.show_study(desk.study())
    desk.study_model.changed.connect(made.show_study)
    desk.bridge.event.connect(made.handle)
    inspector = made.inspector()
    qtbot.addWidget(inspector)
    made.resize(1100, 700)
    made.show()
    inspector.resize(320, 700)
    inspector.show()
    return made


def texts(view, column):
    model = view.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_scans_are_listed_with_their_facts(page):
    assert texts(page.view, NAME) == [f"image_0{i}" for i in range(1, 5)]
    assert texts(page.view, SHAPE)[0] == "48 × 40 × 12"
    assert page.findChild(QLabel, "scan_count").text() == "4 scans"


def test_thumbnails_come_in_the_background_and_once(page, engine, qtbot, monkeypatch):
    model = page.view.model()
    picture = lambda row: model.index(row, 0).data(Qt.ItemDataRole.DecorationRole)  # noqa: E731
    qtbot.waitUntil(lambda: all(picture(row) is not None for row in range(4)))
    monkeypatch.setattr(engine, "thumbnail", lambda scan: pytest.fail("loaded twice"))
    assert not picture(0).isNull()


def test_a_thumbnail_that_fails_leaves_its_place_empty(desk, qtbot):
    def load(scan):
        if scan == "b":
            raise OSError("gone")
        return np.zeros((10, 20), np.uint8)

    thumbnails = Thumbnails(load, desk.background, desk.background)
    for scan in "abc":
        thumbnails.get(scan)
    qtbot.waitUntil(lambda: all(thumbnails.get(scan) is not None for scan in "abc"))
    assert thumbnails.get("b").isNull() and not thumbnails.get("c").isNull()


def test_the_filter_looks_through_every_word(page, qtbot):
    qtbot.keyClicks(page.field, "s03 liver")
    assert texts(page.view, NAME) == ["image_03"]
    assert page.findChild(QLabel, "scan_count").text() == "1 of 4"
    page.field.setText("nothing like it")
    assert page.nothing.isVisible()


def test_a_click_on_a_heading_sorts(page):
    page.view.sortByColumn(NAME, Qt.SortOrder.DescendingOrder)
    assert texts(page.view, NAME)[0] == "image_04"


def test_a_thousand_rows_are_quick(desk, qtbot):
    table = ScanTable(Thumbnails(lambda scan: None, desk.background, desk.background))
    proxy = ScanFilter()
    proxy.setSourceModel(table)
    view = ScanView("big")
    qtbot.addWidget(view)
    view.setModel(proxy)
    view.resize(1100, 700)
    view.show()
    began = time.perf_counter()
    table.set_scans(tuple(make_scan(i) for i in range(1, 1001)))
    view.grab()
    proxy.look_for("image_999")
    proxy.look_for("")
    view.scrollToBottom()
    view.grab()
    assert time.perf_counter() - began < 2.0
    assert proxy.rowCount() == 1000


def test_an_empty_study_says_what_to_do(page, desk, engine, tmp_path):
    desk.study_model.set(engine.new_study(tmp_path / "empty"))
    assert page.findChild(QWidget, "study_empty").isVisible()
    assert page.findChild(QPushButton, "empty_import_folder").isVisible()


def test_an_import_shows_progress_then_its_report(page, engine, desk, qtbot):
    engine.start_import([Path("a.nii"), Path("b.nii"), Path("notes.txt")])
    qtbot.waitUntil(lambda: page.progress.isVisible())
    qtbot.waitUntil(lambda: page.report.isVisible())
    assert not page.progress.isVisible()
    assert page.findChild(QLabel, "import_summary").text() == "2 imported · 1 refused · 1 to look at"
    tree = page.findChild(QTreeWidget, "import_report_tree")
    tops = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
    assert [top.text(0) for top in tops] == ["Refused (1)", "To look at (1)", "Imported (1)"]
    assert tops[0].child(0).text(1) == "This is text, not an image."
    qtbot.waitUntil(lambda: len(texts(page.view, NAME)) == 6)


def test_an_import_can_be_cancelled(page, engine, qtbot):
    engine.auto = False
    task = engine.start_import([Path("a.nii")])
    engine.tick()
    qtbot.waitUntil(lambda: page.progress.isVisible())
    qtbot.mouseClick(page.findChild(QPushButton, "import_cancel"), LEFT)
    assert ("request_cancel", task) in engine.calls
    engine.tick()
    qtbot.waitUntil(lambda: not page.progress.isVisible())
    assert len(engine.study().scans) == 4


def test_an_import_without_trouble_only_passes_by(page, engine, said, qtbot, monkeypatch):
    monkeypatch.setattr(engine, "_end_import", lambda paths: {"imported": [], "refused": []})
    engine.start_import([])
    qtbot.waitUntil(lambda: said.notices == [("info", messages.IMPORT_NOTHING_NEW, "")])
    assert not page.report.isVisible()


def test_a_recognised_data_set_is_told_first(page, engine, qtbot, monkeypatch):
    sentence = "2 scans of ACDC, with their attributes phase (ED, ES)."
    layouts = [{"layout": "acdc", "title": "ACDC", "scans": 2, "attributes": {}, "sentence": sentence}]
    monkeypatch.setattr(engine, "_end_import", lambda paths: {"imported": [], "refused": [], "layouts": layouts})
    engine.start_import([])
    qtbot.waitUntil(lambda: page.report.isVisible())
    top = page.findChild(QTreeWidget, "import_report_tree").topLevelItem(0)
    assert (top.text(0), top.child(0).text(0), top.child(0).text(1)) == ("Recognised data sets (1)", "ACDC", sentence)


def test_a_file_that_the_look_left_out_and_the_import_used_is_not_refused(page, engine, qtbot, monkeypatch):
    imported = {
        **engine._end_import([Path("a.nii")])["imported"][0], "files": ["/d/a.nii", "/d/labels.json"], "warnings": []
    }  # fmt: skip
    page._left_out = [
        {"path": "/d/labels.json", "reason": "No image."},
        {"path": "/d/notes.txt", "reason": "No image."},
    ]
    monkeypatch.setattr(engine, "_end_import", lambda paths: {"imported": [imported], "refused": []})
    engine.start_import([])
    qtbot.waitUntil(lambda: page.report.isVisible())
    tree = page.findChild(QTreeWidget, "import_report_tree")
    assert [tree.topLevelItem(0).child(i).text(0) for i in range(tree.topLevelItem(0).childCount())] == ["notes.txt"]


def test_removing_is_undone(page, engine, said, desk, qtbot):
    page.view.selectRow(1)
    page._remove()
    qtbot.waitUntil(lambda: len(texts(page.view, NAME)) == 3)
    assert "1 scan taken out" in said.notices[-1][1]
    page._restore(["0000000000000002"])
    qtbot.waitUntil(lambda: "image_02" in texts(page.view, NAME))


def test_a_label_is_renamed_for_the_whole_study(page, engine, qtbot):
    field = page.inspector().findChild(QLineEdit, "label_name_1")
    field.selectAll()
    qtbot.keyClicks(field, "Leber")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: engine.study().scans[3].label_sets[0].labels[0].name == "Leber")
    tip = lambda: page.view.model().index(0, LABELS).data(Qt.ItemDataRole.ToolTipRole)  # noqa: E731
    qtbot.waitUntil(lambda: "Leber" in tip())


def test_two_labels_cannot_have_one_name(page, engine, qtbot):
    field = page.inspector().findChild(QLineEdit, "label_name_1")
    field.setText("spleen")
    field.editingFinished.emit()
    assert "already called “spleen”" in page.inspector().findChild(QLabel, "label_table_problem").text()
    assert not [name for name, _ in engine.calls if name == "set_label_table"]


def test_a_label_takes_another_colour(page, engine, qtbot):
    table = page.inspector().labels
    table._change(replace(table._sets["truth"][0], colour="#123456"))
    qtbot.waitUntil(lambda: engine.study().scans[0].label_sets[0].labels[0] == Label(1, "liver", "#123456"))


def test_the_inspector_speaks_of_the_scan_chosen(page):
    title = page.inspector().findChild(QLabel, "inspector_title")
    assert title.text() == "Study"
    page.view.selectRow(2)
    assert title.text() == "image_03"
    page.view.selectAll()
    assert title.text() == "4 scans chosen"


def test_meta_labels_are_written(page, engine, qtbot):
    page.view.selectRow(0)
    inspector = page.inspector()
    qtbot.keyClicks(inspector.findChild(QLineEdit, "meta_key"), "centre")
    qtbot.keyClicks(inspector.findChild(QLineEdit, "meta_value"), "Berlin")
    qtbot.mouseClick(inspector.findChild(QPushButton, "meta_add"), LEFT)
    qtbot.waitUntil(lambda: engine.study().scans[0].meta.get("centre") == "Berlin")


def test_a_double_click_goes_to_annotate(page, said, qtbot):
    where = page.view.visualRect(page.view.model().index(1, NAME)).center()
    qtbot.mouseClick(page.view.viewport(), LEFT, pos=where)
    qtbot.mouseDClick(page.view.viewport(), LEFT, pos=where)
    assert said.visits == [("annotate", "0000000000000002")]


def test_label_maps_chosen_by_hand_must_be_as_many_as_images(page, engine, qtbot):
    from sagittal_app.widgets.pair_dialog import PairDialog

    page._import_pairs()
    dialog = page.findChild(PairDialog, "pair_dialog")
    dialog.add([Path("a.nii"), Path("b.nii")], [Path("x.nii")])
    go = dialog.findChild(QPushButton, "pair_import")
    assert not go.isEnabled()
    dialog.add([], [Path("y.nii")])
    qtbot.mouseClick(go, LEFT)
    expected = ("start_import", ((Path("a.nii"), Path("b.nii")), (Path("x.nii"), Path("y.nii")), None))
    qtbot.waitUntil(lambda: expected in engine.calls)


def test_chips_fill_two_lines_and_then_are_counted():
    assert place_chips([60, 60, 60], 200, 2, 30) == [(0, 0), (0, 66), (0, 132)]
    assert place_chips([100, 100, 100, 100], 200, 2, 30) == [(0, 0), (1, 0)]
    assert place_chips([300], 200, 2, 30) == [(0, 0)]


@pytest.mark.parametrize(
    ("letters", "mirrored"),
    [("RAS", False), ("LAS", True), ("LPS", False), ("RPI", False), ("SRA", False), ("ARS", True), ("ALS", False)],
)
def test_a_file_that_counts_its_voxels_mirrored_is_called_so(letters, mirrored):
    affine = np.zeros((3, 3))
    for axis, letter in enumerate(letters):
        place = "RLAPSI".index(letter)
        affine[place // 2, axis] = 1 - 2 * (place % 2)
    assert (np.linalg.det(affine) < 0) == mirrored
    assert ("mirrored in the file" in axes_in_words(letters)) == mirrored and axes_in_words(letters)[:3] == letters
