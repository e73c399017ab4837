"""The question whether label maps of another grid may be resampled: when it comes, what it shows, what is imported."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from sagittal_app.widgets.grid_dialog import GridDialog

pytestmark = pytest.mark.window
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def dialog(study_page, qtbot, tmp_path) -> GridDialog:
    study_page._start([tmp_path / "coarse.nii"])
    qtbot.waitUntil(lambda: study_page.findChild(GridDialog) is not None)
    return study_page.findChild(GridDialog)


def imported(engine) -> list[tuple[tuple[Path, ...], ...]]:
    return [told for name, told in engine.calls if name == "start_import"]


def test_nothing_is_asked_where_grids_are_the_same_and_nothing_resampled(study_page, engine, qtbot, tmp_path):
    study_page._start([tmp_path / "a.nii"])
    qtbot.waitUntil(lambda: bool(imported(engine)))
    assert study_page.findChild(GridDialog) is None and engine.resample == ()


def test_each_is_shown_resampled_over_its_scan_before_anything_is_imported(dialog, engine, qtbot):
    qtbot.waitUntil(lambda: "liver: 1,500.0 → 1,498.0 ml" in dialog.words.text())
    assert dialog.words.text().startswith("Over coarse.nii, as it would be imported. It has 3 × 3 × 3 voxels.")
    image = dialog.preview.grab().toImage()
    colours = {image.pixelColor(x, y).name() for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}
    assert "#e69f00" in colours and not imported(engine)
    dialog.list.setCurrentRow(1)
    qtbot.waitUntil(lambda: sum(name == "resampled" for name, _ in engine.calls) == 2)


def test_what_is_ticked_is_resampled_and_the_rest_left_out(dialog, engine, qtbot, tmp_path):
    go = dialog.findChild(QPushButton, "grid_import")
    assert go.text() == "Import, 2 label maps resampled"
    dialog.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert go.text() == "Import, 1 label map resampled"
    qtbot.mouseClick(go, LEFT)
    qtbot.waitUntil(lambda: bool(imported(engine)))
    assert imported(engine) == [((tmp_path / "coarse.nii",), (), None)]
    assert engine.resample == (tmp_path / "coarse.nii-1.nii",)


def test_none_is_an_import_without_them_and_cancel_imports_nothing(study_page, dialog, engine, qtbot, tmp_path):
    qtbot.mouseClick(dialog.findChild(QPushButton, "grid_none"), LEFT)
    assert dialog.findChild(QPushButton, "grid_import").text() == "Import without them"
    qtbot.mouseClick(dialog.findChild(QPushButton, "grid_cancel"), LEFT)
    qtbot.waitUntil(lambda: study_page.findChild(GridDialog) is None)
    assert not imported(engine)
    study_page._start([tmp_path / "coarse.nii"], [tmp_path / "map.nii"])
    qtbot.waitUntil(lambda: study_page.findChild(GridDialog) is not None)
    again = study_page.findChild(GridDialog)
    qtbot.mouseClick(again.findChild(QPushButton, "grid_none"), LEFT)
    qtbot.mouseClick(again.findChild(QPushButton, "grid_import"), LEFT)
    qtbot.waitUntil(lambda: bool(imported(engine)))
    assert imported(engine) == [((tmp_path / "coarse.nii",), (tmp_path / "map.nii",), None)] and engine.resample == ()
