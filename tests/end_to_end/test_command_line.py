"""The whole main job by command line, on synthetic scans, with the real engine: from an empty folder to an export."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from sagittal_engine import phantom
from sagittal_engine.cli import main

SUBJECTS = 4
TINY = ("--set", "superpixels_per_slice=1", "--set", "batch_size=1", "--set", "foreground=otsu")
TINY_STEPS = ("--set", "steps=6", "--set", "checkpoint_steps=2", "--set", "preview_steps=0")


@dataclass
class Ran:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs commands in this process, so that torch is imported once."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: object) -> Ran:
        status = main([str(word) for word in words])
        captured = self._capture.readouterr()
        return Ran(status, captured.out, captured.err)

    def json(self, *words: object) -> Any:
        """The document of a command that must succeed."""
        ran = self(*words, "--json")
        assert ran.status == 0, ran.err
        return ran.document


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.setenv("SAGITTAL_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("SAGITTAL_THREADS", "1")
    return Shell(capsys)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    phantom.generate(folder, subjects=SUBJECTS, seed=3)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study that the tests of this file take through its life, in their order."""
    return tmp_path_factory.mktemp("studies") / "study"


def test_1_a_study_is_made_and_scans_are_imported(shell, place, scans):
    assert shell.json("new", place) == {"study": str(place)}
    report = shell.json("import", place, scans)
    assert len(report["imported"]) == SUBJECTS
    used = {Path(file).name for row in report["imported"] for file in row["files"]}
    assert {f"image_{n:02d}.nii.gz" for n in range(1, SUBJECTS + 1)} <= used
    assert {f"label_{n:02d}.nii.gz" for n in range(1, SUBJECTS + 1)} <= used
    for row in report["imported"]:
        (found,) = row["labels"]
        assert {label["number"]: label["name"] for label in found["labels"]} == phantom.LABELS
        assert len(row["shape"]) == 3 and len(row["spacing"]) == 3 and len(row["orientation"]) == 3


def test_2_the_same_content_is_not_imported_twice(shell, place, scans):
    before = shell.json("scans", place)
    shell("import", place, scans, "--json")
    assert shell.json("scans", place) == before
    assert len(before) == SUBJECTS
    assert all({"scan", "subject", "shape", "spacing", "orientation", "labels", "meta"} <= set(row) for row in before)


def test_3_training_stops_where_it_is_told_and_resumes(shell, place):
    words = ("train", place, "cowpro", *TINY, *TINY_STEPS, "--seed", 5, "--scans", "image_01,image_02")
    ran = shell.json(*words, "--steps", 3)
    assert (ran["state"], ran["reason"], ran["step"]) == ("finished", "completed", 3)
    losses = {name: series for name, series in ran["metrics"].items() if "loss" in name}
    assert losses and all(series["step"] == [1, 2, 3] for series in losses.values())
    on = shell.json("train", place, "cowpro", "--resume", ran["run"])
    assert (on["run"], on["step"]) == (ran["run"], 6)
    whole = shell.json(*words)
    for name in losses:
        assert on["metrics"][name] == whole["metrics"][name], name


def test_4_runs_are_listed_and_shown(shell, place):
    rows = shell.json("runs", place)
    assert len(rows) == 2 and all(row["state"] == "finished" for row in rows)
    shown = shell.json("show", place, rows[0]["run"])
    assert shown["request"]["method"] == "cowpro" and shown["parameters"]["batch_size"] == 1
    assert shown["request"]["parameters"]["batch_size"] == 1 and shown["device"] == "cpu"
    folder = place / "runs" / shown["folder"]
    assert json.loads((folder / "run.json").read_text())["run"] == shown["run"]
    assert json.loads((folder / "state.json").read_text())["reason"] == "completed"


def test_5_queries_are_segmented_from_one_support(shell, place):
    names = [row["scan"] for row in shell.json("scans", place)]
    found = shell.json(
        "segment", place, "--run", "last", "--label", "liver", "--label", 4, "--support", names[0], "--name", "first"
    )
    assert found["label_set"] == "first"
    assert [case["scan"] for case in found["cases"]] == names[1:]
    assert all(case["slices"] and case["confidence"] for case in found["cases"])
    sets = {row["scan"]: {s["set"] for s in row["labels"]} for row in shell.json("scans", place)}
    assert "first" not in sets[names[0]] and all("first" in sets[name] for name in names[1:])


