"""`sagittal study check`, `relink` and `restore` on real studies."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sagittal_engine.cli import main
from sagittal_engine.study import Study


@pytest.fixture
def closed(study: Study, scan: str) -> Path:
    """A closed study with one scan and its truth."""
    study.close()
    return study.path


@pytest.fixture
def sagittal(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, object, str]]:
    """Runs a command: exit status, the document, what was said."""

    def run(*words: object) -> tuple[int, object, str]:
        status = main([*map(str, words), "--json"])
        out, err = capsys.readouterr()
        return status, json.loads(out) if out else None, err

    return run


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_a_whole_study_is_said_to_be_whole(sagittal, closed: Path):
    status, document, _ = sagittal("study", "check", closed)
    assert status == 0 and document["damaged"] == [] and document["copies"]


def test_moved_scans_are_found_by_content_wherever_they_are(sagittal, closed: Path, tmp_path: Path):
    away = tmp_path / "new" / "place" / "deep"
    shutil.move(tmp_path / "data", away)
    impostor = tmp_path / "new" / "image_1.nii.gz"
    impostor.write_bytes(bytes(len((away / "image_1.nii.gz").read_bytes())))
    status, report, _ = sagittal("study", "relink", closed, tmp_path / "new")
    assert status == 0 and report["missing"] == []
    assert [Path(row["path"]) for row in report["found"]] == [away / "image_1.nii.gz", away / "label_1.nii.gz"]
    with Study.open(closed) as again:
        (scan,) = again.facts().scans
        assert not scan.missing and again.masks(scan.scan, "truth")
    status, report, _ = sagittal("study", "relink", closed, tmp_path)
    assert (status, report) == (0, {"found": [], "missing": []})


def test_scans_of_one_file_are_found_under_other_names(sagittal, closed: Path, tmp_path: Path):
    away = tmp_path / "new"
    shutil.move(tmp_path / "data", away)
    impostor = away / "first.nii.gz"
    impostor.write_bytes(bytes(len((away / "image_1.nii.gz").read_bytes())))
    (away / "image_1.nii.gz").rename(away / "renamed.nii.gz")
    status, report, _ = sagittal("study", "relink", closed, away)
    assert status == 0 and report["missing"] == []
    assert Path(report["found"][0]["path"]) == away / "renamed.nii.gz"
    with Study.open(closed) as again:
        assert not again.facts().scans[0].missing


def test_what_is_not_found_is_listed(sagittal, closed: Path, tmp_path: Path):
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "empty").mkdir()
    status, report, said = sagittal("study", "relink", closed, tmp_path / "empty")
    assert status == 2 and len(report["missing"]) == 2 and "2 files" in said
    status, _, said = sagittal("study", "relink", closed, tmp_path / "nowhere")
    assert status == 2 and "is not a folder" in said


def test_a_damaged_catalogue_is_restored_with_labels_saved_since(sagittal, closed: Path, tmp_path: Path):
    cut(closed / "study.sqlite")
    status, _, said = sagittal("scans", closed)
    assert status == 2 and "is damaged" in said and "sagittal study restore" in said
    status, document, _ = sagittal("study", "check", closed)
    assert status == 2 and "restore" in document["damaged"][0]
    status, document, _ = sagittal("study", "restore", closed)
    assert (status, document["scans"]) == (0, 1)
    assert list(closed.glob("study.damaged-*.sqlite"))
    status, _, said = sagittal("study", "restore", closed)
    assert status == 2 and "is whole" in said
    status, _, said = sagittal("study", "restore", closed, "--copy", "9")
    assert status == 2 and "number 9" in said
