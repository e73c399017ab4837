"""train, runs, show, segment, evaluate, adapt, spectrum."""

from __future__ import annotations

import json
from pathlib import Path

from sagittal.events import Reason, RunFinished, TaskFinished
from sagittal.facts import EvaluateRequest, SegmentRequest
from sagittal.run_request import RunRequest

A, B, C = (f"{letter}{'0' * 15}" for letter in "abc")


def test_train_makes_the_request_and_prints_the_run(line):
    words = ("train", "s", "plain", "--recipe", "quick", "--set", "temperature=0.25", "--scans", "image_3,b000")
    ran = line(*words, "--steps", 2, "--seed", 7, "--device", "cpu", "--json")
    assert ran.status == 0
    assert ran.document == {
        "run": "0000-run",
        "state": "finished",
        "reason": "completed",
        "step": 2,
        "metrics": {"a_loss": {"step": [1, 2], "value": [1.0, None]}},
    }
    assert line.engine.requests == [
        RunRequest(
            method="plain",
            recipe="quick",
            parameters={"temperature": 0.25},
            scans=(C, B),
            stop_at=2,
            seed=7,
            device="cpu",
        )
    ]
    assert "It is a test." in ran.err


def test_probes_keep_the_commas_between_their_values(line):
    line("train", "s", "plain", "--probe", "spectrum:every=20,budget=50,geometry", "--probe", "knn")
    assert line.engine.requests[-1].probes == ("spectrum:every=20,budget=50", "geometry", "knn")


def test_values_reach_the_request_with_their_own_types(line):
    line("train", "s", "plain", "--set", "steps=3")
    assert line.engine.requests[0].parameters == {"steps": 3}


