"""The classifier of exams: its loss, who is trained on, its steps with every head, frozen encoders, bad input."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts
from sagittal.params import ParameterError, make
from sagittal_engine.nets.skid import SKIDEncoder
from sagittal_plugins.exam_classifier import ExamClassifierParams
from sagittal_plugins.exam_classifier.exams import epoch_of
from sagittal_plugins.exam_classifier.loss import class_weights, weighted_bce
from sagittal_plugins.exam_classifier.method import ExamClassifier

SMALL = {
    "labels": "acl", "plane": "axial", "image_size": 24, "slices": 3, "batch_size": 4, "steps": 40, "held_out": 0.25,
    "check_steps": 0,
}  # fmt: skip
CELLS = {"encoder": "skid_v3", "width": 1 / 256, "grid": 3, "crop": 8, "head_width": 1 / 128, "signed": True}
NAN = float("nan")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def made(exam, lent):
    def make_method(scans=None, **values):
        scans = scans or [exam(str(n), f"s{n}", {"acl": str(n % 2), "men": str(n // 2 % 2)}) for n in range(12)]
        method = ExamClassifier(make(ExamClassifierParams, {**SMALL, **values}), lent(scans))
        method.prepare()
        return method

    return make_method


def trained(method, steps):
    torch.manual_seed(0)
    module = method.module().train()
    descent = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for step in range(1, steps + 1):
        (loss,) = method.objectives(module, method.batch(step, generator(step))).values()
        descent.zero_grad()
        loss.backward()
        descent.step()
        method.after_step(module, step)
        losses.append(loss.item())
    return module, losses


def test_the_loss_is_the_weighted_cross_entropy_of_known_labels():
    torch.manual_seed(0)
    targets = torch.tensor([[1, 0, NAN], [0, NAN, NAN], [0, 0, 1], [0, 1, 0]], dtype=torch.float64)
    weights = class_weights(targets)
    assert weights.tolist() == [[1, 1, 1], [3, 2, 1]]
    scores = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    total, known = 0.0, 0
    for row, truth in zip(scores.tolist(), targets.tolist(), strict=True):
        for label, (s, y) in enumerate(zip(row, truth, strict=True)):
            if not math.isnan(y):
                p = 1 / (1 + math.exp(-s))
                total -= float(weights[1, label]) * y * math.log(p)
                total -= float(weights[0, label]) * (1 - y) * math.log(1 - p)
                known += 1
    torch.testing.assert_close(weighted_bce(scores, targets, weights), torch.tensor(total / known, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda s: weighted_bce(s, targets, weights), scores)
    assert class_weights(torch.ones(3, 1)).tolist() == [[1], [1]]
    assert float(weighted_bce(torch.ones(1, 1), torch.full((1, 1), NAN), torch.ones(2, 1))) == 0
    with pytest.raises(ValueError, match=r"weights \(2, labels\)"):
        weighted_bce(scores, targets, weights[:1])


def test_the_rarer_class_of_the_first_label_comes_as_often_as_the_other():
    targets = torch.tensor([[0, 1], [0, 0], [1, 0], [0, 1], [NAN, 1]])
    rows = epoch_of(targets, oversample=True)
    assert rows == [0, 1, 2, 3, 4, 2, 2] and epoch_of(targets, oversample=False) == [0, 1, 2, 3, 4]


def test_subjects_are_held_out_and_a_budget_is_taken_of_the_others(made, exam):
    scans = [exam(str(n), f"s{n // 2}", {"acl": str(n // 4 % 2)}) for n in range(24)]
    whole, half = made(scans), made(scans, label_share=0.5)
    training, held_out = whole.divided(scans)
    assert not {s.subject for s in training} & {s.subject for s in held_out}
    assert {s.id for s in training} == set(whole.training_set().scans) and len(held_out) == 6
    assert set(half.training_set().scans) < set(whole.training_set().scans) and len(half.training_set()) == 9
    assert any("Labels of 9 of 18" in text for _, text in half.context.said)


@pytest.mark.parametrize(
    "values",
    [
        {"encoder": "small", "head": "maximum"},
        {"encoder": "small", "head": "convlstm", "head_width": 1 / 64},
        {**CELLS, "head": "cnn3d"},
        {**CELLS, "head": "convlstm", "frozen": True},
        {"encoder": "sslacl", "head": "groups", "width": 1 / 64, "labels": "acl, men"},
        {"encoder": "sslacl", "head": "groups", "width": 1 / 64, "frozen": True},
    ],
)
def test_every_head_makes_steps_and_judges_draws(made, values):
    method = made(**values)
    module, losses = trained(method, 2)
    assert all(math.isfinite(loss) for loss in losses)
    module.eval()
    slices = method.slices(method.context.scans[0])
    with torch.no_grad():
        read = method.read(module, slices)
        draws = torch.stack([method.draw(6, generator(n)) for n in range(2)])
        scores = method.judge(module, read[draws])
    assert scores.shape == (2, len(method.labels)) and method.features(read).shape[0] == 6
    layers = method.explain_layers(module)
    maps = method.explain(module, layers[0].layer, slices, "acl", 0)
    assert maps.shape == slices.shape[:1] + slices.shape[2:] and float(maps.nan_to_num().min()) >= 0
    grid = method.explained_on_grid(method.context.scans[0], maps)
    assert grid.shape == (24, 24, 6)


def test_what_can_be_seen_is_learned_and_told_of_others(made):
    method = made(check_steps=40, encoder="small", crop_low=1.0, rotation=0.0)
    module, losses = trained(method, 40)
    assert sum(losses[-5:]) / 5 < 0.5 * sum(losses[:5]) / 5
    found = method.metrics()
    assert found["auc_acl"] == 1.0 and found["held_out_loss"] < 0.6 and not method.metrics()
    assert module.training


def test_a_frozen_encoder_stays_and_is_read_once(made, monkeypatch):
    method = made(**CELLS, head="convlstm", frozen=True)
    torch.manual_seed(0)
    before = {k: v.clone() for k, v in method.module().encoder.state_dict().items()}
    read = []
    monkeypatch.setattr(method, "read", lambda *a, own=method.read: read.append(1) or own(*a))
    module, _ = trained(method, 12)
    assert all(torch.equal(before[name], value) for name, value in module.encoder.state_dict().items())
    assert len(read) == len(method.training_set())
    assert "slices" not in method.batch(1, generator())


def test_weights_of_a_run_are_taken_up_and_others_refused(made, tmp_path):
    torch.manual_seed(3)
    start = SKIDEncoder("v3", 1, 9, 1 / 256, None, False)
    path = tmp_path / "weights.safetensors"
    save_file(start.state_dict(), path)
    method = made(**CELLS, head="maximum", start_from=str(path), frozen=True)
    kept = method.encoder(method.module()).state_dict()
    assert all(torch.equal(kept[name], value) for name, value in start.state_dict().items())
    facts = method.encoder_facts()
    assert (facts["architecture"], facts["cells"], facts["crop"]) == ("skid_v3", 9, 8)
    assert facts["normalisation"].endswith("2x − 1")
    with pytest.raises(SagittalError, match=r"in part|No tensor"):
        made(**{**CELLS, "width": 1 / 128}, head="maximum", start_from=str(path)).module()


def facts_of(scans, planes=("axial",)):
    return tuple(
        ScanFacts(
            scan=str(n),
            name=f"scan {n}",
            subject=f"s{n}",
            path="",
            kind="nifti",
            shape=(24, 24, 6),
            spacing=(1, 1, 4),
            orientation="RAS",
            meta=meta,
        )
        for n, meta in enumerate(scans)
    )


def given(metas, encoder=None):
    return SimpleNamespace(scans=facts_of(metas), label_set="truth", encoder=lambda start: encoder or {})


def test_plane_labels_and_encoder_follow_from_the_study():
    metas = [{"acl": "1", "grade": "a"}, {"acl": "0", "grade": "b"}, {"acl": "0", "plane": "coronal"}]
    params = make(ExamClassifierParams, {"start_from": "run", "head": "convlstm"})
    facts = {
        "architecture": "skid_v3", "in_channels": 1, "image_size": 96, "plane": "axial", "cells": 4, "crop": 40,
        "width": 0.5, "normalisation": "percentiles; then 2x − 1",
    }  # fmt: skip
    found = params.settled(given(metas, facts))
    assert (found.plane, found.labels, found.encoder, found.grid, found.crop) == ("axial", "acl", "skid_v3", 2, 40)
    assert (found.image_size, found.width, found.channels, found.signed) == (96, 0.5, 1, True)
    classes = make(ExamClassifierParams, {"labels": "grade"}).settled(given(metas))
    assert classes.names() == ("grade: a", "grade: b")
    own_size = make(ExamClassifierParams, {"start_from": "run", "image_size": 64})
    resnet = {"architecture": "resnet18", "stem": "cifar", "image_size": 32, "in_channels": 3, "normalisation": "x"}
    settled = own_size.settled(given(metas, resnet))
    assert (settled.image_size, settled.stem, settled.channels, settled.signed) == (64, "cifar", 3, False)
    with pytest.raises(SagittalError, match="read slice by slice"):
        params.settled(given(metas, {"architecture": "small_3d"}))
    with pytest.raises(SagittalError, match="branches of SSLACL"):
        make(ExamClassifierParams, {"start_from": "run", "head": "groups"}).settled(given(metas, facts))
    with pytest.raises(SagittalError, match="None of the 3 scans is sagittal"):
        make(ExamClassifierParams, {"plane": "sagittal"}).settled(given(metas))


def test_what_the_exams_have_is_told_before_a_run():
    scans = facts_of([{"acl": "1"}, {"acl": "0"}, {"acl": "0"}, {"plane": "coronal", "acl": "1"}, {}])
    params = make(ExamClassifierParams, {"plane": "axial", "labels": "acl", "encoder": "skid_v3"})
    lines = list(params.about_scans(scans))
    text = " ".join(line.text for line in lines)
    assert "4 of 5 scans are axial" in text and "3 of 4 axial scans have a label" in text
    assert "acl: 1 exams with it, 2 without" in text and "fewer than 16 slices" in text
    assert "smaller than 74 pixels, which is one cell" in text
    assert not any(line.blocking for line in lines)


def test_bad_input_is_refused_in_words(made, exam):
    with pytest.raises(SagittalError, match="nothing to tell"):
        made([exam(str(n), f"s{n}", {"acl": "1"}) for n in range(4)])
    with pytest.raises(SagittalError, match="at least two are needed"):
        made([exam(str(n), f"s{n}", {"acl": str(n)}) for n in range(2)])
    with pytest.raises(SagittalError, match="None of the 2 scans is axial"):
        made([exam(str(n), f"s{n}", {"acl": str(n), "plane": "coronal"}) for n in range(2)])
    short = made([exam(str(n), f"s{n}", {"acl": str(n % 2)}, depth=2 + n % 3) for n in range(8)])
    assert any("fewer than 3 slices" in text for _, text in short.context.said)
    assert short.batch(1, generator())["chosen"].shape[1] <= 3
    for values, why in (
        ({"head": "groups"}, "SSLACL's branches"),
        ({"encoder": "alexnet", "image_size": 32}, "AlexNet takes 64"),
        ({"encoder": "skid_v3", "image_size": 96, "crop": 64}, "A cell has 32 pixels"),
        ({"start_from": "a", "weights": "b"}, "not both"),
    ):
        with pytest.raises(ParameterError, match=why):
            make(ExamClassifierParams, values)


def test_scans_of_other_planes_are_not_explained(made, exam):
    method = made()
    other = exam("99", "x", {"plane": "coronal"})
    with pytest.raises(SagittalError, match="not axial"):
        method.explain_plane(other)
    assert method.patch_borders() is None and method.explained() == ("acl",)
    cells = made(**CELLS)
    assert cells.patch_borders().shape == (24, 24)
