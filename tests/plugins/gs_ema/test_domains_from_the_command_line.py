"""Leave one domain out, as a user does it: draw a cohort, train without a domain, score on it, segment it."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
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


def test_odd_scans_are_told_and_the_run_goes_on(say, tmp_path):
    """A domain of one scan, which is of one intensity, a scan of no domain, and batches of one image."""
    rng = np.random.default_rng(0)
    (tmp_path / "scans").mkdir()
    for name in ("a", "b", "c", "dull"):
        mask = np.zeros((16, 16, 16), np.uint8)
        mask[5:11, 5:11, 4:9] = 1
        image = np.full(mask.shape, 7.0) if name == "dull" else 50 * mask + rng.normal(20, 4, mask.shape)
        for kind, values in (("image", image.astype(np.float32)), ("label", mask)):
            nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "scans" / f"{kind}_{name}.nii.gz")
    rows = ["scan,subject,hospital", "image_a.nii.gz,a,X", "image_b.nii.gz,b,X", "image_c.nii.gz,c,"]
    (tmp_path / "meta.csv").write_text("\n".join([*rows, "image_dull.nii.gz,d,Y"]))
    study = tmp_path / "study"
    say("new", study)
    say("import", study, tmp_path / "scans", "--meta", tmp_path / "meta.csv")
    short = settings("steps=2", "patch=16", "preview_steps=2", "patches_per_scan=2", "batch_size=1", "norm=batch")

    away = settings("leave_out=Y", "domain_column=hospital")
    begun = say("train", study, "gs_ema", "--device", "cpu", *short, *away)
    assert "There is only 1 scan of the domain 'Y'" in begun.err
    assert "1 scan without 'hospital' is trained on, and may be of the domain 'Y'" in begun.err
    assert "completed at step 2 of 2" in begun.out
    tested = ("evaluate", study, "--run", "last", "--task", "segmentation")
    refused = say(*tested, *settings("group=domain"), status=2).err
    assert "1 of 1 scans have no meta label 'domain'" in refused and "known: hospital" in refused
    assert "no checkpoint 'step-00000099.pt'" in say(*tested, *settings("checkpoint=99"), status=2).err
    found = say(*tested, *settings("group=hospital", "resamples=100", "checkpoint=last"))
    assert "Of Y there is one scan: its figure says nothing of others, and has no interval." in found.err
    flat = "image_dull has one intensity throughout: nothing can be seen in it"
    assert flat in found.err and "n = 1" in found.out
    assert flat in say("segment", study, "--run", "last", "--scans", "image_dull").err

    begun = say("train", study, "gs_ema", "--device", "cpu", *short)
    assert "1 of 4 scans are left out: all their voxels have one intensity" in begun.err
    assert "completed at step 2 of 2" in begun.out
    alone = say("train", study, "gs_ema", "--device", "cpu", "--scans", "image_dull", *short, status=2).err
    assert "There is nothing to train on" in alone
