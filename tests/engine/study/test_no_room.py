"""A disk that takes no more, at any write; a folder that may not be written to; a drive that is unplugged."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from sagittal.engine_port import SagittalError
from sagittal.facts import Edit, Label
from sagittal_engine.study import Study, interrupted, journal_writer

LIVER = Label(1, "liver", "#E69F00")


def stroke(*indices: int) -> Edit:
    size = len(indices)
    return Edit("brush", np.array(indices), np.zeros(size, np.uint16), np.ones(size, np.uint16))


class RefusingDisk:
    """A disk that refuses every flush of files under `folder` after the first `allowed`."""

    def __init__(self, folder: Path, allowed: int, monkeypatch: pytest.MonkeyPatch, code: int = errno.ENOSPC) -> None:
        self.folder, self.allowed, self.full = folder, allowed, True
        self._fsync, self._code = os.fsync, code
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if self.full and path.is_relative_to(self.folder):
            self.allowed -= 1
            if self.allowed < 0:
                raise OSError(self._code, os.strerror(self._code), str(path))
        self._fsync(handle)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="files are told by /proc")
@pytest.mark.parametrize("allowed", range(0, 14, 2))
def test_a_disk_full_at_any_moment_loses_nothing(
    study: Study, scan: str, spare: Path, allowed: int, monkeypatch: pytest.MonkeyPatch
):
    """Whichever write is the first to fail: afterwards every stroke is there, in the study or in the named place."""
    with monkeypatch.context() as patch:
        disk = RefusingDisk(study.path, allowed, patch)
        data = np.zeros((6, 5, 4), np.uint16)
        said: list[str] = []
        for n in range(6):
            try:
                study.record_edit(scan, "painted", stroke(n))
            except SagittalError as error:
                said.append(str(error))
            data.flat[n] = 1
            study.store.writer.flush()
            if n % 2:
                try:
                    study.save_labels(scan, "painted", data, [LIVER])
                except SagittalError as error:
                    said.append(str(error))
        assert said and all("the disk is full" in one for one in said)
        assert any(str(spare / study.id) in one for one in said)
        disk.full = allowed % 4 == 0
        study.close()
    with Study.open(study.path) as again:
        loan = again.labels(scan, "painted")
        assert np.array_equal(loan.data, data) and loan.note == ""
        again.save_labels(scan, "painted", loan.data, [LIVER])
        assert again.recoveries() == [] and not list(spare.rglob("*.nii.gz"))
        assert np.array_equal(again.labels(scan, "painted").data, data)
        assert len(again.labels(scan, "painted").history) == 6


def test_strokes_that_no_disk_takes_keep_the_study_open(study: Study, scan: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.05)
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(journal_writer, "append", full)
        study.record_edit(scan, "painted", stroke(5))
        with pytest.raises(SagittalError, match="kept in memory"):
            study.close()
        assert study.labels(scan, "painted").data.flat[5] == 1
    study.close()
    with Study.open(study.path) as again:
        assert again.labels(scan, "painted").data.flat[5] == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="files are told by /proc")
def test_a_folder_made_read_only_while_painting(study: Study, scan: str, spare: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        RefusingDisk(study.path, 0, patch, errno.EROFS)
        study.record_edit(scan, "painted", stroke(1))
        study.store.writer.flush()
        with pytest.raises(SagittalError, match="may not be written to") as error:
            study.record_edit(scan, "painted", stroke(2))
        assert str(spare / study.id) in str(error.value)
        with pytest.raises(SagittalError, match=r"may not be written to\. A copy is at"):
            study.save_labels(scan, "painted", np.ones((6, 5, 4), np.uint16), [LIVER])
    study.close()
    with Study.open(study.path) as again:
        assert np.flatnonzero(again.labels(scan, "painted").data).tolist() == [1, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be moved there")
def test_an_unplugged_drive(tmp_path: Path, image: Callable[..., Path], spare: Path):
    """The study's folder vanishes while it is open and comes back later; nothing is written to where it was."""
    drive = tmp_path / "drive"
    study = Study.create(drive / "study")
    image(tmp_path / "data" / "image.nii.gz")
    scan = study.import_paths([tmp_path / "data"])["imported"][0]["scan"]
    study.record_edit(scan, "painted", stroke(1))
    study.store.writer.flush()
    drive.rename(tmp_path / "in the pocket")
    study.record_edit(scan, "painted", stroke(2))
    study.store.writer.flush()
    with pytest.raises(SagittalError, match="unplugged") as error:
        study.record_edit(scan, "painted", stroke(3))
    assert str(spare / study.id) in str(error.value)
    data = np.zeros((6, 5, 4), np.uint16)
    data.flat[:4] = [0, 1, 1, 1]
    with pytest.raises(SagittalError, match=r"unplugged.* A copy is at"):
        study.save_labels(scan, "painted", data, [LIVER])
    study.close()
    assert not drive.exists()
    (left,) = interrupted.find()
    assert left.path == str(drive / "study") and not left.there and left.edits == 2
    (tmp_path / "in the pocket").rename(drive)
    assert interrupted.find()[0].there
    with Study.open(drive / "study") as again:
        assert np.array_equal(again.labels(scan, "painted").data, data)


def test_a_catalogue_on_a_lost_drive_is_one_sentence(study: Study, scan: str, monkeypatch: pytest.MonkeyPatch):
    def lost(_session: object) -> None:
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    with monkeypatch.context() as patch:
        patch.setattr("sqlalchemy.orm.Session.commit", lost)
        with pytest.raises(SagittalError, match="could not be written: disk I/O error"):
            study.set_meta(scan, {"ward": "3"})
        patch.setattr("sqlalchemy.orm.Session.get", lambda *_a: lost(None))
        with pytest.raises(SagittalError, match="could not be read: disk I/O error"):
            study.catalogue.info("id")
    study.set_meta(scan, {"ward": "3"})
    assert study.scan(scan).meta["ward"] == "3"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB; skipped where none may be mounted."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip(f"no disk may be mounted here: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.soak
@pytest.mark.skipif(not os.environ.get("SAGITTAL_SOAK"), reason="mounts a disk; make soak runs it")
def test_a_disk_that_is_really_full(small_disk: Path, tmp_path: Path, image: Callable[..., Path], spare: Path):
    shape = (64, 64, 24)
    image(tmp_path / "data" / "image.nii.gz", shape=shape)
    study = Study.create(small_disk / "study")
    scan = study.import_paths([tmp_path / "data"])["imported"][0]["scan"]
    data = np.zeros(shape, np.uint16)
    rng = np.random.default_rng(0)
    said = set()
    filler = (small_disk / "filler").open("wb", buffering=0)
    for n in range(120):
        index = np.sort(rng.choice(data.size, 400, replace=False))
        before = data.flat[index].copy()
        after = rng.integers(0, 9, 400).astype(np.uint16)
        data.flat[index] = after
        try:
            study.record_edit(scan, "painted", Edit("brush", index, before, after))
            if n % 10 == 9:
                study.save_labels(scan, "painted", data, [LIVER])
        except SagittalError as error:
            said.add(str(error))
        if n == 30:
            filler.write(bytes(max(0, shutil.disk_usage(small_disk).free - 2**15)))
    assert any("the disk is full" in one for one in said)
    study.close()
    filler.close()
    (small_disk / "filler").unlink()
    with Study.open(small_disk / "study") as again:
        assert np.array_equal(again.labels(scan, "painted").data, data)
        again.save_labels(scan, "painted", data, [LIVER])
    with Study.open(small_disk / "study") as again:
        assert np.array_equal(again.labels(scan, "painted").data, data) and again.damage(thorough=True) == []
