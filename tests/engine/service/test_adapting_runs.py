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
    assert main(["runs", str(path)]) == 0 and "unet, adapted by grata" in capsys.readouterr().out
    assert main(["show", str(path), found["run"]]) == 0
    assert f"by grata from run {run}; masks '{found['label_set']}'" in capsys.readouterr().out
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
    assert "b0, b1, b2 have no meta label 'centre'" in missing and "The scans have domain, subject" in missing
    missing = said(capsys, "adapt", path, "--run", run, "--domain", "centre", "--scans", "b1", fails=True)
    assert "b1 has no meta label 'centre'" in missing


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


def test_a_value_goes_to_every_compared_method_that_has_it(trained, capsys):
    path, run = trained
    found = said(
        capsys, "evaluate", path, "--run", run, "--task", "adapt", "--scans", "b0", "--set", "resamples=100", "--set",
        "methods=batch_statistics,tent,sar/published", "--set", "learning_rate=0.02", "--set", "images_per_step=0",
    )  # fmt: skip
    steps = {case["method"]: (case["steps"], case["step_size"]) for case in found["cases"]}
    assert steps == {"batch_statistics": (1, 0.0), "tent": (1, 0.02), "sar/published": (1, 0.02)}


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
    nobody = said(capsys, *words, "--set", "methods=tent,sar", "--set", "auxiliary=none", fails=True)
    assert "None of tent, sar has a parameter 'auxiliary'. They have crop, episodic" in nobody
    assert "Name the adapters" in said(capsys, *words, "--set", "methods=,", fails=True)
    assert "neither a support scan" in said(capsys, *words, "--protocol", "published", fails=True)
    assert "must be one of" in said(capsys, *words, "--set", "shift=rain", fails=True)
    assert "has labels 'mine' to compare masks with" in said(capsys, *words, "--labels", "mine", fails=True)


def test_notebooks_adapt_with_the_same_words(study):
    import sagittal_engine

    path, run = study
    found = sagittal_engine.adapt(path, run=run, method="tent", scans=["b0"], learning_rate=0.01, name="surer")
    assert found["method"] == "tent" and found["label_set"] == "surer" and found["cases"][0]["step_size"] == 0.01


def adapt(study, capsys, run, *more):
    return said(capsys, "adapt", study, "--run", run, "--set", "learning_rate=0.01", *more)


def test_the_record_has_every_scan_and_what_was_left_out(study, capsys, monkeypatch):
    from sagittal_engine.service import adapting
    from sagittal_engine.store.run_folder import find_run
    from sagittal_engine.study import Study

    path, run = study
    real, seen = adapting.adapted, []

    def refusing(method, adapter, scan, seed):
        seen.append(scan.id)
        if len(seen) == 1:
            raise ValueError("the images are too small for this network.")
        return real(method, adapter, scan, seed)

    monkeypatch.setattr(adapting, "adapted", refusing)
    found = adapt(path, capsys, run)
    with Study.open(path) as opened:
        record = find_run(opened.runs_folder, found["run"]).record()
    assert record.cases[0] == {"scan": seen[0], "refused": "The images are too small for this network."}
    assert record.cases[1:] == found["cases"] and record.state.task == ""
    adapted = record.facts.adapted
    assert (adapted.label_set, adapted.before_set) == (found["label_set"], found["before_set"])
    (document,) = record.evaluations[-1:]
    assert document["task"] == "adaptation" and document["summary"]["dice_gain"]["n"] == 2


def test_the_mask_before_is_kept_and_the_adapted_one_put_back(study, capsys):
    from sagittal_engine.study import Study

    path, run = study
    found = adapt(path, capsys, run)
    own, before = found["label_set"], found["before_set"]
    scan = found["cases"][0]["scan"]

    def masks(name):
        with Study.open(path) as opened:
            return next(iter(opened.masks(scan, name).values()))

    adapted = masks(own)
    assert not np.array_equal(adapted, masks(before))
    words = ("keep", path, "--run", found["run"], "--scans", scan)
    assert said(capsys, *words) == {"run": found["run"], "label_set": own, "kept": "before", "scans": [scan]}
    assert np.array_equal(masks(own), masks(before)) and np.array_equal(masks(f"{own}-set-aside"), adapted)
    said(capsys, *words)
    assert np.array_equal(masks(f"{own}-set-aside"), adapted), "asking twice changes nothing"
    said(capsys, *words, "--adapted")
    assert np.array_equal(masks(own), adapted) and not np.array_equal(masks(before), adapted)
    with Study.open(path) as opened:
        opened.set_review(scan, own, "accepted")
    assert "was reviewed or corrected" in said(capsys, *words, fails=True)
    assert "was trained, not adapted" in said(capsys, "keep", path, "--run", run, "--scans", scan, fails=True)
    assert "has no label set" in said(capsys, "keep", path, "--run", found["run"], "--scans", "a0", fails=True)


