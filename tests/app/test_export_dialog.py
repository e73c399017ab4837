"""The export dialog and the dialog of label tables, on the fake engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QPushButton, QTableWidget, QWidget

from sagittal.exports import EXPORT_FORMATS, SERIES_AS
from sagittal.facts import Label, StudyFacts
from sagittal_app import export_words as words
from sagittal_app.widgets.export_dialog import LINES_SHOWN, ExportDialog, outcome
from sagittal_app.widgets.label_table import LabelTable
from sagittal_app.widgets.scan_chooser import ScanDialog
from sagittal_app.widgets.table_dialog import TableDialog, ask_table_file, is_label_table, show_table

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def parent(qtbot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.show()
    return made


@pytest.fixture
def dialog(desk, parent: QWidget) -> ExportDialog:
    made = ExportDialog(desk, parent, "truth")
    made.open()
    return made


def press(root: QWidget, name: str) -> None:
    QTest.mouseClick(root.findChild(QPushButton, name), LEFT)


def dicom(facts: StudyFacts, count: int) -> StudyFacts:
    """The study with its first `count` scans as DICOM series."""
    scans = [replace(scan, kind="dicom" if place < count else "nifti") for place, scan in enumerate(facts.scans)]
    return replace(facts, scans=tuple(scans))


def test_every_format_and_every_modality_has_words() -> None:
    assert set(words.SERIES_TITLES) == set(SERIES_AS)
    assert len({known.title for known in EXPORT_FORMATS}) == len(EXPORT_FORMATS)


def test_what_came_of_it_in_words(tmp_path: Path) -> None:
    level, role, text = outcome({"files": ["a"], "verified": True, "refused": []}, tmp_path)
    assert (level, role) == ("info", "good") and "read back and found equal" in text
    refused = [{"name": f"scan {n}", "reason": "It is empty."} for n in range(LINES_SHOWN + 2)]
    level, _, text = outcome({"files": ["a"], "verified": True, "refused": refused}, tmp_path)
    assert level == "warning" and "8 scans not exported" in text and text.endswith("and 2 more")
    level, role, text = outcome({"files": ["a"], "verified": False, "differences": ["It differs."]}, tmp_path)
    assert (level, role) == ("error", "danger") and "Do not use them" in text and "It differs." in text


@pytest.mark.window
def test_an_export_from_choice_to_result(dialog: ExportDialog, engine, qtbot, tmp_path: Path) -> None:
    assert dialog.sets.currentText().startswith("truth · 4 scans") and not dialog.go.isEnabled()
    dialog.format.setCurrentIndex(dialog.format.findData("nrrd"))
    assert ".seg.nrrd" in dialog.about.text()
    dialog.folder.setText(str(tmp_path))
    assert dialog.go.isEnabled()
    press(dialog, "export_go")
    assert dialog.bar.isVisible() and dialog.stop.isVisible() and not dialog.go.isEnabled()
    assert dialog.leave.text() == words.BACKGROUND
    qtbot.waitUntil(lambda: "read back and found equal" in dialog.says.text())
    assert ("start_export", ("truth", "nrrd", tmp_path, (), "")) in engine.calls
    assert dialog.show_folder.isVisible() and dialog.go.isEnabled() and not dialog.bar.isVisible()
    again = ExportDialog(dialog._desk, dialog.parentWidget())
    assert (again.folder.text(), again.format.currentData()) == (str(tmp_path), "nrrd")


@pytest.mark.window
def test_a_series_is_offered_where_scans_are_no_dicom(dialog: ExportDialog, engine, desk, qtbot, tmp_path) -> None:
    dialog.folder.setText(str(tmp_path))
    dialog.format.setCurrentIndex(dialog.format.findData("dicom-seg"))
    assert dialog.series.isVisible() and not dialog.go.isEnabled()
    assert dialog.strange.text().startswith("4 of 4 scans are not DICOM")
    dialog.make_series.setChecked(True)
    dialog.series_as.setCurrentIndex(dialog.series_as.findData("MR"))
    press(dialog, "export_go")
    qtbot.waitUntil(lambda: ("start_export", ("truth", "dicom-seg", tmp_path, (), "MR")) in engine.calls)
    qtbot.waitUntil(lambda: not dialog.tasks.busy)

    desk.study_model.set(dicom(desk.study(), 4))
    dialog.make_series.setChecked(False)
    assert not dialog.strange.isVisible() and dialog.go.isEnabled() and "same patient" in dialog.about.text()
    desk.study_model.set(dicom(desk.study(), 3))
    assert dialog.strange.text().startswith("1 of 4 scans is not DICOM") and not dialog.go.isEnabled()
    dialog.format.setCurrentIndex(dialog.format.findData("stl"))
    assert not dialog.series.isVisible() and dialog.go.isEnabled()


@pytest.mark.window
def test_only_chosen_scans_go_out(desk, parent, engine, qtbot, tmp_path: Path) -> None:
    having = [scan.scan for scan in desk.study().scans if scan.label_sets]
    dialog = ExportDialog(desk, parent, "truth", having[:1])
    dialog.open()
    dialog.folder.setText(str(tmp_path))
    assert dialog.findChild(QLabel, "scan_words").text() == "1 of 4"
    press(dialog, "export_go")
    qtbot.waitUntil(lambda: ("start_export", ("truth", "nifti", tmp_path, (having[0],), "")) in engine.calls)
    qtbot.waitUntil(lambda: not dialog.tasks.busy)


@pytest.mark.window
def test_no_scan_at_all_cannot_be_chosen(dialog: ExportDialog, qtbot) -> None:
    press(dialog, "choose_scans")
    qtbot.waitUntil(lambda: dialog.findChild(ScanDialog) is not None)
    ticks = dialog.findChild(ScanDialog)
    press(ticks, "scan_none")
    assert not ticks.findChild(QPushButton, "scan_choose").isEnabled()
    ticks.list.item(1).setCheckState(Qt.CheckState.Checked)
    press(ticks, "scan_choose")
    assert dialog.findChild(QLabel, "scan_words").text() == "1 of 4"


@pytest.mark.window
def test_closed_while_it_runs_it_is_told_as_a_notice(dialog: ExportDialog, engine, said, qtbot, tmp_path) -> None:
    engine.auto = False
    engine.export_result = {"verified": False, "differences": ["a.nii.gz gives back other voxels."]}
    dialog.folder.setText(str(tmp_path))
    press(dialog, "export_go")
    qtbot.waitUntil(lambda: bool(dialog.tasks.task))
    press(dialog, "export_close")
    assert not dialog.isVisible()
    engine.auto = True
    qtbot.waitUntil(lambda: any("Do not use them" in text for _level, text, _detail in said.notices))
    assert said.notices[-1][0] == "error" and "other voxels" in said.notices[-1][1]


@pytest.mark.window
def test_a_cancelled_export_says_what_stays(dialog: ExportDialog, engine, qtbot, tmp_path: Path) -> None:
    engine.auto = False
    dialog.folder.setText(str(tmp_path))
    press(dialog, "export_go")
    qtbot.waitUntil(lambda: bool(dialog.tasks.task))
    press(dialog, "export_cancel")
    engine.auto = True
    qtbot.waitUntil(lambda: dialog.says.text().startswith("Cancelled."))
    assert dialog.go.isEnabled()


@pytest.mark.window
def test_without_labels_there_is_nothing_to_export(desk, parent, engine, tmp_path: Path) -> None:
    desk.study_model.set(replace(desk.study(), scans=()))
    dialog = ExportDialog(desk, parent)
    dialog.open()
    dialog.folder.setText(str(tmp_path))
    assert not dialog.go.isEnabled() and dialog.says.text() == words.NO_SETS


# Label tables


def test_which_dropped_files_are_tables() -> None:
    assert is_label_table(Path("a/B.LABEL")) and is_label_table(Path("x.labels.json"))
    assert not is_label_table(Path("x.seg.nrrd")) and not is_label_table(Path("x.json"))


@pytest.mark.window
def test_a_table_is_looked_at_then_used_then_taken_back(desk, parent, engine, qtbot, tmp_path, monkeypatch) -> None:
    told = []
    desk = replace(desk, notify=lambda level, text, detail="", button=None: told.append((level, text, button)))
    (tmp_path / "t.label").write_text("1 Leber\n9 aorta", encoding="utf-8")
    show_table(desk, parent, tmp_path / "t.label", "truth")
    qtbot.waitUntil(lambda: parent.findChild(TableDialog) is not None)
    dialog = parent.findChild(TableDialog)
    table = dialog.findChild(QTableWidget, "table_rows")
    rows = [[table.item(row, column).text() for column in range(1, 4)] for row in range(2)]
    before = engine.label_table("truth")
    assert rows == [["1", "Leber", before[0].name], ["9", "aorta", "new"]]
    assert dialog.findChild(QComboBox, "table_set").currentText() == "truth"
    press(dialog, "table_apply")
    qtbot.waitUntil(lambda: bool(told))
    assert {row.number: row.name for row in engine.label_table("truth")}[9] == "aorta"
    assert told[0][1] == "2 labels of “truth” have their names and colours from t.label."
    told[0][2].run()
    qtbot.waitUntil(lambda: engine.label_table("truth") == before)


@pytest.mark.window
def test_a_file_that_is_no_table_is_said(desk, parent, said, qtbot, tmp_path: Path) -> None:
    (tmp_path / "t.label").write_text("")
    show_table(desk, parent, tmp_path / "t.label")
    qtbot.waitUntil(lambda: bool(said.notices))
    assert said.notices[0][:2] == ("error", "t.label holds no label names.")


@pytest.mark.window
def test_a_table_is_written_where_one_says(desk, parent, engine, said, qtbot, tmp_path, monkeypatch) -> None:
    kind = next(iter(words.TABLE_EXPORT_FILTERS))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_: (str(tmp_path / "mine"), kind)))
    ask_table_file(desk, parent, "truth")
    qtbot.waitUntil(lambda: bool(said.notices))
    assert ("write_label_table", ("truth", tmp_path / "mine.label")) in engine.calls
    assert (tmp_path / "mine.label").exists() and "written to" in said.notices[0][1]


@pytest.mark.window
def test_a_table_dropped_on_the_window_is_shown(window, engine, qtbot, tmp_path) -> None:
    (tmp_path / "organs.label").write_text("1 Leber")
    window.studies.dropped([tmp_path / "organs.label"])
    qtbot.waitUntil(lambda: window.findChild(TableDialog) is not None)
    assert not [name for name, _ in engine.calls if name == "start_import"]
    window.findChild(TableDialog).reject()


@pytest.mark.window
def test_names_are_read_and_written_from_the_menu_too(window, engine, qtbot, tmp_path, monkeypatch) -> None:
    (tmp_path / "organs.label").write_text("1 Leber")
    given = staticmethod(lambda *_: (str(tmp_path / "organs.label"), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", given)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", given)
    assert window.desk.actions.run("study.names_in")
    qtbot.waitUntil(lambda: window.findChild(TableDialog) is not None)
    window.findChild(TableDialog).reject()
    assert window.desk.actions.run("study.names_out")
    qtbot.waitUntil(lambda: ("write_label_table", ("truth", tmp_path / "organs.label")) in engine.calls)


@pytest.mark.window
def test_every_page_with_labels_exports_by_the_same_key(window, qtbot) -> None:
    for page in ("study", "annotate", "results"):
        assert window.desk.actions.command(f"{page}.export").shortcut == "Ctrl+E"
    window.desk.actions.run("study.export")
    assert window.findChild(ExportDialog).isVisible()
    window.findChild(ExportDialog).close()


@pytest.mark.window
def test_the_study_pages_table_asks_for_files(qtbot, desk) -> None:
    asked = []
    made = LabelTable(
        lambda *_: None, lambda name: asked.append(("in", name)), lambda name: asked.append(("out", name))
    )
    qtbot.addWidget(made)
    made.show()
    assert not made.findChild(QPushButton, "label_table_export").isEnabled()
    made.show_study(desk.study())
    press(made, "label_table_import")
    press(made, "label_table_export")
    assert asked == [("in", "truth"), ("out", "truth")]
    assert Label(1, "liver", "#E69F00") in desk.study().scans[0].label_sets[0].labels
