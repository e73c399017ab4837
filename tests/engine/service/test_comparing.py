"""Comparisons on a study of small scans: begun, stopped, gone on with, refused; and what is left of them on disk."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from sagittal.comparison import SCRATCH, ComparisonRequest, ComparisonState
from sagittal.engine_port import SagittalError
from sagittal.events import ComparisonChanged, Reason, RunFinished, TaskFinished
from sagittal.facts import EvaluateRequest, SegmentRequest
from sagittal.run_request import RunRequest
from sagittal_engine.cli import main
from sagittal_engine.service import Engine

SUBJECTS = 6
QUICK = {"steps": 1, "batch_size": 2, "image_size": 16, "resamples": 100}
TINY = {"steps": 1, "batch_size": 2, "image_size": 16, "encoder": "unet_8", "preview_steps": 0}


def write(folder, number):
    rng = np.random.default_rng(number)
    x, y, _ = np.meshgrid(*(np.linspace(-1, 1, n) for n in (20, 18, 4)), indexing="ij")
    organ = (x - 0.1 * (number % 3)) ** 2 + y**2 < 0.3
    image = (100 * organ + 30 + 10 * rng.random(organ.shape)).astype(np.float32)
    for kind, data in (("images", image), ("labels", organ.astype(np.uint8))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(data, np.diag([2.0, 2.0, 5.0, 1.0])), folder / kind / f"s{number}.nii.gz")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A study of six labelled subjects, and a run that learned from views of four of them."""
    root = tmp_path_factory.mktemp("comparing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGITTAL_THREADS", "1")
        torch.set_num_threads(1)
        for number in range(SUBJECTS):
            write(root, number)
        assert main(["new", str(root / "study")]) == 0
        assert main(["import", str(root / "study"), str(root / "images"), str(root / "labels")]) == 0
        with opened(root / "study") as engine:
            values = TINY | {"held_out": 0.0, "out_dim": 4, "hidden_dim": 8}
            run = engine.start(
                RunRequest(method="simclr", parameters=values, scans=("s0", "s1", "s2", "s3"), device="cpu")
            )
            assert ended(engine, run, RunFinished).reason is Reason.COMPLETED
    return root / "study", run


class opened:
    def __init__(self, path):
        self.engine = Engine()
        self.engine.open_study(path)

    def __enter__(self):
        return self.engine

    def __exit__(self, *_):
        self.engine.shut_down()


def ended(engine, source, kind=TaskFinished, seen=None):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        for event in engine.events():
            if seen is not None:
                seen.append(event)
            if isinstance(event, kind) and event.source == source:
                return event
        time.sleep(0.01)
    raise AssertionError("it did not end")


