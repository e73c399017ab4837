"""Leave one domain out, as a user does it: draw a cohort, train without a domain, score on it, segment it."""

from __future__ import annotations

import json

import pytest

from sagittal_engine.cli import main

QUICK = ("steps=3", "patch=16", "voxel=2", "preview_steps=3", "teacher_every=2", "patches_per_scan=2")


@pytest.fixture
def say(capsys):
    def run(*words, status=0):
        ended = main([str(word) for word in words])
        found = capsys.readouterr()
        assert ended == status, found.err
        return json.loads(found.out) if "--json" in words else found

    return run


def settings(*values):
    return [word for value in values for word in ("--set", value)]


def test_a_left_out_domain_is_scored_and_segmented(say, tmp_path):
    study = tmp_path / "study"
    made = say("phantom", study, "--kind", "vessels", "--subjects", "5", "--json")
    assert made["imported"] == 5 and (tmp_path / "study-scans" / "meta.csv").exists()
    run = say(
        "train", study, "gs_ema", "--device", "cpu", "--probe", "embedding", "--json",
        *settings(*QUICK, "leave_out=A"),
    )["run"]  # fmt: skip
    facts = say("show", study, run, "--json")
    assert len(facts["scans"]) == 3, "the two scans of domain A take no part"
    assert facts["parameters"]["labels"] == "vessel, aneurysm" and "gradient_angle" in facts["metrics"]

    found = say(
        "evaluate", study, "--run", run, "--task", "segmentation", "--json",
        *settings("group=domain", "resamples=100", "overlap=0"),
    )  # fmt: skip
    assert list(found["groups"]) == ["A"] and len(found["cases"]) == 2
    assert found["split"] == "No tested subject was trained on."
    assert {"dice_mean", "sensitivity_aneurysm", "jaccard_mean", "volume_similarity_mean", "hd95_vessel"} <= set(
        found["cases"][0]
    )
    seen = ("evaluate", study, "--run", run, "--task", "segmentation", "--scans", "image_02")
    assert "image_02 is of subjects that the run was trained on" in say(*seen, status=2).err
    table = say(*seen, *settings("resamples=100", "allow_seen=true"))
    assert "1 of 1 tested scans are of subjects that the run was trained on" in table.out

    segmented = say("segment", study, "--run", run, "--scans", "image_01,image_05", "--json")
    assert len(segmented["cases"]) == 2 and set(segmented["cases"][0]["confidence"]) == {"vessel", "aneurysm"}


def test_what_is_wrong_is_one_sentence(say, tmp_path):
    study = tmp_path / "study"
    assert "no kind 'vessel'" in say("phantom", study, "--kind", "vessel", status=2).err
    say("phantom", study, "--subjects", "2")
    assert "is not empty. Name another with --out" in say("phantom", study, "--subjects", "2", status=2).err
    refused = say("train", study, "gs_ema", *settings("leave_out=Z"), status=2).err
    assert "There is no domain 'Z' to leave out; 'domain' has A, B" in refused
    refused = say("train", study, "gs_ema", *settings("leave_out=A", "domain_column=hospital"), status=2).err
    assert "no chosen scan has the attribute 'hospital'" in refused
