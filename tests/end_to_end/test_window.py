"""The main job in the real window on the real engine, by mouse and keys: from a drop of files to a verified export."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QFileDialog, QFrame, QLabel, QLineEdit, QWidget

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from hands import Hands, point_of

from sagittal.events import Reason
from sagittal_app import theme
from sagittal_app.canvas.geometry import Plane
from sagittal_app.settings import Settings
from sagittal_app.window import Window
from sagittal_engine import phantom
from sagittal_engine.service import Engine

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]
SUBJECTS = 3
TINY = {"steps": "4", "batch_size": "1", "superpixels_per_slice": "1", "preview_steps": "2"}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    phantom.generate(folder, subjects=SUBJECTS, seed=4)
    return folder


@pytest.fixture
def window(qapp, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("SAGITTAL_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("SAGITTAL_THREADS", "1")
    theme.apply("dark")
    settings = Settings(tmp_path / "config" / "settings.ini")
    settings.choose_mouse_preset("reading-room")
    made = Window(Engine(), settings)
    made.resize(1440, 900)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    if not made.closed:
        made.shut_down()
        qtbot.waitUntil(lambda: made.closed, timeout=60_000)
    made.deleteLater()
    qapp.processEvents()


def test_from_drop_to_export(window, qtbot, cohort, tmp_path, monkeypatch):
    hands = Hands(window)
    study = tmp_path / "study"
    window.desk.port.new_study(study)
    window.studies.open(study)
    hands.until(lambda: window.desk.study() is not None)

    hands.drop(cohort)
    hands.until(lambda: len(window.desk.study().scans) == SUBJECTS and not window.tasks.going)
    scans = window.desk.study().scans
    assert [label.name for label in scans[0].label_sets[0].labels] == list(phantom.LABELS.values())

    # Paint three support slices of the liver, following the truth of one scan with the brush.
    hands.go_to("annotate", Qt.Key.Key_2)
    annotate = window.pages["annotate"]
    hands.until(lambda: annotate.bench.state.document is not None)
    support = annotate.bench.session.scan
    name = next(scan.name for scan in scans if scan.scan == support)
    truth = window.desk.port.labels(support, "truth").data
    liver = next(label for label in annotate.bench.state.document.labels if label.name == "liver").number
    there = np.flatnonzero((truth == 1).any((0, 1)))
    state = annotate.bench.state
    state.document.choose(liver)
    for end, at in (("support_first", there[0]), ("support_last", there[-1])):
        state.move_to((*state.position[:2], int(at)))
        hands.click(end)
    hands.until(lambda: annotate.support.plan is not None)
    plan = annotate.support.plan
    assert len(plan.slices) == 3 and set(plan.states) == {"not started"}
    view = annotate.bench.space.views[Plane.AXIAL]
    for z in plan.slices:
        hands.click(f"support_slice_{z}")
        annotate.bench.space.act("brush")
        columns = np.argwhere(truth[:, :, z] == 1)
        left, right = columns[columns[:, 0].argmin()], columns[columns[:, 0].argmax()]
        hands.drag(
            view.overlay, *[point_of(view, (*map(float, at), float(z))) for at in (left, columns.mean(0), right)]
        )
    assert set(annotate.support.plan.states) == {"in progress"}
    assert (state.document.data[:, :, list(plan.slices)] == liver).any((0, 1)).all()
    assert not (np.delete(state.document.data, plan.slices, axis=2)).any()
    painted = state.document.data.copy()
    QTest.keyClick(view.overlay, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not np.array_equal(state.document.data, painted)
    QTest.keyClick(view.overlay, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(state.document.data, painted)
    hands.shortcut(Qt.Key.Key_S)
    hands.until(lambda: not state.document.unsaved)
    assert np.array_equal(window.desk.port.labels(support, "painted").data, painted)

    # Train a few steps, seen on the live board.
    hands.go_to("train", Qt.Key.Key_3)
    hands.click("method_cowpro", QFrame)
    for field, value in TINY.items():
        hands.find(QLineEdit, f"param_{field}").setText(value)
    hands.choose("param_foreground", "otsu")
    hands.click("train_start")
    hands.until(lambda: any(run.state.reason is Reason.COMPLETED for run in window.desk.port.runs()))
    run = window.desk.port.run(window.desk.port.runs()[0].facts.run)
    assert run.metrics["query_loss"][0] == [1, 2, 3, 4] and run.previews
    hands.until(lambda: "4" in hands.find(QLabel, "board_words").text())

    # Segment the other scans from the painted slices, look at a case, accept it, export, and compare the grid.
    hands.go_to("results", Qt.Key.Key_4)
    hands.until(lambda: hands.find(QComboBox, "results_run").count() == 1)
    hands.choose("results_support", name)
    for organ in ("right_kidney", "left_kidney", "spleen"):
        tick = hands.find(QWidget, f"results_label_{organ}")
        if tick.isChecked():
            tick.click()
    hands.click("results_segment")
    hands.until(lambda: hands.find(QComboBox, "results_set").count() == 1 and not window.tasks.going)
    predicted = hands.find(QComboBox, "results_set").currentData()
    queries = [scan for scan in window.desk.study().scans if any(s.name == predicted for s in scan.label_sets)]
    assert {scan.scan for scan in queries} == {scan.scan for scan in scans} - {support}
    origin = next(s for s in queries[0].label_sets if s.name == predicted).origin
    assert origin["run"] == run.facts.run and tuple(origin["slices"]["liver"]) == plan.slices
    hands.until(lambda: window.pages["results"].bench.state.document is not None)
    hands.click("verdict_accepted")
    hands.until(
        lambda: any(
            s.review == "accepted" for scan in window.desk.study().scans for s in scan.label_sets if s.name == predicted
        )
    )
    out = tmp_path / "exported"
    out.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", staticmethod(lambda *_: str(out)))
    hands.click("results_export")
    hands.click("export_choose_folder")
    hands.click("export_go")
    hands.until(lambda: "read back and found equal" in hands.find(QLabel, "export_result").text())
    assert len(list(out.rglob("*.nii.gz"))) == len(queries)
    hands.click("export_close")
    for scan in queries:
        (written,) = [path for path in out.rglob("*.nii.gz") if path.name.startswith(scan.name)]
        exported, source = nib.load(written), nib.load(scan.path)
        assert exported.shape == source.shape
        assert exported.affine.tobytes() == source.affine.tobytes()

    hands.go_to("runs", Qt.Key.Key_5)
    hands.until(lambda: window.pages["runs"].isVisible())