@pytest.fixture
def study(made, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGITTAL_THREADS", "1")
    shutil.copytree(made[0], tmp_path / "study")
    with opened(tmp_path / "study") as engine:
        yield engine, made[1]


def text_of(path):
    return Path(path).read_text(encoding="utf-8")


def asked(*starts, **values):
    values = {"budgets": (1, 2), "repeats": 2, "parameters": QUICK} | values
    return ComparisonRequest("A title", starts, **values)


def test_every_start_sees_the_same_draws_and_scans_and_all_is_kept(study):
    engine, run = study
    seen = []
    task = engine.start_comparison(asked(SCRATCH, run))
    assert engine.comparisons()[0].task == task, "it is found by its task at once"
    end = ended(engine, task, seen=seen)
    assert end.reason is Reason.COMPLETED, end.error + end.detail
    (facts,) = engine.comparisons()
    assert facts.state is ComparisonState.FINISHED and facts.done == facts.total == 8 and facts.task == ""
    assert facts.id == end.result["comparison"] == engine.comparison("last").id == engine.comparison(facts.id[:4]).id
    names = {scan.scan: scan.name for scan in engine.study().scans}
    assert {names[scan] for scan in facts.test_scans} == {"s4", "s5"}, "those that no start was trained on"
    assert all("s4" not in d["subjects"] and "s5" not in d["subjects"] for d in facts.draws) and len(facts.draws) == 4
    assert [(row.start, row.budget) for row in facts.rows] == [(SCRATCH, 1), (run, 1), (SCRATCH, 2), (run, 2)]
    assert all(row.repeats == 2 and row.cases == 4 for row in facts.rows)
    assert facts.rows[1].title == f"SimCLR {run}" and facts.rows[0].metrics["dice_mean"]["n"] == 2
    changes = [event for event in seen if isinstance(event, ComparisonChanged)]
    assert len(changes) >= 9 and {event.comparison for event in changes} == {facts.id}
    rows = list(csv.DictReader(text_of(facts.files["cases"]).splitlines()))
    assert len(rows) == 16 and {"hd95_label 1", "asd_mean", "volume_error_mean"} <= set(rows[0])
    table = text_of(facts.files["table"])
    assert "| 2 | from scratch | 2 | 2 |" in table and "8 of 8 fine-tunings" in table
    with Image.open(facts.files["figure"]) as figure:
        assert figure.size == (760, 420)
    assert "dice_mean" in text_of(facts.files["csv"])
    with pytest.raises(SagittalError, match="is done: all 8 fine-tunings are there"):
        engine.resume_comparison(facts.id)


def test_a_stopped_comparison_goes_on_and_comes_to_the_same(study):
    engine, run = study
    request = asked(SCRATCH, run, repeats=1)
    whole = ended(engine, engine.start_comparison(request)).result
    task = engine.start_comparison(request)
    while engine.comparisons()[0].done < 1:
        time.sleep(0.01)
    engine.request_cancel(task)
    assert ended(engine, task).reason is Reason.CANCELLED
    stopped = engine.comparisons()[0]
    assert stopped.state is ComparisonState.STOPPED and 1 <= stopped.done < 4 and stopped.rows
    again = engine.resume_comparison(stopped.id)
    with pytest.raises(SagittalError, match="is still going on"):
        engine.resume_comparison(stopped.id)
    result = ended(engine, again).result
    assert result["rows"] == whole["rows"] and result["comparison"] == stopped.id


def test_a_killed_program_leaves_what_was_done(study, tmp_path):
    engine, _ = study
    ended(engine, engine.start_comparison(asked(SCRATCH, budgets=(1,))))
    folder = next((tmp_path / "study" / "comparisons").iterdir())
    whole = (folder / "results.jsonl").read_text().splitlines()
    (folder / "results.jsonl").write_text(whole[0] + "\n" + whole[1][:30])
    (folder / "state.json").write_text(json.dumps({"program": "elsewhere|1|0", "reason": "", "heartbeat": 0.0}))
    facts = engine.comparison("last")
    assert facts.state is ComparisonState.STOPPED and facts.done == 1
    result = ended(engine, engine.resume_comparison("last")).result
    assert result["done"] == 2 and result["state"] == "finished"


def test_who_has_seen_a_tested_scan_is_refused_or_marked(study):
    engine, run = study
    seen = next(scan.scan for scan in engine.study().scans if scan.name == "s0")
    with pytest.raises(
        SagittalError, match=r"SimCLR .* was trained on scans of 1 of the 1 subjects to be tested .*without"
    ):
        engine.start_comparison(asked(SCRATCH, run, test_scans=(seen,)))
    allowed = asked(SCRATCH, run, test_scans=(seen,), budgets=(1,), repeats=1, parameters=QUICK | {"allow_seen": True})
    result = ended(engine, engine.start_comparison(allowed)).result
    assert "which flatters it" in " ".join(result["notes"])
    assert "which flatters it" in text_of(result["files"]["table"])
    only = ended(engine, engine.start_comparison(asked(SCRATCH, test_scans=(seen,), budgets=(1,), repeats=1))).result
    assert not only["notes"], "random weights have seen nobody"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"starts": ("nowhere",)}, "There is no run 'nowhere'"),
        ({"starts": (SCRATCH, SCRATCH)}, "each once"),
        ({"labels": ("spleen",)}, "No scan has a label spleen"),
        ({"label_set": "mine"}, "No scan of the study has labels 'mine'"),
        ({"budgets": (5,)}, "A budget of 5 labelled subjects needs as many"),
        ({"parameters": {"steps": -1}}, "'steps' is out of its rule"),
        ({"parameters": {"seed": 3}}, "'seed' of a comparison is asked for by itself"),
        ({"recipe": "none"}, "There is no recipe 'none' for comparisons"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_begins(study, values, words):
    engine, _ = study
    with pytest.raises(SagittalError, match=words):
        engine.start_comparison(asked(*values.pop("starts", (SCRATCH,)), **values))
    assert engine.comparisons() == []


def test_an_encoder_of_another_study_is_known_by_the_scans_it_saw(study, made, tmp_path):
    engine, run = study
    folder = next((made[0] / "runs").iterdir()) / "encoder"
    shutil.copytree(folder, tmp_path / "elsewhere")
    request = dataclasses.replace(asked(str(tmp_path / "elsewhere"), budgets=(1,), repeats=1), title="")
    result = ended(engine, engine.start_comparison(request)).result
    assert result["request"]["title"] == f"SimCLR {run}", "the starts' own, where none is given"
    assert result["rows"][0]["title"] == f"SimCLR {run}" and len(result["test_scans"]) == 2
    facts = json.loads((tmp_path / "elsewhere" / "encoder.json").read_text())
    assert len(facts.pop("scans")) == 4
    (tmp_path / "elsewhere" / "encoder.json").write_text(json.dumps(facts))
    task = engine.start_comparison(asked(str(tmp_path / "elsewhere"), budgets=(1,), repeats=1))
    assert "is not known" in " ".join(ended(engine, task).result["notes"])
    (tmp_path / "elsewhere" / "encoder.json").write_text(json.dumps(facts | {"architecture": "small"}))
    with pytest.raises(SagittalError, match="A comparison is of starts for one network"):
        engine.start_comparison(asked(run, str(tmp_path / "elsewhere")))


def test_the_published_figures_stand_beside_the_table(study):
    engine, _ = study
    values = QUICK | {"encoder": "unet_8", "pixel_spacing": 2.0}
    task = engine.start_comparison(asked(SCRATCH, recipe="acdc-few-label", budgets=(1,), repeats=1, parameters=values))
    notes = " ".join(ended(engine, task).result["notes"])
    assert "0.729 ± 0.014" in notes and "0.598 ± 0.023" in notes


def test_fine_tuning_one_run_is_kept_with_it(study):
    engine, run = study
    parameters = {"budgets": "1,2", "repeats": "2", **{name: str(value) for name, value in QUICK.items()}}
    end = ended(engine, engine.start_evaluation(EvaluateRequest(run, "fine-tune", parameters=parameters)))
    assert end.reason is Reason.COMPLETED, end.error + end.detail
    assert {"dice_mean_at_1", "hd95_mean_at_2", "asd_label 1_at_1"} <= set(end.result["summary"])
    assert len(end.result["cases"]) == 8 and {case["budget"] for case in end.result["cases"]} == {1, 2}
    assert engine.run(run).evaluations[-1]["task"] == "fine-tune"
    end = ended(engine, engine.start_evaluation(EvaluateRequest(run, "fine-tune", scans=("s0",), parameters=QUICK)))
    assert end.reason is Reason.FAILED and "having seen the very images" in end.error and not end.detail


def test_a_supervised_run_starts_from_another_and_segments_by_itself(study):
    engine, run = study
    request = RunRequest(method="unet", parameters=TINY | {"start_from": run, "encoder": "small"}, scans=("s0", "s1"))
    supervised = engine.start(request)
    assert ended(engine, supervised, RunFinished).reason is Reason.COMPLETED
    values = engine.run(supervised).facts.parameters
    assert values["encoder"] == "unet_8" and values["labels"] == "label 1", "filled in from the start and the study"
    end = ended(engine, engine.start_segmentation(SegmentRequest(supervised, scans=("s4", "s5"))))
    assert end.reason is Reason.COMPLETED, end.error + end.detail
    assert [case["slices"] for case in end.result["cases"]] == [[0, 1, 2, 3]] * 2
    assert set(end.result["cases"][0]["confidence"]) == {"label 1"}
    written = {one.name for scan in engine.study().scans for one in scan.label_sets}
    assert end.result["label_set"] == f"unet-{supervised}" and end.result["label_set"] in written
    wrong = ended(engine, engine.start_segmentation(SegmentRequest(supervised, ("spleen",), scans=("s4",))))
    assert "does not know the label spleen; it knows label 1" in wrong.error
    task = engine.start_comparison(asked(SCRATCH, supervised, budgets=(1,), repeats=1))
    result = ended(engine, task).result
    assert "learned from labels before" in " ".join(result["notes"])
    assert len(result["test_scans"]) == 2, "whom the run it started from has seen is seen as well"


def test_a_run_without_labels_or_with_unknown_ones_is_refused(study):
    engine, _ = study
    with pytest.raises(SagittalError, match="None of the 1 scans has labels 'mine' to learn from"):
        engine.start(RunRequest(method="unet", parameters=TINY, scans=("s0",), label_set="mine"))
    with pytest.raises(SagittalError, match="No scan has a label spleen in 'truth'; there are label 1"):
        engine.start(RunRequest(method="unet", parameters=TINY | {"labels": "spleen"}, scans=("s0",)))
    with pytest.raises(SagittalError, match="There is no encoder at"):
        engine.start(RunRequest(method="unet", parameters=TINY | {"start_from": "/no/such"}, scans=("s0",)))
