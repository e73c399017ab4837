"""Undo and redo after a reload: whatever was painted, undone and saved, undo all is the start, redo all the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sagittal.facts import Edit, Label
from sagittal_engine.study import Study, label_store, undoing

LIVER = Label(1, "liver", "#E69F00")
SHAPE = (6, 5, 4)


class Painter:
    """What the canvas does: paints on a loan, keeps its history, journals every change."""

    def __init__(self, study: Study, scan: str) -> None:
        self.study, self.scan = study, scan
        self.data = np.zeros(SHAPE, np.uint16)
        self.done: list[Edit] = []
        self.undone: list[Edit] = []

    def change(self, edit: Edit) -> None:
        self.data.reshape(-1)[edit.indices] = edit.after
        self.study.record_edit(self.scan, "painted", edit)

    def paint(self, parts: list[tuple[list[int], int]]) -> None:
        """One stroke that reaches the journal in parts."""
        start = self.data.copy()
        sent = 0
        for indices, value in parts:
            index = np.array([i for i in indices if self.data.reshape(-1)[i] != value], np.int64)
            if index.size:
                before = self.data.reshape(-1)[index].copy()
                self.change(Edit("brush", index, before, np.full(index.size, value, np.uint16), sent > 0))
                sent += 1
        changed = np.flatnonzero(start != self.data)
        if changed.size:
            step = Edit("brush", changed, start.reshape(-1)[changed], self.data.reshape(-1)[changed])
            self.done.append(step)
            self.undone.clear()

    def undo(self) -> None:
        if self.done:
            edit = self.done.pop()
            self.undone.append(edit)
            self.change(Edit(f"undo {edit.tool}", edit.indices, edit.after, edit.before))

    def redo(self) -> None:
        if self.undone:
            edit = self.undone.pop()
            self.done.append(edit)
            self.change(replace(edit, tool=f"redo {edit.tool}"))

    def save(self) -> None:
        self.study.save_labels(self.scan, "painted", self.data.copy(), [LIVER])

    def reload(self) -> None:
        """Closes the study, opens it again, and takes up what is lent; it must be what was there."""
        self.study.close()
        self.study = Study.open(self.study.path)
        loan = self.study.labels(self.scan, "painted")
        assert np.array_equal(loan.data, self.data)
        same(loan.history, self.done)
        same(loan.undone, self.undone)
        self.data, self.done, self.undone = loan.data, list(loan.history), list(loan.undone)


def same(found: tuple[Edit, ...], wanted: list[Edit]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.tool == other.tool and not one.continues
        assert [row.tolist() for row in in_order(one)] == [row.tolist() for row in in_order(other)]


def in_order(edit: Edit) -> list[np.ndarray]:
    order = np.argsort(edit.indices)
    return [values[order] for values in (edit.indices, edit.before, edit.after)]


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_comes_back(study: Study, scan: str, seed: int):
    rng = np.random.default_rng(seed)
    painter = Painter(study, scan)
    for _ in range(40):
        match rng.choice(["paint", "paint", "stroke", "undo", "undo", "redo", "save", "reload"]):
            case "paint":
                painter.paint([(rng.choice(120, 5, replace=False).tolist(), int(rng.integers(0, 3)))])
            case "stroke":
                parts = [(rng.choice(120, 4, replace=False).tolist(), int(rng.integers(0, 3))) for _ in range(3)]
                painter.paint(parts)
            case "undo":
                painter.undo()
            case "redo":
                painter.redo()
            case "save":
                painter.save()
            case "reload":
                painter.reload()
    while painter.undone:
        painter.redo()
    end = painter.data.copy()
    painter.reload()
    while painter.done:
        painter.undo()
    assert not painter.data.any()
    painter.reload()
    while painter.undone:
        painter.redo()
    assert np.array_equal(painter.data, end)
    painter.study.close()


def test_a_stroke_painted_back_is_no_step(study: Study, scan: str):
    painter = Painter(study, scan)
    painter.paint([([1, 2], 1)])
    painter.undo()
    painter.paint([([5], 1), ([5], 0)])
    painter.reload()
    assert len(painter.undone) == 1 and not painter.done
    painter.study.close()


def test_a_change_no_journal_knows_ends_the_history(study: Study, scan: str):
    painter = Painter(study, scan)
    painter.paint([([1, 2], 1)])
    painter.paint([([3], 1)])
    painter.data.reshape(-1)[[1, 9]] = 2
    painter.save()
    loan = study.labels(scan, "painted")
    assert [step.indices.tolist() for step in loan.history] == [[3]]
    study.write_prediction(scan, "painted", {"liver": np.ones(SHAPE, bool)}, {}, {})
    assert study.labels(scan, "painted").history == ()


def test_memory_bounds_what_is_lent_and_keeps_the_newest(study: Study, scan: str, monkeypatch: pytest.MonkeyPatch):
    painter = Painter(study, scan)
    for index in range(10):
        painter.paint([([index], 1)])
    for _ in range(3):
        painter.undo()
    monkeypatch.setattr(undoing, "MOST_VOXELS", 6)
    loan = study.labels(scan, "painted")
    # Six edits fit: painting 7, 8 and 9, and taking them back again.
    assert loan.history == ()
    assert [step.indices.tolist() for step in loan.undone] == [[9], [8], [7]]
    assert np.array_equal(loan.data, painter.data)


def test_the_disk_bounds_what_is_kept_for_undo_alone(study: Study, scan: str, monkeypatch: pytest.MonkeyPatch):
    painter = Painter(study, scan)
    for index in range(8):
        painter.paint([([index], 1)])
        painter.save()
    journals = lambda: len(list(Path(study.path, "labels", scan).glob("*.journal")))  # noqa: E731
    assert journals() == 8
    monkeypatch.setattr(label_store, "HISTORY_BYTES", 1)
    painter.paint([([9], 1)])
    painter.save()
    assert journals() == 2 and len(study.labels(scan, "painted").history) == 2
    assert np.array_equal(study.labels(scan, "painted").data, painter.data)


def test_a_damaged_save_loses_nothing(study: Study, scan: str):
    painter = Painter(study, scan)
    for index in range(4):
        painter.paint([([index], 1)])
        painter.save()
    painter.paint([([50], 1)])
    newest = sorted(Path(study.path, "labels", scan).glob("painted.*.nii.gz"))[-1]
    newest.write_bytes(newest.read_bytes()[:-9])
    loan = study.labels(scan, "painted")
    assert np.array_equal(loan.data, painter.data) and len(loan.history) == 5
    assert "is damaged. The one before it" in loan.note
