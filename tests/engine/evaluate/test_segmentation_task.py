"""Scoring of networks that segment by themselves: figures per scan, per domain, and what does not fit."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sagittal.params import make
from sagittal_engine.evaluate.overlap import METRICS, overlap
from sagittal_engine.evaluate.segmentation import evaluate_segmentation
from sagittal_engine.evaluate.segmentation_params import SegmentationTaskParams
from sagittal_engine.kit.predicting import PredictorBase


class Shifted(PredictorBase):
    """Says what the truth says, moved by as many voxels as the scan's number."""

    labels = ("vessel", "aneurysm")
    activation = "softmax"

    def images(self, scan):
        return torch.from_numpy(np.roll(scan.numbers, int(scan.id), axis=0))[None, None].float()

    def logits(self, module, images):
        classes = images[:, 0].long()
        return 20.0 * torch.nn.functional.one_hot(classes, 3).permute(0, 4, 1, 2, 3).float()

    def on_grid(self, scan, probabilities, channel):
        return probabilities[0, channel].numpy()


def scan(number, domain):
    numbers = np.zeros((12, 10, 8), np.int64)
    numbers[3:7, 2:8, 1:7] = 1
    if number != 2:
        numbers[4:6, 4:6, 3:5] = 2
    masks = {"vessel": numbers == 1, "aneurysm": numbers == 2}
    return SimpleNamespace(
        id=str(number), subject=str(number), spacing=(1.0, 2.0, 1.5), meta={"domain": domain} if domain else {},
        numbers=numbers, image=lambda: numbers.astype(np.float32), labels=lambda: masks,
    )  # fmt: skip


SCANS = [scan(0, "A"), scan(1, "A"), scan(2, "B")]


def scored(scans=SCANS, **values):
    params = make(SegmentationTaskParams, {"resamples": 200, **values})
    return evaluate_segmentation(Shifted(), torch.nn.Identity(), scans, params)


def test_every_case_has_every_figure_of_every_label():
    found = scored(group="domain")
    assert [case["scan"] for case in found["cases"]] == ["0", "1", "2"] and found["labels"] == ["vessel", "aneurysm"]
    first, second, third = found["cases"]
    assert first["dice_mean"] == 1 and first["hd95_vessel"] == 0
    truth = SCANS[1].labels()
    for label in found["labels"]:
        expected = overlap(np.roll(truth[label], 1, axis=0), truth[label], (1.0, 2.0, 1.5))
        assert {m: second[f"{m}_{label}"] for m in METRICS} == pytest.approx(dict(expected))
    assert third["dice_aneurysm"] is None and third["dice_mean"] == third["dice_vessel"], "neither has the label"


def test_figures_are_given_per_domain_and_over_all():
    found = scored(group="domain")
    assert set(found["groups"]) == {"A", "B"}
    mean = found["summary"]["dice_vessel"]
    assert mean["n"] == 3 and mean["low"] <= mean["mean"] <= mean["high"]
    a = [case["dice_vessel"] for case in found["cases"] if case["group"] == "A"]
    assert found["groups"]["A"]["dice_vessel"]["mean"] == pytest.approx(np.mean(a))
    one = found["groups"]["B"]["dice_vessel"]
    assert one["n"] == 1 and one["low"] == one["high"] == one["mean"]
    assert "dice_aneurysm" not in found["groups"]["B"]
    assert scored()["groups"] == {} and scored(labels="aneurysm")["labels"] == ["aneurysm"]


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="does not know the label bone; it knows vessel, aneurysm"):
        scored(labels="bone")
    with pytest.raises(
        ValueError, match="1 of 4 scans have no meta label 'domain', the first of them 3; known: domain"
    ):
        scored([*SCANS, scan(3, "")], group="domain")
