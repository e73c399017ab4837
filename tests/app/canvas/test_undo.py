"""Undo and redo over every tool and command, also after a save and a reload of a real study."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import SHAPE, SPACING, TABLE, Chance, document, loan, painting

from sagittal.facts import Edit
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.session import Session
from sagittal_app.canvas.state import CanvasState
from sagittal_engine.study import Study


def all_of(step) -> None:
    """Undoes, or redoes, as long as there is something."""
    while step():
        pass


@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(0, 25))
@settings(max_examples=25, deadline=None)
def test_undoing_all_gives_the_start_and_redoing_all_the_end(qapp, seed: int, steps: int) -> None:
    journal: list[Edit] = []
    labels = document(journal=journal.append)
    labels.data[5:15, 5:15, 3] = 2
    start = labels.data.copy()
    chance = Chance(painting(labels), seed)
    for _ in range(steps):
        before = labels.data.copy()
        chance.act()
        for number in labels.locked:
            assert np.array_equal(before == number, labels.data == number) or journal[-1].tool.startswith(("un", "re"))
    all_of(labels.redo)
    end = labels.data.copy()
    all_of(labels.undo)
    assert np.array_equal(labels.data, start)
    all_of(labels.redo)
    assert np.array_equal(labels.data, end)
    replayed = start.copy()
    for edit in journal:
        replayed.reshape(-1)[edit.indices] = edit.after
    assert np.array_equal(replayed, end), "the journal must tell the same story"


class Sitting:
    """A study on disk, its scan open for painting as the window opens it."""

    def __init__(self, folder: Path) -> None:
        data = np.random.default_rng(0).normal(100, 20, SHAPE).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(data, np.diag([*SPACING, 1.0])), folder / "image.nii.gz")
        self.study = Study.create(folder / "study")
        report = self.study.import_paths([folder / "image.nii.gz"])
        self.scan = report["imported"][0]["scan"]
        self.state = CanvasState()
        self.open()

    def open(self) -> None:
        lent = self.study.labels(self.scan, "painted")
        self.labels = LabelDocument(
            lent.data, lent.labels or TABLE, lambda edit: self.study.record_edit(self.scan, "painted", edit),
            done=lent.history, undone=lent.undone,
        )  # fmt: skip
        if self.state.scan is None:
            self.state.show_scan(loan(), self.labels)
        else:
            self.state.set_document(self.labels)

    def save(self) -> None:
        self.study.save_labels(self.scan, "painted", self.labels.data.copy(), self.labels.labels)

    def reload(self) -> None:
        before = self.labels.data.copy()
        self.study.close()
        self.study = Study.open(self.study.path)
        self.open()
        assert np.array_equal(self.labels.data, before)


@pytest.mark.parametrize("seed", range(3))
def test_undo_reaches_the_start_after_saves_and_reloads(qapp, tmp_path: Path, seed: int) -> None:
    sitting = Sitting(tmp_path)
    chance = Chance(sitting.state, seed)
    for step in range(30):
        chance.act()
        if step % 9 == 4:
            sitting.save()
        if step % 7 == 6:
            sitting.reload()
    all_of(sitting.labels.redo)
    end = sitting.labels.data.copy()
    assert end.any()
    sitting.reload()
    all_of(sitting.labels.undo)
    assert not sitting.labels.data.any()
    sitting.reload()
    all_of(sitting.labels.redo)
    assert np.array_equal(sitting.labels.data, end)
    sitting.study.close()


def test_a_scan_opened_again_can_be_undone_and_redone(desk, engine, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine lends as history is what Ctrl+Z and Ctrl+Y reach."""
    lend = engine.labels

    def with_history(scan: str, label_set: str):
        lent = lend(scan, label_set)
        lent.data[:] = 0
        lent.data[1, 1, 1] = 2
        one, two = (Edit("brush", np.array([at]), np.array([0], np.uint16), np.array([2], np.uint16)) for at in (0, 9))
        last = np.ravel_multi_index([[1], [1], [1]], lent.data.shape)
        return replace(lent, history=(replace(one, indices=last),), undone=(two,))

    monkeypatch.setattr(engine, "labels", with_history)
    session = Session(desk, CanvasState())
    session.open(desk.study().scans[0].scan, "painted")
    qtbot.waitUntil(lambda: session.state.document is not None)
    labels = session.state.document
    assert labels.redo() and labels.data.reshape(-1)[9] == 2
    assert labels.undo() and labels.undo() and not labels.undo()
    assert not labels.data.any()
    session.state.document.unsaved = False
