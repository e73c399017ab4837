"""Any file of a study cut short at any byte: noticed, and what stands in for it is whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from sagittal.engine_port import DamagedStudy
from sagittal.facts import Edit, Label
from sagittal_engine.study import Study, backups

LIVER = Label(1, "liver", "#E69F00")
CUTS = 20 if os.environ.get("SAGITTAL_SOAK") else 3
"""Places at which each file is cut, spread over it, its first and last byte among them."""
EMPTY = ("study.lock",)
"""Files that never hold anything."""


def paint(study: Study, scan: str, data: np.ndarray, *indices: int) -> None:
    index = np.array(indices, np.int64)
    flat = data.reshape(-1)
    study.record_edit(scan, "painted", Edit("brush", index, flat[index].copy(), np.ones(len(index), np.uint16)))
    flat[index] = 1


@pytest.fixture
def whole(study: Study, scan: str) -> tuple[Path, str, np.ndarray]:
    """A closed study with three saves, unsaved strokes, a run's files and a thumbnail; its scan and its painting."""
    data = np.zeros((6, 5, 4), np.uint16)
    for save in range(3):
        paint(study, scan, data, 10 * save, 10 * save + 1)
        study.save_labels(scan, "painted", data, [LIVER])
    paint(study, scan, data, 40)
    paint(study, scan, data, 50, 51)
    study.thumbnail(scan)
    run = study.path / "runs" / "20260102-030405_plain_00000000"
    run.mkdir()
    (run / "metrics.jsonl").write_text('{"points": {}}\n' * 9, encoding="utf-8")
    study.close()
    return study.path, scan, data


def cuts_of(size: int) -> list[int]:
    return sorted(set(np.linspace(0, size - 1, min(CUTS, size)).astype(int).tolist()))


def what_is_there(path: Path, scan: str) -> tuple[np.ndarray, list[str]]:
    """The painting as it opens, and everything said about damage; a damaged catalogue is restored first."""
    said = []
    try:
        study = Study.open(path)
    except DamagedStudy as error:
        said.append(str(error))
        study = Study.restore(path, backups.copies(path)[0].path)
    with study:
        said += study.damage()
        loan = study.labels(scan, "painted")
        said += [loan.note] if loan.note else []
    return loan.data, said


def test_a_whole_study_has_nothing_to_say(whole: tuple[Path, str, np.ndarray]):
    path, scan, data = whole
    found, said = what_is_there(path, scan)
    assert said == [] and np.array_equal(found, data)


def test_any_file_cut_at_any_byte_is_noticed(whole: tuple[Path, str, np.ndarray], tmp_path: Path):
    path, scan, data = whole
    files = sorted(file.relative_to(path) for file in path.rglob("*") if file.is_file())
    assert len(files) > 20
    newest_journal = sorted(path.glob("labels/*/*.journal"))[-1].relative_to(path)
    for file in files:
        size = (path / file).stat().st_size
        if file.name in EMPTY:
            assert size == 0
            continue
        for cut in cuts_of(size):
            copy = tmp_path / "copy"
            shutil.copytree(path, copy)
            (copy / file).write_bytes((path / file).read_bytes()[:cut])
            found, said = what_is_there(copy, scan)
            if file.parts[0] != "cache":
                assert said, f"{file} cut to {cut} of {size} bytes went unnoticed"
            if file == newest_journal:
                # The only copy of the newest strokes: a whole number of them is left, on top of the last save.
                assert np.flatnonzero(found).tolist() in ([0, 1, 10, 11, 20, 21], [0, 1, 10, 11, 20, 21, 40])
            else:
                assert np.array_equal(found, data), f"{file} cut to {cut} of {size} bytes lost painting"
            shutil.rmtree(copy)


def test_a_cut_thumbnail_is_drawn_again(study: Study, scan: str):
    picture = study.thumbnail(scan)
    (file,) = study.path.glob("cache/thumbnails/*.npy")
    content = file.read_bytes()
    for cut in cuts_of(len(content)):
        file.write_bytes(content[:cut])
        assert np.array_equal(study.thumbnail(scan), picture)
        assert file.read_bytes() == content


def test_a_restored_study_knows_labels_saved_after_the_copy(study: Study, scan: str, monkeypatch: pytest.MonkeyPatch):
    study.catalogue.back_up()
    (copy,) = backups.copies(study.path)[:1]
    study.save_labels(scan, "late", np.ones((6, 5, 4), np.uint16), [LIVER])
    monkeypatch.setattr(study.catalogue, "back_up", lambda: None)
    study.close()
    (study.path / "study.sqlite").write_bytes(b"")
    with pytest.raises(DamagedStudy, match="it is empty"):
        Study.open(study.path)
    with Study.restore(study.path, copy.path) as again:
        (late,) = [one for one in again.scan(scan).label_sets if one.name == "late"]
        assert late.labels == (LIVER,) and again.labels(scan, "late").data.all()


def test_a_catalogue_that_is_gone_is_restored(study: Study, scan: str):
    study.close()
    (study.path / "study.sqlite").unlink()
    with pytest.raises(DamagedStudy, match="lost its catalogue"):
        Study.open(study.path)
    with Study.restore(study.path, backups.copies(study.path)[0].path) as again:
        assert again.scan(scan).name == "image_1"


@pytest.mark.parametrize("flip", range(9, 200, 50))
def test_a_flipped_byte_of_a_journal_costs_one_stroke_at_most(whole, flip: int, tmp_path: Path):
    path, scan, data = whole
    newest = sorted(path.glob("labels/*/*.journal"))[-1]
    content = bytearray(newest.read_bytes())
    if flip >= len(content):
        return
    content[flip] ^= 0xFF
    newest.write_bytes(content)
    with Study.open(path) as study:
        loan = study.labels(scan, "painted")
        assert loan.note
        missing = int(data.sum()) - int(loan.data.sum())
        assert 0 <= missing <= 3
        paint(study, scan, loan.data, 70)
        assert study.labels(scan, "painted").data.flat[70] == 1