def test_train_from_a_file_with_options_above_it(line, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('method = "plain"\nseed = 5\nscans = ["image_1"]\n[parameters]\ntemperature = 2\n')
    line("train", "s", "--config", file, "--seed", 6)
    asked = line.engine.requests[0]
    assert (asked.method, asked.seed, asked.scans, asked.parameters) == ("plain", 6, (A,), {"temperature": 2.0})


def test_bad_requests_are_one_line_with_the_way_out(line, tmp_path):
    (tmp_path / "bad.toml").write_text("method = [")
    (tmp_path / "odd.toml").write_text('method = "plain"\nsteps = 3\n')
    for words, part in (
        (("train", "s"), "Which method?"),
        (("train", "s", "plane"), "Did you mean 'plain'?"),
        (("train", "s", "plain", "--recipe", "slow"), "recipe 'slow'"),
        (("train", "s", "plain", "--set", "temperatur=1"), "Did you mean 'temperature'?"),
        (("train", "s", "plain", "--set", "temperature=0"), "greater than 0"),
        (("train", "s", "plain", "--set", "temperature"), "NAME=VALUE"),
        (("train", "s", "plain", "--scans", "image_9"), "Did you mean 'image_"),
        (("train", "s", "plain", "--steps", "-1"), "--steps"),
        (("train", "s", "plain", "--seed", "-1"), "'seed'"),
        (("train", "s", "plain", "--steps", "many"), "--steps"),
        (("train", "s", "plain", "--config", tmp_path / "none.toml"), "no file"),
        (("train", "s", "--config", tmp_path / "bad.toml"), "not a TOML file"),
        (("train", "s", "--config", tmp_path / "odd.toml"), "'steps'"),
        (("train", "s", "plain", "--resume", "x"), "no run yet"),
        (("trian", "s"), "trian"),
        (("train", "s", "plain", "--stepz", "1"), "--stepz"),
        ((), ""),
    ):
        ran = line(*words)
        assert ran.status == 2, words
        assert part in ran.err and (not part or len(ran.err.splitlines()) == 1), (words, ran.err)
    assert line.engine.requests == []


def test_interrupting_a_run_stops_it_with_a_checkpoint_and_3(line):
    line.engine.interrupts = 1
    line.engine.endings["run"] = RunFinished("", Reason.STOPPED, 2)
    ran = line("train", "s", "plain", "--json")
    assert (ran.status, ran.document["reason"]) == (3, "stopped")
    assert line.engine.asked == ["stop 0000-run"]


def test_interrupting_twice_cancels(line):
    line.engine.interrupts = 2
    line.engine.endings["run"] = RunFinished("", Reason.CANCELLED, 2)
    assert line("train", "s", "plain").status == 3
    assert line.engine.asked == ["stop 0000-run", "cancel 0000-run"]


def test_a_method_that_fails_is_1_with_the_traceback_kept(line, tmp_path):
    line.engine.endings["run"] = RunFinished("", Reason.FAILED, 1, "ZeroDivisionError: by zero", "Traceback: line 3")
    ran = line("train", "s", "plain", "--json")
    assert (ran.status, ran.document["reason"]) == (1, "failed")
    kept = ran.err.strip().rpartition("Traceback: ")[2]
    assert "line 3" in Path(kept).read_text(encoding="utf-8")
    assert kept.startswith(str(tmp_path))


def test_resume_continues_and_may_repeat_but_not_change_the_request(line):
    line("train", "s", "plain", "--set", "temperature=0.25", "--seed", 3)
    ran = line("train", "s", "plain", "--resume", "0000", "--set", "temperature=0.250", "--seed", 3, "--steps", 4)
    assert ran.status == 0 and line.engine.requests[-1] == ("0000-run", 4)
    ran = line("train", "s", "plain", "--resume", "0000-run", "--set", "temperature=0.5")
    assert ran.status == 2 and "cannot continue with 0.5" in ran.err
    assert line("train", "s", "--resume", "last").status == 0


def test_runs_and_show(line):
    assert line("runs", "s", "--json").document == []
    line("train", "s", "plain")
    line("train", "s", "plain", "--seed", 1)
    listed = line("runs", "s", "--json").document
    assert [row["run"] for row in listed] == ["0001-run", "0000-run"]
    shown = line("show", "s", "last", "--json").document
    assert shown["run"] == "0001-run" and shown["request"]["seed"] == 1 and shown["state"] == "finished"
    assert shown["metrics"]["a_loss"]["step"] == [1, 2]
    assert "a_loss" in line("show", "s", "0000").out and "0001-run" in line("runs", "s").out
    assert "'00' names 2 runs" in line("show", "s", "00").err


def test_segment_names_labels_by_name_or_number(line):
    line("train", "s", "plain")
    line.engine.results["segment"] = {
        "label_set": "found",
        "cases": [{"scan": B, "slices": [2, 3], "confidence": {"spleen": [None, 0.5]}}],
    }
    words = ("segment", "s", "--run", "last", "--label", "4", "--label", "Liver", "--support", "image_1.nii.gz")
    ran = line(*words, "--slices", "6,2,4", "--scans", "image_2", "--json")
    assert ran.status == 0 and ran.document["label_set"] == "found"
    assert line.engine.requests[-1] == SegmentRequest(
        run="0000-run", labels=("spleen", "liver"), support=A, scans=(B,), slices=(2, 4, 6)
    )
    assert "0.50" in line(*words).out
    assert "1 liver, 4 spleen" in line("segment", "s", "--run", "last", "--label", "9", "--support", "image_1").err
    assert "0 to 8" in line(*words, "--slices", "2,9").err


def test_evaluate(line):
    line("train", "s", "plain")
    figure = {"mean": 0.653, "low": 0.61, "high": 0.69, "n": 5}
    line.engine.results["evaluate"] = {"protocol": "published", "cases": [], "summary": {"dice_mean": figure}}
    words = ("evaluate", "s", "--run", "0000-run", "--task", "one-shot", "--protocol", "published")
    assert line(*words, "--json").document["summary"]["dice_mean"] == figure
    assert line.engine.requests[-1] == EvaluateRequest(run="0000-run", protocol="published")
    assert "0.653 (0.61–0.69, n = 5)" in line(*words).out
    assert "Did you mean 'knn'?" in line("evaluate", "s", "--run", "last", "--task", "kn").err
    assert line("evaluate", "s", "--run", "last", "--task", "knn", "--protocol", "both").status == 2


def test_a_task_refused_for_a_reason_the_user_can_mend_is_2(line):
    line("train", "s", "plain")
    line.engine.endings["evaluate"] = TaskFinished("t-evaluate", "evaluate", Reason.FAILED, {}, "No scan has labels.")
    ran = line("evaluate", "s", "--run", "last", "--task", "one-shot", "--json")
    assert (ran.status, ran.out, ran.err) == (2, "", "Error: No scan has labels.\n")


def test_what_nothing_installed_offers_is_said_plainly(line):
    line("train", "s", "plain")
    ran = line("adapt", "s", "--run", "last", "--json")
    assert ran.status == 2 and "No installed method adapts" in ran.err


def test_spectrum_asks_for_a_checkpoint_and_prints_its_document(line):
    line("train", "s", "plain")
    document = {
        "ritz": [[-1.0, 4.0]], "weights": [[0.25, 0.75]], "residuals": [[0.1, 0.2]], "largest": 4.0, "smallest": -1.0,
        "negative_weight": 0.25, "trivial_weight": None, "negative_weight_projected": None, "run": "r", "step": 2,
        "about": "Hessian on one fixed batch.", "learning_rate": 0.1, "products": 2, "seconds": 1.0,
        "basis": {"bytes": 2**21, "dtype": "float64", "place": "memory"},
    }  # fmt: skip
    line.engine.results["spectrum"] = document
    ran = line("spectrum", "s", "last", "--checkpoint", "best", "--steps", "20", "--batch-norm", "eval", "--json")
    assert ran.status == 0 and json.loads(ran.out) == document
    asked = line.engine.requests[-1]
    assert (asked.checkpoint, asked.steps, asked.probes, asked.batch_norm) == ("best", 20, 5, "eval")
    shown = line("spectrum", "s", "last", "--no-project")
    assert "0.25" in shown.out and "2 MB of float64 vectors in memory" in shown.out
    assert not line.engine.requests[-1].project_scale_directions


def test_the_engine_is_shut_down_whatever_happened(line):
    line("train", "s", "plane")
    line("show", "s", "last")
    assert line.engine.closed == 2


def test_a_fault_of_ours_is_1_with_a_sentence(line, monkeypatch):
    monkeypatch.setattr(line.engine, "runs", lambda: 1 / 0)
    ran = line("runs", "s")
    assert ran.status == 1 and "fault of the program" in ran.err and len(ran.err.splitlines()) == 1


def test_embedding_asks_for_a_map_of_a_checkpoint_and_counts_its_classes(line):
    line("train", "s", "plain")
    document = {
        "run": "0000-run", "step": 2, "kind": "pca", "x": [0.0, 1.0, 2.0], "y": [0.0, 0.0, 1.0],
        "classes": [0, 1, 1], "names": ["liver", "none"], "about": "PCA of the features of 3 images",
    }  # fmt: skip
    line.engine.results["embedding"] = document
    words = ("embedding", "s", "last", "--checkpoint", "best", "--set", "kind=pca")
    assert line(*words, "--json").document == document
    assert line.engine.requests[-1] == ("0000-run", "best", {"kind": "pca"})
    assert "Run 0000-run, step 2: PCA of the features of 3 images." in line(*words).out
