"""Folders of 2D pictures with a table of labels, as their user goes through them on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from sagittal_engine.cli import main

TRAINING = [
    "--recipe", "quick-cpu", "--steps", "3", "--device", "cpu", "--set", "image_size=16", "--set", "hidden_dim=8",
    "--set", "batch_size=4", "--set", "channels=3", "--set", "label_target=camera", "--set", "held_out=0.34",
    "--probe", "knn:every=3",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGITTAL_THREADS", "1")
    torch.set_num_threads(1)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two photographs of each of nine people: of camera A red, of camera B blue; the last camera is not known."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    lines = ["image;subject;camera;eye"]
    for person in range(9):
        for eye in "LR":
            rng = np.random.default_rng([person, ord(eye)])
            picture = rng.integers(0, 60, (20, 24, 3), dtype=np.uint8)
            picture[4:16, 6:18, 2 * (person % 2)] += 150
            name = f"eye_{person}{eye}" + (".png", ".jpg", ".tif")[person % 3]
            if person % 3 == 2 and eye == "R":
                tifffile.imwrite(folder / name, picture.astype(np.uint16) * 257, photometric="rgb")
            else:
                Image.fromarray(picture).save(folder / name)
            camera = "" if person == 8 else "AB"[person % 2]
            lines.append(f"{name};p{person};{camera};{eye}")
    (folder / "what.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str, fails: bool = False):
    """What a command prints with --json, or where it fails its last sentence."""
    capsys.readouterr()
    status = main([*map(str, words), "--json"])
    printed = capsys.readouterr()
    assert status == (2 if fails else 0), printed.err
    return printed.err + printed.out if fails else json.loads(printed.out)


def test_a_study_of_pictures_from_import_to_evaluation(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    said(capsys, "new", study)
    report = said(capsys, "import", study, pictures, "--meta", pictures / "what.csv")
    assert len(report["imported"]) == 18
    scans = said(capsys, "scans", study)
    assert {scan["subject"] for scan in scans} == {f"p{n}" for n in range(9)}
    assert {scan["meta"].get("camera") for scan in scans} == {"A", "B", None}

    run = said(capsys, "train", study, "simclr", *TRAINING)
    assert run["step"] == 3 and "knn_accuracy" in run["metrics"]
    name = run["run"]
    for task, settings in (("knn", ["k=3"]), ("linear", []), ("classify", ["epochs=2"])):
        words = [word for value in settings for word in ("--set", value)]
        found = said(capsys, "evaluate", study, "--run", name, "--task", task, "--target", "camera", *words)
        assert found["target"] == "camera" and found["classes"] == ["A", "B"]
        tested, labelled = {case["subject"] for case in found["cases"]}, set(found["draws"][0]["subjects"])
        assert tested and labelled and tested.isdisjoint(labelled) and "p8" not in tested | labelled
        assert 0 <= found["summary"]["accuracy"]["mean"] <= 1

    assert main(["evaluate", str(study), "--run", name, "--task", "linear", "--target", "eye"]) == 0
    printed = capsys.readouterr().out
    assert "Target 'eye'" in printed and "without looking at an image: 0.5" in printed
    wrong = said(capsys, "evaluate", study, "--run", name, "--task", "knn", "--target", "lens", fails=True)
    assert "no target 'lens'" in wrong and "camera" in wrong
    unlabelled = said(capsys, "evaluate", study, "--run", name, "--task", "knn", "--target", "labels", fails=True)
    assert (
        "No subject has scans with the labels 'truth'" in unlabelled
        and "choose a meta label as the target" in unlabelled
    )
    assert said(capsys, "evaluate", study, "--run", name, "--task", "linear")["target"] == "camera", "the run's own"
    other = said(capsys, "evaluate", study, "--run", name, "--task", "one-shot", "--target", "eye", fails=True)
    assert "--target is for the tasks classify, knn, linear" in other
    patches = said(
        capsys, "train", study, "simclr", "--recipe", "quick-cpu-3d", "--device", "cpu", "--steps", "1", fails=True
    )
    assert "3D networks see grey volumes" in patches


def test_a_folder_of_pictures_in_place_of_scans(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    said(capsys, "new", study)
    nothing = said(capsys, "train", study, "simclr", *TRAINING, "--set", f"data={tmp_path / 'nowhere'}", fails=True)
    assert "There is no file or folder" in nothing and "leave it empty for scans" in nothing
    run = said(capsys, "train", study, "simclr", *TRAINING, "--set", f"data={pictures}")
    name = run["run"]
    found = said(capsys, "evaluate", study, "--run", name, "--task", "linear", "--target", "camera")
    assert {case["subject"] for case in found["cases"]}.isdisjoint(found["draws"][0]["subjects"])
