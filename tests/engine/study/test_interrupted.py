"""What the next start offers: studies with unsaved strokes, unnamed ones, those on a drive that is not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sagittal.facts import Edit, Label
from sagittal_engine.service import Engine
from sagittal_engine.study import Study, interrupted, places

LIVER = Label(1, "liver", "#E69F00")


@pytest.fixture
def engine() -> Engine:
    return Engine()


def stroke(index: int) -> Edit:
    return Edit("brush", np.array([index]), np.zeros(1, np.uint16), np.ones(1, np.uint16))


def killed(study: Path) -> None:
    """Makes the study's mark that of a program that is gone."""
    for mark in places.open_marks().glob("*.json"):
        facts = json.loads(mark.read_text())
        if facts["path"] == str(study):
            facts["program"] = facts["program"].replace(f"|{os.getpid()}|", "|999999999|")
            mark.write_text(json.dumps(facts))


def test_a_study_closed_with_all_saved_is_not_offered(study: Study, scan: str):
    study.record_edit(scan, "painted", stroke(1))
    study.save_labels(scan, "painted", study.labels(scan, "painted").data, [LIVER])
    study.close()
    assert interrupted.find() == [] and not list(places.open_marks().iterdir())


def test_unsaved_strokes_are_offered_until_they_are_saved(study: Study, scan: str):
    study.record_edit(scan, "painted", stroke(1))
    study.record_edit(scan, "painted", stroke(2))
    study.store.writer.flush()
    assert interrupted.find() == []  # this very program has it open
    study.close()
    (left,) = interrupted.find()
    assert (left.path, left.edits, left.unnamed, left.there) == (str(study.path), 2, False, True)
    with Study.open(study.path) as again:
        assert interrupted.find() == []
        again.save_labels(scan, "painted", again.labels(scan, "painted").data, [LIVER])
    assert interrupted.find() == []


def test_what_is_forgotten_is_not_offered_but_stays(study: Study, scan: str):
    study.record_edit(scan, "painted", stroke(1))
    study.close()
    interrupted.forget(study.path)
    assert interrupted.find() == []
    with Study.open(study.path) as again:
        assert again.labels(scan, "painted").recovered_edits == 1


def test_an_unnamed_study_is_offered_named_and_moved(engine: Engine, image: Callable[..., Path], tmp_path: Path):
    study = Path(engine.new_unnamed_study().path)
    assert study.parent == places.unnamed() and engine.study().unnamed
    engine._open().import_paths([image(tmp_path / "data" / "image.nii.gz")])
    engine.close_study()
    (left,) = engine.interrupted_studies()
    assert left.unnamed and left.edits == 0
    engine.open_study(study)
    facts = engine.move_study(tmp_path / "mine")
    assert (facts.path, facts.unnamed, facts.scans[0].missing) == (str(tmp_path / "mine"), False, False)
    engine.close_study()
    assert engine.interrupted_studies() == [] and not study.exists()


def test_an_unnamed_study_put_aside_is_kept(engine: Engine, image: Callable[..., Path], tmp_path: Path):
    study = Path(engine.new_unnamed_study().path)
    engine._open().import_paths([image(tmp_path / "data" / "image.nii.gz")])
    engine.close_study()
    engine.forget_interrupted(study)
    assert engine.interrupted_studies() == [] and not study.exists()
    (kept,) = (places.data() / "removed").iterdir()
    assert (kept / "study.sqlite").is_file()


def test_an_unnamed_study_without_a_scan_leaves_nothing(engine: Engine):
    first = Path(engine.new_unnamed_study().path)
    second = Path(engine.new_unnamed_study().path)
    assert first != second and not first.exists()
    engine.close_study()
    assert not second.exists() and engine.interrupted_studies() == []


def test_a_killed_program_is_told_from_a_living_one(study: Study, scan: str):
    study.record_edit(scan, "painted", stroke(1))
    study.store.writer.flush()
    killed(study.path)
    (left,) = interrupted.find()
    assert left.edits == 1
    study.close()


def test_an_unnamed_study_with_a_run_and_no_scan_is_kept(engine: Engine):
    study = Path(engine.new_unnamed_study().path)
    (study / "runs" / "one").mkdir(parents=True)
    engine.close_study()
    assert (study / "runs" / "one").is_dir()
    engine.shut_down()