@pytest.mark.parametrize("protocol", ["published", "deployed"])
def test_6_both_protocols_give_figures_with_intervals(shell, place, protocol):
    document = shell.json("evaluate", place, "--run", "last", "--task", "one-shot", "--protocol", protocol)
    assert document["protocol"] == protocol
    assert set(document["summary"]) == {"dice_mean", *(f"dice_{name}" for name in phantom.LABELS.values())}
    for figure in document["summary"].values():
        assert 0.0 <= figure["low"] <= figure["mean"] <= figure["high"] <= 1.0 and figure["n"] == SUBJECTS
    assert len(document["cases"]) >= SUBJECTS


def test_7_an_export_lies_on_the_sources_own_grid(shell, place, scans, tmp_path):
    written = shell.json("export", place, "--labels", "truth", "--format", "nifti", "--out", tmp_path / "out")
    assert written["verified"]
    sources = {path.name.split(".")[0]: path for path in scans.glob("image_*.nii.gz")}
    images = [Path(file) for file in written["files"] if file.endswith((".nii", ".nii.gz"))]
    assert len(images) == SUBJECTS
    for path in images:
        stem = next(name for name in sources if path.name.startswith(name))
        source, exported = nib.load(sources[stem]), nib.load(path)
        truth = nib.load(scans / sources[stem].name.replace("image", "label"))
        assert np.array_equal(source.affine, exported.affine)
        assert np.array_equal(np.asarray(exported.dataobj), np.asarray(truth.dataobj))


def test_8_wrong_requests_are_refused_in_one_line(shell, place, tmp_path):
    for words, part in (
        (("scans", tmp_path / "nowhere"), "nowhere"),
        (("new", place), str(place.name)),
        (("train", place, "cowpra"), "cowpro"),
        (("train", place, "cowpro", "--set", "batch_size=0"), "batch_size"),
        (("train", place, "cowpro", "--device", "toaster"), "toaster"),
        (("train", place, "cowpro", "--probe", "aura"), "aura"),
        (("train", place, "cowpro", "--resume", "zzz"), "zzz"),
        (("segment", place, "--run", "last", "--label", "heart", "--support", "image_01"), "heart"),
        (("evaluate", place, "--run", "last", "--task", "knn"), "knn"),
        (("export", place, "--labels", "truth", "--format", "dicom-seg", "--out", tmp_path), "DICOM"),
    ):
        ran = shell(*words)
        assert ran.status == 2, (words, ran)
        assert part in ran.err and ran.err.count("\n") == 1, (words, ran.err)


def test_9_nothing_that_can_be_read_is_refused_and_reported(shell, tmp_path):
    (tmp_path / "bad.nii.gz").write_bytes(b"this is no image")
    (tmp_path / "notes.txt").write_text("hello")
    shell.json("new", tmp_path / "study")
    ran = shell("import", tmp_path / "study", tmp_path / "bad.nii.gz", tmp_path / "notes.txt", "--json")
    assert ran.status == 2
    assert {Path(row["path"]).name for row in ran.document["refused"]} == {"bad.nii.gz", "notes.txt"}
    assert all(row["reason"] for row in ran.document["refused"])


def test_a_signal_stops_a_run_with_a_checkpoint_and_3(shell, place):
    command = [sys.executable, "-m", "sagittal_engine.cli", "train", str(place), "cowpro", *TINY, "--json"]
    # A shell that runs this suite in the background would have its children ignore the key.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        child = subprocess.Popen(
            [*command, "--set", "steps=100000"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    with child:
        deadline = time.monotonic() + 120
        while not any(_step(path) >= 2 for path in place.glob("runs/*/state.json")) and time.monotonic() < deadline:
            time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 3, err
    document = json.loads(out)
    assert (document["state"], document["reason"]) == ("finished", "stopped") and document["step"] >= 1
    checkpoint = place / "runs" / shell.json("show", place, document["run"])["folder"] / "checkpoints"
    assert any(checkpoint.iterdir())
    assert shell.json("show", place, document["run"])["resumable"]


def _step(path: Path) -> int:
    """The step of a run that is under way; 0 for others."""
    try:
        state = json.loads(path.read_text())
    except ValueError:
        return 0
    return int(state["step"]) if state["state"] == "running" else 0
