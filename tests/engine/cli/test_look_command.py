"""`sagittal look`, and importing some of what it lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagittal.facts import OtherGrid, SeriesFacts
from sagittal_engine.cli import other_grids

SERIES = [
    SeriesFacts("MR T1", "dicom", ("/d/1", "/d/2"), "P-1", "MR", (4, 5, 2), (1.0, 1.0, 3.0), warnings=("It is odd.",)),
    SeriesFacts("MR T2", "dicom", ("/d/3",), "P-1", "MR", (4, 5, 1), (1.0, 1.0, 3.0), labels=("/d/label.nii",)),
    SeriesFacts("MR T2", "dicom", ("/d/4",), "P-2", "MR", (4, 5, 1), (1.0, 1.0, 3.0)),
]
GRIDS = [
    OtherGrid(name, "nifti", (f"/d/{name}.nii",), "nifti", (f"/d/{name}-label.nii",), "It is coarser.")
    for name in ("liver", "knee")
]
FOUND = {
    "paths": ["/d"],
    "labels": [],
    "series": SERIES,
    "other_grids": GRIDS,
    "refused": [{"path": "/d/x", "reason": "It is no image."}],
}


@pytest.fixture(autouse=True)
def found(line) -> None:
    line.engine.results["look"] = FOUND
    line.engine.results["import"] = {"imported": [], "refused": [], "layouts": []}


def test_a_look_lists_series_without_patients(line, tmp_path):
    ran = line("look", tmp_path, "--json")
    assert ran.status == 0
    assert [row["number"] for row in ran.document["series"]] == [1, 2, 3]
    assert "patient" not in ran.document["series"][0] and "Nobody" not in ran.out
    shown = line("look", tmp_path)
    assert "MR T1" in shown.out and "It is odd." in shown.out and "3 found, 1 refused." in shown.out


def test_patients_are_named_when_asked_for(line, tmp_path):
    assert line("look", tmp_path, "--patients", "--json").document["series"][0]["patient"] == "Nobody of 1"
    assert "Nobody of 3" in line("look", tmp_path, "--patients").out


def test_a_look_at_nothing(line, tmp_path):
    assert line("look", tmp_path / "nothing").status == 2
    line.engine.results["look"] = {**FOUND, "series": [], "other_grids": []}
    assert line("look", tmp_path).status == 2


def test_import_takes_the_named_series_with_their_labels(line, tmp_path):
    line("import", "study", tmp_path, "--series", "MR T1", "--series", "2")
    files = tuple(Path(name) for name in ("/d/1", "/d/2", "/d/3", "/d/label.nii"))
    assert line.engine.requests[-1] == (files, (), None, "auto")


@pytest.mark.parametrize(("word", "said"), [("MR T3", "No series is called"), ("MR T2", "Give its number instead")])
def test_a_series_that_cannot_be_told(line, tmp_path, word, said):
    ran = line("import", "study", tmp_path, "--series", word)
    assert ran.status == 2 and said in ran.err


def test_series_and_labels_do_not_go_together(line, tmp_path):
    assert line("import", "study", tmp_path, "--series", "1", "--labels", tmp_path).status == 2


def test_a_look_tells_of_label_maps_on_another_grid_and_draws_them(line, tmp_path):
    first, _ = line("look", tmp_path, "--json").document["other_grids"]
    assert first == {"path": "/d/liver-label.nii", "image": "/d/liver.nii", "difference": "It is coarser."}
    assert "--previews DIR shows it" in line("look", tmp_path).out
    drawn = line("look", tmp_path, "--previews", tmp_path / "seen", "--json").document["other_grids"]
    assert [Path(row["preview"]).is_file() for row in drawn] == [True, True]
    assert drawn[0]["becomes"] == "liver 1,500.0 ml becomes 1,498.0 ml"


def test_label_maps_on_another_grid_are_asked_for_at_a_terminal(line, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(other_grids, "is_asked", lambda choice, as_json: choice == "ask" and not as_json)
    monkeypatch.setattr(other_grids.typer, "confirm", lambda *_, **__: asked.append(1) or len(asked) == 2)
    ran = line("import", "study", tmp_path)
    assert len(asked) == 2 and line.engine.resample == [Path("/d/knee-label.nii")]
    assert "knee-label.nii lies on another grid than its image knee. It is coarser." in ran.err
    assert "liver 1,500.0 ml becomes 1,498.0 ml" in ran.err


@pytest.mark.parametrize(("choice", "resample"), [("resample", None), ("refuse", []), ("ask", None)])
def test_where_nobody_can_be_asked_the_flag_decides(line, tmp_path, choice, resample):
    line("import", "study", tmp_path, "--other-grids", choice, "--json")
    assert line.engine.resample == resample


def test_another_choice_is_refused(line, tmp_path):
    ran = line("import", "study", tmp_path, "--other-grids", "maybe")
    assert ran.status == 2 and "one of ask, resample, refuse; got 'maybe'" in ran.err
