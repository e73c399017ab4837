"""A network trained on photographs of one camera and adapted to those of another, as on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sagittal_engine.cli import main

SIZE = 32
TRAINING = [
    "--steps", "40", "--device", "cpu", "--set", "image_size=32", "--set", "channels=3", "--set", "batch_size=4",
    "--set", "preview_steps=0", "--set", "learning_rate=0.01", "--set", "encoder=small", "--set", "stem=cifar",
]  # fmt: skip


def said(capsys, *words, fails=False):
    """What a command prints with --json, or where it fails its last sentence."""
    capsys.readouterr()
    status = main([*map(str, words), "--json"])
    printed = capsys.readouterr()
    assert status == (2 if fails else 0), printed.err
    return printed.err if fails else json.loads(printed.out)


def write(folder, name, seed, dark, constant=False):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    disc = (x - rng.integers(12, 20)) ** 2 + (y - rng.integers(12, 20)) ** 2 < rng.integers(40, 90)
    picture = rng.integers(0, 40, (SIZE, SIZE, 3)) + 60 + 120 * disc[..., None]
    if dark:
        picture = picture * np.array([0.6, 0.3, 0.2])
    if constant:
        picture = np.full((SIZE, SIZE, 3), 90)
    (folder / "images").mkdir(exist_ok=True, parents=True)
    (folder / "masks").mkdir(exist_ok=True)
    Image.fromarray(picture.astype(np.uint8)).save(folder / "images" / f"{name}.png")
    Image.fromarray((255 * disc).astype(np.uint8)).save(folder / "masks" / f"{name}.png")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGITTAL_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A study of three bright photographs that a run was trained on, and three dark ones; and the run."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("adapting")
    for number in range(3):
        write(root / "bright", f"a{number}", number, dark=False)
        write(root / "dark", f"b{number}", 10 + number, dark=True, constant=number == 2)
    study = root / "study"
    assert main(["new", str(study)]) == 0
    assert main(["import", str(study), str(root / "bright"), str(root / "dark")]) == 0
    assert main(["train", str(study), "unet", "--scans", "a0,a1,a2", *TRAINING]) == 0
    from sagittal_engine.study import Study

    with Study.open(study) as opened:
        (run,) = opened.runs_folder.iterdir()
    return study, run.name.rsplit("_", 1)[1]


@pytest.fixture
def study(trained, tmp_path):
    """A copy of the trained study, for tests that write."""
    import shutil

    path = tmp_path / "study"
    shutil.copytree(trained[0], path)
    return path, trained[1]


def sets_of(study, capsys):
    return {row["name"]: {one["set"]: one for one in row["labels"]} for row in said(capsys, "scans", study)}


def test_adapting_leaves_two_label_sets_and_a_run_like_any_other(study, capsys):
    path, run = study
    found = said(capsys, "adapt", path, "--run", run, "--set", "learning_rate=0.01")
    assert [sorted(case)[:2] for case in found["cases"]] == [["after", "before"]] * 3, "what was not trained on"
    for case in found["cases"]:
        assert {"scan", "cosine", "step_size", "before", "after"} <= case.keys()
    *_, constant = found["cases"]
    assert constant["notes"] and constant["step_size"] == 0.0
    assert -1 <= found["cases"][0]["cosine"] <= 1 and -1 <= found["cases"][0]["empirical_cosine"] <= 1
    assert found["source"] == run and found["refused"] == []
    sets = sets_of(path, capsys)
    assert {found["label_set"], found["before_set"]} <= sets["b0"].keys() and "truth" in sets["b0"]
    assert found["label_set"] not in sets["a0"]

    shown = said(capsys, "show", path, found["run"])
    assert shown["state"] == "finished" and shown["reason"] == "completed" and not shown["resumable"]
    assert shown["adapted"]["run"] == run and shown["adapted"]["method"] == "grata"
    assert shown["adapted"]["parameters"]["learning_rate"] == 0.01
    assert shown["metrics"]["dice_before"]["step"] == [1, 2, 3] and "cosine" in shown["metrics"]
    assert "cannot be trained further" in said(capsys, "train", path, "--resume", found["run"], fails=True)

    again = said(capsys, "segment", path, "--run", found["run"], "--scans", "b1,b2")
    from sagittal_engine.study import Study

    last = found["cases"][-1]["scan"]
    with Study.open(path) as opened:
        one, other = (opened.masks(last, name) for name in (found["label_set"], again["label_set"]))
    assert one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_the_same_seed_gives_the_same_stream(study, capsys):
    path, run = study
    words = ("adapt", path, "--run", run, "--scans", "b1,b0", "--set", "learning_rate=0.01")
    one, two, other = (said(capsys, *words, "--seed", seed)["cases"] for seed in (0, 0, 1))
    assert one == two and [case["cosine"] for case in one] != [case["cosine"] for case in other]


def test_a_domain_column_begins_the_network_anew(study, capsys):
    path, run = study
    found = said(capsys, "adapt", path, "--run", run, "--scans", "a0,b0,b1", "--domain", "domain", "--name", "mine")
    assert [row["domain"] for row in found["runs"]] == ["bright", "dark"]
    assert "mine" in sets_of(path, capsys)["a0"] and "mine-before" in sets_of(path, capsys)["b1"]
    missing = said(capsys, "adapt", path, "--run", run, "--domain", "centre", fails=True)
    assert "no meta label 'centre'" in missing and "domain" in missing


def test_methods_are_compared_on_one_stream_and_nothing_is_left_behind(trained, capsys):
    path, run = trained
    before = sets_of(path, capsys)
    found = said(
        capsys, "evaluate", path, "--run", run, "--task", "adapt", "--scans", "b0,b1", "--set",
        "methods=batch_statistics, tent,grata/fixed-rate", "--set", "orders=2", "--set", "resamples=100",
    )  # fmt: skip
    assert found["methods"] == ["batch_statistics", "tent", "grata/fixed-rate"] and len(found["cases"]) == 12
    assert {"before", "tent", "tent_gain", "tent_spread", "grata/fixed-rate_gain"} <= found["summary"].keys()
    assert set(found["lost"]) == set(found["methods"]) and sets_of(path, capsys) == before
    assert found["summary"]["batch_statistics_spread"]["mean"] == 0.0, "what learns nothing knows no order"
    assert said(capsys, "show", path, run)["evaluations"][-1]["task"] == "adapt"

    shifted = said(
        capsys, "evaluate", path, "--run", run, "--task", "adapt", "--scans", "a0,a1", "--set",
        "methods=batch_statistics", "--set", "shift=gamma", "--set", "strength=1",
    )  # fmt: skip
    plain = said(capsys, "evaluate", path, "--run", run, "--task", "adapt", "--scans", "a0,a1")
    assert shifted["strength"] == 1 and shifted["summary"]["before"] != plain["summary"]["before"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--method", "unet"), "does not adapt. Those that do: batch_statistics, cotta, grata"),
        (("--recipe", "none"), "has no recipe 'none'"),
        (("--set", "learning_rate=-1"), "'learning_rate' is out of its rule"),
        (("--set", "auxiliary=none"), "compares two gradients"),
    ],
)
def test_what_cannot_be_is_refused_in_words(trained, capsys, words, sentence):
    path, run = trained
    assert sentence in said(capsys, "adapt", path, "--run", run, *words, fails=True)


def test_comparisons_that_cannot_be_are_refused_in_words(trained, capsys):
    path, run = trained
    words = ("evaluate", path, "--run", run, "--task", "adapt")
    several = said(capsys, *words, "--set", "methods=tent,grata", "--set", "learning_rate=1", fails=True)
    assert "'learning_rate' could be of any of them" in several
    assert "neither a support scan" in said(capsys, *words, "--protocol", "published", fails=True)
    assert "must be one of" in said(capsys, *words, "--set", "shift=rain", fails=True)
    assert "has labels 'mine' to compare masks with" in said(capsys, *words, "--labels", "mine", fails=True)


def test_notebooks_adapt_with_the_same_words(study):
    import sagittal_engine

    path, run = study
    found = sagittal_engine.adapt(path, run=run, method="tent", scans=["b0"], learning_rate=0.01, name="surer")
    assert found["method"] == "tent" and found["label_set"] == "surer" and found["cases"][0]["step_size"] == 0.01
