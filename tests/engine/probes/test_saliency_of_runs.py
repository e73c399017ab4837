"""Saliency of trained runs through the engine: layers, maps that are kept, sanity check, refusals; the live score."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from probed_study import SHAPE, ProbedStudy

from sagittal.engine_port import SagittalError
from sagittal.events import MessageRaised
from sagittal.run_request import RunRequest
from sagittal.saliency import SaliencyRequest
from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_engine.registry import Registry
from sagittal_engine.service import Engine

SKID = {
    "width": 1 / 64, "channels": 1, "image_size": 24, "crop": 8, "arrangements": 4, "batch_size": 4, "steps": 2,
    "epoch_of": "slices", "check_steps": 0,
}  # fmt: skip
SIMCLR = {"encoder": "small", "stem": "cifar", "image_size": 16, "batch_size": 8, "steps": 1, "out_dim": 8}
UNET = {"encoder": "small", "stem": "cifar", "image_size": 16, "batch_size": 4, "steps": 2, "preview_steps": 0}
PATCHES = {**SIMCLR, "plane": "patch", "encoder": "small_3d", "patches_per_scan": 2}
VESSELS = {"network": "small_unet", "patch": 16, "batch_size": 2, "steps": 2}
FIRST = f"{1:016x}"


class Bench:
    def __init__(self, folder) -> None:
        torch.set_num_threads(1)
        self.study = ProbedStudy(folder, scans=5)
        self.engine = Engine(Registry(), self.study)
        self.ended = {}
        self.said = []

    def wait(self, source):
        import time

        deadline = time.monotonic() + 100
        while time.monotonic() < deadline:
            for event in self.engine.events():
                if isinstance(event, MessageRaised):
                    self.said.append(event.text)
                if hasattr(event, "reason"):
                    self.ended[event.source] = event
            if source in self.ended:
                return self.ended[source]
            time.sleep(0.005)
        raise AssertionError("the work did not end")

    def train(self, method, values, probes=()):
        scans = tuple(f"{n:016x}" for n in range(1, 5))  # the fifth has no labels
        request = RunRequest(method=method, parameters=values, scans=scans, probes=probes, device="cpu")
        run = self.engine.start(request)
        end = self.wait(run)
        assert not end.error, end.error + end.detail
        return run

    def look(self, run, *, sanity=False, scan=FIRST, **asked):
        return self.wait(self.engine.start_saliency(SaliencyRequest(run, scan, **asked), sanity=sanity))


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "study")
    yield made
    made.engine.shut_down()


def test_a_puzzle_run_is_asked_scored_and_checked(bench):
    run = bench.train("skid", SKID, probes=("shortcut:every=1,images=4",))
    series = bench.engine.run(run).metrics
    for name in ("shortcut_score", "shortcut_area", "border_share", "border_area", "background_share"):
        steps, values = series[name]
        assert list(steps) == [0, 1, 2] and all(0 <= value <= 1 for value in values)
    assert len(set(series["shortcut_area"][1])) == 1, "the same slices at every look"

    layers = bench.engine.saliency_layers(run)
    assert layers[0].suggested and not any(layer.suggested for layer in layers[1:])
    assert layers[0].title.endswith("4 × 4"), "of crops of eight pixels the branches leave two places a side: too few"
    assert bench.engine.saliency_targets(run) == ["puzzle", "similarity"]

    first = bench.look(run, sanity=True)
    assert not first.error, first.error + first.detail
    assert first.kind == "saliency" and first.result["request"]["target"] == "puzzle"
    (facts,) = bench.engine.saliency_maps(run)
    assert facts.id == first.result["id"] and facts.plane == "axial" and facts.step == 2
    assert facts.share.keys() == {f"{n}{a}" for n in ("background", "border", "shortcut") for a in ("", "_area")}
    assert facts.hits.keys() == {f"{n}{a}" for n in ("front", "back") for a in ("", "_area", "_rank")}
    assert facts.sanity is None or -1 <= facts.sanity <= 1
    volume = bench.engine.saliency_map(facts.id)
    assert volume.shape == SHAPE and volume.dtype == np.float32
    assert np.nanmax(volume) == 1.0 and np.nanmin(volume) >= 0.0

    bench.look(run, sanity=True)
    assert len(bench.engine.saliency_maps(run)) == 1, "the same question, the same map"
    other = bench.look(run, shuffled=True, target="similarity", layer="encoder.branches.layers.2").result
    assert "shuffled" in other["title"] and other["request"]["shuffled"]
    newest, oldest = bench.engine.saliency_maps(run)
    assert newest.id == other["id"] and oldest.id == facts.id
    assert not np.array_equal(bench.engine.saliency_map(newest.id), volume, equal_nan=True)


@pytest.mark.parametrize(
    ("method", "values", "target", "axes"),
    [
        ("simclr", SIMCLR, "similarity", 2),
        ("simclr", PATCHES, "similarity", 3),
        ("unet", UNET, "front", 2),
        ("gs_ema", VESSELS, "front", 3),
    ],
)
def test_runs_of_every_family_are_asked_too(bench, method, values, target, axes):
    run = bench.train(method, values)
    assert target in bench.engine.saliency_targets(run)
    layers = bench.engine.saliency_layers(run)
    assert layers[0].suggested and all(layer.title.count("×") == axes - 1 for layer in layers)
    end = bench.look(run, target=target)
    assert not end.error, end.error + end.detail
    assert "border" not in end.result["share"] and end.result["share"]["shortcut_area"] >= 0
    assert bench.engine.saliency_map(end.result["id"]).shape == SHAPE


def test_what_cannot_be_asked_is_refused_in_words(bench):
    run = bench.train("simclr", SIMCLR)
    assert (
        "no layer 'encoder.none' whose features are maps. It has encoder" in bench.look(run, layer="encoder.none").error
    )
    assert "can explain similarity, and not 'puzzle'" in bench.look(run, target="puzzle").error
    assert "no checkpoint" in bench.look(run, checkpoint="77").error
    with pytest.raises(SagittalError, match="no saliency map"):
        bench.engine.saliency_map(f"{run}-00000000")


def test_a_method_that_explains_nothing_is_refused_in_words(bench, monkeypatch):
    run = bench.train("simclr", SIMCLR)
    monkeypatch.setattr(ContrastiveBase, "explained", lambda _self: ())
    assert bench.engine.saliency_layers(run) == [] and bench.engine.saliency_targets(run) == []
    assert "cannot be asked where it looked" in bench.look(run).error


def test_a_live_score_needs_slices(bench):
    bench.train("simclr", PATCHES, probes=("shortcut:every=1,images=4",))
    assert any("sees 3D patches, and no slices" in text for text in bench.said)
