"""The study folder: opening, locking, moving, removing, finding; a thousand scans; a killed painter."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sagittal.engine_port import SagittalError
from sagittal.facts import Edit, SupportPlan
from sagittal_engine.study import Study
from sagittal_engine.study.catalogue import Catalogue
from sagittal_engine.study.tables import ScanRow, SubjectRow

ENGINE = Path(__file__).resolve().parents[3] / "engine"


def test_what_is_no_study_is_said_so(tmp_path: Path):
    with pytest.raises(SagittalError, match="no study at"):
        Study.open(tmp_path / "nowhere")
    with pytest.raises(SagittalError, match="is not a study"):
        Study.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(SagittalError, match="not empty"):
        Study.create(tmp_path)


def test_a_damaged_catalogue_is_said_so(study: Study):
    study.close()
    (study.path / "study.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 4000)
    for rest in study.path.glob("study.sqlite-*"):
        rest.unlink()
    with pytest.raises(SagittalError, match="is damaged: file is not a database"):
        Study.open(study.path)


def test_a_second_opener_only_reads(study: Study, scan: str):
    with Study.open(study.path) as second:
        assert second.read_only and second.facts().read_only
        assert f"process {os.getpid()}" in second.why_read_only
        assert second.facts().why_read_only == second.why_read_only and not study.facts().why_read_only
        assert second.scan(scan).name == "image_1" and second.masks(scan, "truth")
        with pytest.raises(SagittalError, match="open in another Sagittal"):
            second.set_meta(scan, {"a": "b"})
    study.close()
    with Study.open(study.path) as third:
        assert not third.read_only


def test_a_reader_changes_nothing(study: Study, scan: str):
    study.save_labels(scan, "painted", np.ones((6, 5, 4), np.uint16), [])
    before = {path: path.read_bytes() for path in study.path.rglob("*") if path.is_file()}
    plan = SupportPlan(scan, "liver", 0, 3, (1,), ("done",))
    with Study.open(study.path) as reader:
        assert reader.labels(scan, "painted").data.all() and reader.damage(thorough=True) == []
        for change in (
            lambda: reader.record_edit(scan, "painted", Edit("brush", *(np.zeros(1, np.int64) for _ in range(3)))),
            lambda: reader.save_labels(scan, "painted", np.zeros((6, 5, 4), np.uint16), []),
            lambda: reader.set_label_table("painted", []),
            lambda: reader.set_review(scan, "painted", "accepted"),
            lambda: reader.write_prediction(scan, "painted", {}, {}, {}),
            lambda: reader.set_support_plan(plan),
            lambda: reader.remove_scans([scan]),
            lambda: reader.restore_scans([scan]),
            lambda: reader.import_paths([]),
            lambda: reader.relink(study.path),
        ):
            with pytest.raises(SagittalError, match="open in another Sagittal"):
                change()
    assert {path: path.read_bytes() for path in study.path.rglob("*") if path.is_file()} == before


def test_a_folder_that_cannot_be_written_to_is_said_so(study: Study, scan: str, monkeypatch: pytest.MonkeyPatch):
    study.close()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with Study.open(study.path) as second:
        assert second.facts().read_only and "cannot be written to. Copy the study" in second.facts().why_read_only
        assert second.scan(scan).name == "image_1"


def test_a_study_on_a_full_disk_can_be_read(study: Study, scan: str, monkeypatch: pytest.MonkeyPatch):
    def full(self: Catalogue) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    study.close()
    with monkeypatch.context() as broken:
        broken.setattr(Catalogue, "back_up", full)
        with Study.open(study.path) as second:
            assert second.facts().read_only and "disk is full. It can be read" in second.facts().why_read_only
            assert second.scan(scan).name == "image_1"
    with Study.open(study.path) as third:
        assert not third.read_only


def test_scans_are_found_by_name_and_by_the_beginning_of_the_id(study: Study, scan: str):
    assert study.find("image_1").scan == study.find(scan[:6]).scan == study.find("IMAGE_1").scan == scan
    with pytest.raises(SagittalError, match="Did you mean 'image_1'"):
        study.find("imaeg_1")


def test_a_moved_study_finds_its_scans(study: Study, scan: str, tmp_path: Path):
    study.close()
    new = tmp_path / "elsewhere"
    new.mkdir()
    shutil.move(tmp_path / "study", new / "study")
    with Study.open(new / "study") as moved:
        assert not moved.scan(scan).missing
    shutil.move(tmp_path / "data", new / "data")
    with Study.open(new / "study") as moved:
        assert not moved.scan(scan).missing and moved.volume(scan).data.shape == (6, 5, 4)
        assert moved.masks(scan, "truth")


def test_a_missing_file_is_marked_and_found_again(study: Study, scan: str, tmp_path: Path):
    hidden = (tmp_path / "data" / "image_1.nii.gz").rename(tmp_path / "hidden.nii.gz")
    with pytest.raises(SagittalError, match="is not where it was"):
        study.volume(scan)
    assert study.scan(scan).missing
    study.set_meta(scan, {"ward": "3"})
    report = study.import_paths([hidden])
    assert report["imported"] == [] and not study.scan(scan).missing
    assert study.volume(scan).data.shape == (6, 5, 4)


def test_removed_scans_come_back_with_their_labels(study: Study, scan: str):
    study.save_labels(scan, "painted", np.ones((6, 5, 4), np.uint16), [])
    study.remove_scans([scan])
    assert study.facts().scans == () and (study.path / "labels" / "removed" / scan).is_dir()
    study.restore_scans([scan])
    assert study.labels(scan, "painted").data.all()


def test_a_removed_scan_imported_again_is_brought_back(study: Study, scan: str, tmp_path: Path):
    study.remove_scans([scan])
    (entry,) = study.import_paths([tmp_path / "data"])["imported"]
    assert entry["scan"] == scan and any("brought back" in w for w in entry["warnings"])
    assert [s.name for s in study.scan(scan).label_sets] == ["truth"]


def test_plans_meta_and_thumbnail(study: Study, scan: str):
    plan = SupportPlan(scan, "liver", 0, 3, (1, 2), ("not started", "done"))
    study.set_support_plan(plan)
    assert study.support_plans(scan) == study.support_plans() == [plan]
    with pytest.raises(SagittalError, match="slices 0 to 3"):
        study.set_support_plan(SupportPlan(scan, "liver", 0, 4, (), ()))
    study.set_meta(scan, {"ward": "3", "subject": "anna"})
    assert study.scan(scan).meta == {"subject": "anna", "ward": "3"}
    study.set_meta(scan, {"ward": ""})
    assert "ward" not in study.scan(scan).meta
    picture = study.thumbnail(scan)
    assert picture.dtype == np.uint8 and picture.shape == (80, 96)
    assert np.array_equal(study.thumbnail(scan), picture)


def test_the_thumbnail_shows_the_patients_right_at_the_left(study: Study, tmp_path: Path):
    import nibabel as nib

    data = np.zeros((8, 8, 3), np.int16)
    data[0] = 100
    nib.save(nib.Nifti1Image(data, np.diag([-1.0, 1.0, 1.0, 1.0])), tmp_path / "x.nii")
    scan = study.import_paths([tmp_path / "x.nii"])["imported"][0]["scan"]
    picture = study.thumbnail(scan)
    assert picture[:, :8].mean() > 200 and picture[:, -48:].max() == 0


def test_importing_and_opening_needs_no_torch(study: Study, scan: str):
    code = f"import sys; from sagittal_engine.study import Study; Study.open({str(study.path)!r}).close(); " + (
        "assert not {'torch', 'PySide6', 'nibabel', 'SimpleITK', 'monai'} & set(sys.modules)"
    )
    study.close()
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ENGINE)}, timeout=60)


def fill(study: Study, folder: Path, count: int) -> None:
    folder.mkdir()
    with study.catalogue.writing() as session:
        for n in range(count):
            path = folder / f"{n}.nii"
            path.touch()
            session.add(
                ScanRow(
                    id=f"{n:016x}", place=n, name=f"scan {n}", subject=SubjectRow(name=f"s{n}"), kind="nifti",
                    files=[["", str(path), 0]], shape=[4, 4, 4], spacing=[1.0, 1.0, 1.0], orientation="RAS",
                )
            )  # fmt: skip


def test_a_thousand_scans_open_without_a_voxel_read(study: Study, tmp_path: Path, monkeypatch):
    fill(study, tmp_path / "many", 1000)
    study.close()
    monkeypatch.setattr("sagittal_engine.imaging.formats.read", None)
    monkeypatch.setattr("sagittal_engine.imaging.formats.probe", None)
    begun = time.perf_counter()
    with Study.open(study.path) as opened:
        assert len(opened.facts().scans) == 1000
        assert time.perf_counter() - begun < 5
        begun = time.perf_counter()
        opened.facts()
        assert time.perf_counter() - begun < 0.05


def test_many_threads_may_read_the_catalogue_at_once(study: Study, scan: str):
    # One connection a thread with a limit would close connections that others are reading through: the window, its
    # pool, the journal, a run and its workers are more than five.
    found: list[object] = []

    def read() -> None:
        try:
            found.extend(study.catalogue.scans()[0].scan for _ in range(20))
        except Exception as error:
            found.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(5):
            readers = [threading.Thread(target=read) for _ in range(12)]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
    finally:
        sys.setswitchinterval(before)
    assert found == [scan] * (5 * 12 * 20)
