"""The pick list of an import: when it comes, what it says, what it imports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_looking import disc
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QWidget

from sagittal.facts import SeriesFacts
from sagittal_app import importing
from sagittal_app.widgets.series_dialog import NAME, PATIENT, PICTURE, SLICES, SeriesDialog

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def dialog(study_page, qtbot, tmp_path) -> SeriesDialog:
    study_page._start([tmp_path / "disc"])
    qtbot.waitUntil(lambda: study_page.findChild(SeriesDialog) is not None)
    return study_page.findChild(SeriesDialog)


def test_a_question_is_asked_only_where_one_person_has_several_series(tmp_path):
    series = disc(tmp_path)
    assert importing.is_mixed(series)
    assert not importing.is_mixed(series[:1])
    assert not importing.is_mixed([SeriesFacts(f"{n}.nii", "nifti", (f"/d/{n}.nii",)) for n in range(3)])
    assert not importing.is_mixed([SeriesFacts("CT", "dicom", (f"/{n}/1",), f"P-{n}") for n in range(3)])
    assert importing.is_mixed([SeriesFacts("CT", "dicom", (f"/d/{n}",)) for n in range(2)])


def test_plain_files_are_imported_without_a_question(study_page, engine, qtbot, tmp_path):
    study_page._start([tmp_path / "a.nii"])
    qtbot.waitUntil(lambda: ("start_import", ((tmp_path / "a.nii",), (), None)) in engine.calls)
    assert study_page.findChild(SeriesDialog) is None


def test_what_is_ticked_is_imported_and_what_was_no_image_is_reported(study_page, dialog, engine, qtbot, tmp_path):
    go = dialog.findChild(QPushButton, "series_import")
    assert go.text() == "Import 3 series"
    dialog.tree.topLevelItem(2).setCheckState(PICTURE, Qt.CheckState.Unchecked)
    assert go.text() == "Import 2 series"
    qtbot.mouseClick(go, LEFT)
    files = tuple(importing.files_of(disc(tmp_path / "disc")[:2]))
    qtbot.waitUntil(lambda: ("start_import", (files, (), None)) in engine.calls)
    qtbot.waitUntil(study_page.report.isVisible)
    assert study_page.report._tree.topLevelItem(0).child(0).text(0) == "notes.txt"


def test_none_and_all_and_one_alone(dialog, engine, qtbot, tmp_path):
    go = dialog.findChild(QPushButton, "series_import")
    qtbot.mouseClick(dialog.findChild(QPushButton, "series_none"), LEFT)
    assert not go.isEnabled() and dialog.ticked() == []
    qtbot.mouseClick(dialog.findChild(QPushButton, "series_all"), LEFT)
    assert len(dialog.ticked()) == 3
    dialog.tree.itemDoubleClicked.emit(dialog.tree.topLevelItem(1), NAME)
    files = tuple(Path(file) for file in disc(tmp_path / "disc")[1].files)
    qtbot.waitUntil(lambda: ("start_import", (files, (), None)) in engine.calls)


def test_names_of_patients_are_shown_only_on_demand(dialog, qtbot):
    item = dialog.tree.topLevelItem(0)
    assert dialog.tree.isColumnHidden(PATIENT) and item.text(PATIENT) == ""
    box = dialog.findChild(QCheckBox, "series_patients")
    box.setChecked(True)
    qtbot.waitUntil(lambda: item.text(PATIENT) == "Mustermann Erika, 4711")
    assert not dialog.tree.isColumnHidden(PATIENT)
    box.setChecked(False)
    assert dialog.tree.isColumnHidden(PATIENT) and item.text(PATIENT) == ""


def test_every_series_gets_its_picture(dialog, qtbot):
    items = [dialog.tree.topLevelItem(place) for place in range(3)]
    qtbot.waitUntil(lambda: all(not item.icon(PICTURE).isNull() for item in items))
    assert "uneven" in items[1].text(NAME) and "uneven" in items[1].toolTip(NAME)


def test_cancel_imports_nothing(dialog, engine, qtbot):
    qtbot.mouseClick(dialog.findChild(QPushButton, "series_cancel"), LEFT)
    assert not any(name == "start_import" for name, _ in engine.calls)


def test_the_patient_of_a_scan_is_read_only_when_asked_for(study_page, engine, qtbot):
    scan = replace(engine.study().scans[0], kind="dicom")
    inspector = study_page.inspector()
    qtbot.addWidget(inspector)
    inspector.show_scans([scan])
    shown, ask = (
        inspector.findChild(QLabel, "inspector_patient_name"),
        inspector.findChild(QPushButton, "inspector_patient"),
    )
    assert shown.text() == "" and not ask.isHidden()
    ask.click()
    qtbot.waitUntil(lambda: shown.text() == "Mustermann Erika, 4711")
    inspector.show_scans([scan])
    assert shown.text() == ""
    inspector.show_scans([engine.study().scans[0]])
    assert ask.isHidden()


@pytest.mark.parametrize(
    ("files", "shape", "count"),
    [(25, (256, 256, 25), "25"), (1, (256, 256, 25), "25"), (2, (30, 30, 30), "30"), (1, (640, 480, 1), "1")],
)
def test_slices_are_counted_and_not_files(desk, qtbot, files: int, shape: tuple[int, int, int], count: str):
    series = SeriesFacts("scan", "nrrd", tuple(f"/d/{n}" for n in range(files)), shape=shape)
    window = QWidget()
    qtbot.addWidget(window)
    made = SeriesDialog(desk, [series], window)
    assert made.tree.topLevelItem(0).text(SLICES) == count