def lines_of(path, **more):
    from sagittal.facts import AdaptRequest
    from sagittal_engine.service import Engine

    engine = Engine()
    try:
        engine.open_study(path)
        return engine.check_adaptation(AdaptRequest(**more))
    finally:
        engine.shut_down()


def test_what_fits_and_what_does_not_is_said_before(trained):
    path, run = trained
    fine = lines_of(path, run=run)
    assert all(line.ok for line in fine) and fine[0].text.startswith("3 scans")
    assert "finds in the network" in fine[-1].text
    seen = lines_of(path, run=run, scans=("a0", "b0"), domain="domain", label_set="mine")
    texts = [line.text for line in seen if not line.ok]
    assert len(texts) == 3 and not any(line.blocking for line in seen)
    assert "trained on a0" in texts[0] and "No scan has labels 'mine'" in texts[1] and "one scan each" in texts[2]
    lone = lines_of(path, run=run, scans=("b0", "b1", "a0"), domain="domain")
    assert any("Of bright there is one scan: the network" in line.text for line in lone)
    (lacking,) = lines_of(path, run=run, domain="centre")
    assert lacking.blocking and "no meta label 'centre'" in lacking.text
    (wrong,) = lines_of(path, run=run, parameters={"learning_rate": -1})
    assert wrong.blocking and "'learning_rate'" in wrong.text


def test_scans_of_another_kind_or_modality_are_told_and_stereo_photographs_are_pictures():
    from types import SimpleNamespace as Facts

    from sagittal_engine.service.streams import strangers

    rows = (("photo", "image", "fundus"), ("pair", "stereo", "fundus"), ("brain", "nifti", "MR"))
    scans = [Facts(scan=name, name=name, kind=kind, modality=modality) for name, kind, modality in rows]
    study, run = Facts(facts=lambda: Facts(scans=scans)), Facts(scans=("photo",))
    assert strangers(study, run, scans[:2]) == []
    modality, kind = strangers(study, run, scans)
    assert modality.startswith("brain (MR): of another modality than the run was trained on (fundus)")
    assert kind.startswith("brain (scan): of another kind than the run was trained on (picture)")


def test_a_network_without_batch_normalisation_is_told_with_what_mends_it(trained, monkeypatch):
    from sagittal_engine.service import adapting_checks

    def instances(module):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.BatchNorm2d):
                setattr(module, name, torch.nn.InstanceNorm2d(child.num_features, affine=True))
            else:
                instances(child)

    def without(*args, **named):
        found = loaded(*args, **named)
        instances(found.module)
        return found

    loaded = adapting_checks.load_trained
    monkeypatch.setattr(adapting_checks, "load_trained", without)
    path, run = trained
    last = lines_of(path, run=run)[-1]
    assert last.blocking and "no batch normalisation" in last.text and last.mend == {"norms": "every"}
    assert lines_of(path, run=run, parameters=last.mend)[-1].ok
    statistics = lines_of(path, run=run, method="batch_statistics")[-1]
    assert statistics.blocking and "no statistics to take anew" in statistics.text and not statistics.mend


def test_stopping_the_run_keeps_what_was_adapted(study):
    import time

    from sagittal.events import Reason, StudyChanged, TaskFinished
    from sagittal.facts import AdaptRequest
    from sagittal_engine.service import Engine

    path, run = study
    engine = Engine()
    engine.open_study(path)
    try:
        task = engine.start_adaptation(AdaptRequest(run))
        ended = None
        while ended is None:
            for event in engine.events():
                if isinstance(event, StudyChanged) and event.source == task:
                    (live,) = [record for record in engine.runs() if record.state.task == task]
                    engine.request_stop(live.facts.run)
                if isinstance(event, TaskFinished):
                    ended = event
            time.sleep(0.005)
        record = engine.run(live.facts.run)
        if ended.reason is Reason.CANCELLED:  # else it was done before it could be asked
            assert record.state.reason is Reason.CANCELLED and len(record.cases) < 3
        assert record.cases and record.checkpoints == ["last"] and record.state.task == ""
    finally:
        engine.shut_down()
