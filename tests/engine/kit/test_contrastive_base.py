"""What every method of two views inherits: images, views that replay, held-out subjects, refusals, alarms."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lent import Lent

from sagittal.engine_port import SagittalError
from sagittal.params import ParameterError, make
from sagittal_engine.kit.image_source import view_rules
from sagittal_engine.kit.pairs import pairs
from sagittal_plugins.byol import BYOLParams
from sagittal_plugins.byol.method import BYOL
from sagittal_plugins.dino import DINOParams
from sagittal_plugins.dino.method import DINO
from sagittal_plugins.dystress import DySTreSSParams
from sagittal_plugins.dystress.method import DySTreSS
from sagittal_plugins.macl import MACLParams
from sagittal_plugins.macl.method import MACL
from sagittal_plugins.moco import MoCoParams
from sagittal_plugins.moco.method import MoCo
from sagittal_plugins.simclr import SimCLRParams
from sagittal_plugins.simclr.loss import nt_xent_loss
from sagittal_plugins.simclr.method import SimCLR
from sagittal_plugins.wmse import WMSEParams
from sagittal_plugins.wmse.method import WMSE

SMALL = {
    "encoder": "small", "image_size": 16, "hidden_dim": 8, "out_dim": 4, "batch_size": 6, "steps": 20,
}  # fmt: skip


@dataclass
class Scan:
    id: str
    subject: str
    broken: bool = False
    spacing: tuple = (1.0, 1.0, 1.0)
    meta: dict = field(default_factory=dict)

    def image(self):
        rng = np.random.default_rng(int(self.id))
        volume = rng.random((20, 18, 5)).astype(np.float32)
        if self.broken:
            volume[3, 4, 2] = np.nan
        return volume

    def labels(self):
        mask = np.zeros((20, 18, 5), bool)
        mask[5:9, 5:9, 2:4] = True
        return {"organ": mask}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def made(tmp_path):
    def build(kind=SimCLR, params=SimCLRParams, scans=None, **values):
        lent = Lent(tmp_path, [Scan(str(n), f"s{n // 2}") for n in range(6)] if scans is None else scans)
        method = kind(make(params, {**SMALL, **values}), lent)
        return method, lent

    return build


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_subjects_are_kept_apart_and_the_split_follows_the_seed(made):
    method, _ = made(held_out=0.34)
    method.prepare()
    training, held_out = method.training_set(), method.held_out_set()
    assert set(training.subjects).isdisjoint(held_out.subjects) and len(set(held_out.subjects)) == 1
    assert len(training) + len(held_out) == 30
    again, _ = made(held_out=0.34)
    again.prepare()
    assert again.held_out_set().subjects == held_out.subjects
    everything, _ = made(held_out=0.0)
    everything.prepare()
    assert len(everything.training_set()) == 30 and len(everything.held_out_set()) == 0


def test_a_batch_replays_its_views(made):
    method, _ = made()
    method.prepare()
    batch = method.batch(1, generator())
    first, second = method.views(batch), method.views(batch)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], first[1])
    assert first[0].shape == (6, 1, 16, 16)
    torch.manual_seed(0)
    module = method.module()
    one, other = (float(method.objectives(module, batch)["loss"].detach()) for _ in range(2))
    assert one == other


def test_an_epoch_shows_every_image_once(made):
    method, _ = made(held_out=0.0, batch_size=10)
    method.prepare()
    seen = [int(i) for step in (1, 2, 3) for i in method._chosen(step)]
    assert sorted(seen) == list(range(30))


def test_the_loss_is_that_of_the_projections_and_its_parts_are_recorded(made):
    method, _ = made(temperature=0.3)
    method.prepare()
    module = method.module()
    batch = method.batch(1, generator())
    objectives = method.objectives(module, batch)
    a, b = (module(view) for view in method.views(batch))
    torch.testing.assert_close(objectives["loss"], nt_xent_loss(a, b, temperature=0.3))
    numbers = method.metrics()
    assert numbers["attracting"] + numbers["repelling"] == pytest.approx(float(objectives["loss"].detach()), rel=1e-5)


def test_alarms_are_looked_at_every_ten_steps(made):
    method, _ = made()
    method.prepare()
    module = method.module()
    method.objectives(module, method.batch(1, generator()))
    method.after_step(module, 9)
    assert "effective_rank" not in method.metrics()
    method.after_step(module, 10)
    assert {"effective_rank", "effective_rank_share", "feature_deviation"} <= set(method.metrics())
    assert int(module.updates) == 10


def test_it_represents_what_probes_ask_for(made):
    method, lent = made()
    method.prepare()
    module = method.module().eval()
    images = method.image_set(lent.scans[:1], masks=True)
    assert images.masks["organ"].shape == (5, 16, 16)
    with torch.no_grad():
        assert method.features(module, images.images).shape == (5, 128)
        assert method.feature_maps(module, images.images).shape[:2] == (5, 128)
        assert method.projections(module, images.images).shape == (5, 4)
    a, b = method.view_pair(images.images, generator())
    assert a.shape == b.shape == (5, 1, 16, 16) and not torch.equal(a, b)
    (picture,) = method.pictures(module, method.batch(1, generator()))
    assert picture.pixels.dtype == np.uint8 and picture.pixels.shape[2] == 3
    assert method.encoder_facts()["architecture"] == "small"


def test_bad_input_is_one_sentence(made):
    one_subject = [Scan(str(n), "alone") for n in range(3)]
    with pytest.raises(SagittalError, match=r"one subject.*Set 'held_out' to 0"):
        made(scans=one_subject)[0].prepare()
    with pytest.raises(SagittalError, match="NaN or infinite"):
        made(scans=[Scan("91", "a", broken=True), Scan("92", "b")])[0].prepare()
    with pytest.raises(SagittalError, match="0 images to train on"):
        made(scans=[], held_out=0.0)[0].prepare()
    with pytest.raises(SagittalError, match=r"The views cannot be made: .*crop_low ≤ crop_high"):
        made(crop_high=0.05)
    with pytest.raises(ParameterError, match=r"'crop_low', is 0\.9 .*'crop_high', is 0\.2"):
        made(crop_low=0.9, crop_high=0.2)
    for values, sentence in (
        ({"tau_min": 0.5, "tau_max": 0.2}, r"'tau_max', is 0\.2 .*'tau_min', is 0\.5\. Raise"),
        ({"shift": 0.2, "profile": "linear"}, "Only the cosine profile can be shifted"),
        ({"scale": 0.5}, "'shift' is empty"),
    ):
        with pytest.raises(ParameterError, match=sentence):
            made(DySTreSS, DySTreSSParams, **values)
    with pytest.raises(SagittalError, match="alpha"):
        made(MACL, MACLParams, alpha=0.9, alignment_start=0.9)


def test_groups_too_small_to_be_whitened_are_whitened_with_a_warning(made):
    method, lent = made(WMSE, WMSEParams, shrinkage=0.0, out_dim=16)
    method.prepare()
    assert any(level == "warning" and "too few" in text and "0.001 is used" in text for level, text in lent.said)
    losses = method.objectives(method.module(), method.batch(1, generator()))
    assert all(torch.isfinite(loss).all() for loss in losses.values())


def test_a_small_study_is_trained_on_with_a_warning(made):
    method, lent = made(batch_size=64)
    method.prepare()
    assert any(level == "warning" and "in place of 64" in text for level, text in lent.said)
    assert len(method.batch(1, generator())["images"]) == len(method.training_set())


def test_a_published_set_is_trained_on_whole_and_watched_on_its_test_images(made, tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "cifar"
    folder.mkdir()
    for name, count in (*((f"data_batch_{n}.bin", 3) for n in range(1, 6)), ("test_batch.bin", 2)):
        records = rng.integers(0, 256, (count, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(count)
        (folder / name).write_bytes(records.tobytes())
    method, _ = made(scans=[], data=str(folder), channels=3)
    method.prepare()
    assert len(method.training_set()) == 15 and len(method.held_out_set()) == 2
    assert method.views(method.batch(1, generator()))[0].shape == (6, 3, 16, 16)
    alone, _ = made(scans=[], data=str(folder), channels=3, held_out=0.0)
    alone.prepare()
    assert len(alone.held_out_set()) == 0


def test_strengths_take_the_place_of_the_lists_own(made):
    grey, own = make(SimCLRParams, {}), make(SimCLRParams, {"rotation": 5.0, "holes": 0})
    assert view_rules(grey).rotation == 30 and view_rules(grey).holes == 4 and view_rules(grey).noise == 0.1
    assert view_rules(own).rotation == 5 and view_rules(own).holes == 0 and view_rules(own).noise == 0.1
    photo = view_rules(make(SimCLRParams, {"augmentation": "simclr"}))
    assert photo.rotation == 0 and photo.greyscale == 0.2 and photo.holes == 0


def test_subject_aware_batches_hold_few_subjects(made):
    method, _ = made(held_out=0.0, subjects_per_batch=1, batch_size=4)
    method.prepare()
    subjects = method.training_set().subjects
    for step in range(1, 8):
        assert len({subjects[int(i)] for i in method._chosen(step)}) == 1


def test_a_swinging_temperature_follows_the_updates_made(made):
    method, _ = made(temperature_schedule="cosine", temperature=0.1, temperature_high=1.0)
    method.prepare()
    module = method.module()
    batch = method.batch(1, generator())
    found = []
    for step in (0, 10, 20):
        module.updates.fill_(step)
        method.objectives(module, batch)
        found.append(method.metrics()["temperature"])
    assert found == pytest.approx([1.0, 0.1, 1.0], rel=1e-5)


def test_moco_writes_keys_round_and_round_and_its_keys_follow(made):
    method, _ = made(MoCo, MoCoParams, queue_size=10, key_momentum=0.5, projector_norm=True)
    method.prepare()
    torch.manual_seed(0)
    module = method.module()
    first = module.queue.clone()
    places = []
    for step in (1, 2):
        method.objectives(module, method.batch(step, generator(step)))
        method.after_step(module, step)
        places.append(int(module.place))
    assert places == [6, 2]
    assert not torch.equal(first, module.queue)
    torch.testing.assert_close(module.queue.norm(dim=1), torch.ones(10))
    slow = next(module.slow.parameters())
    assert not slow.requires_grad
    with torch.no_grad():
        own = next(module.encoder.parameters())
        own.add_(1.0)
    before = slow.clone()
    method.after_step(module, 3)
    torch.testing.assert_close(slow, (before + own.detach()) / 2)


def test_byol_compares_each_view_with_the_other_ones_target(made):
    method, _ = made(BYOL, BYOLParams)
    method.prepare()
    torch.manual_seed(0)
    module = method.module().eval()
    batch = method.batch(1, generator())
    a, b = method.views(batch)
    with torch.no_grad():
        loss = method.objectives(module, batch)["loss"]
        pairs_of = [(module.predictor(module(a)), module.target(b)), (module.predictor(module(b)), module.target(a))]
        expected = sum((2 - 2 * torch.cosine_similarity(p, t)).mean() for p, t in pairs_of)
    torch.testing.assert_close(loss, expected)
    module.train()
    method.objectives(module, batch)["loss"].backward()
    assert all(p.grad is None for p in module.target.parameters())


def test_dino_moves_its_centre_and_keeps_prototypes_at_first(made):
    method, _ = made(DINO, DINOParams, prototypes=12, local_views=2, frozen_steps=5)
    method.prepare()
    torch.manual_seed(0)
    module = method.module()
    batch = method.batch(1, generator())
    views = method.views(batch)
    assert [view.shape[-1] for view in views] == [16, 16, 8, 8]
    method.objectives(module, batch)["loss"].backward()
    assert float(module.prototypes.weight.grad.abs().sum()) == 0
    assert float(module.encoder.stage1[0].weight.grad.abs().sum()) > 0
    scores = method._scores.clone()
    method.after_step(module, 1)
    torch.testing.assert_close(module.centre, 0.1 * scores.mean(0))
    module.updates.fill_(5)
    module.zero_grad()
    method.objectives(module, batch)["loss"].backward()
    assert float(module.prototypes.weight.grad.abs().sum()) > 0
    numbers = method.metrics()
    assert 0 <= numbers["teacher_entropy"] <= math.log(12)


def test_dystress_tells_its_curve_for_the_histogram(made):
    method, _ = made(DySTreSS, DySTreSSParams, tau_min=0.1, tau_max=0.2)
    curve = method.similarity_curve()
    assert curve["name"] == "temperature" and len(curve["x"]) == len(curve["y"]) == 201
    assert curve["x"][0] == -1 and curve["y"][0] == pytest.approx(0.2) and min(curve["y"]) == pytest.approx(0.1)


def test_log_sums_are_equal_by_both_ways():
    """Below the bound one exponential serves rows and columns; above it each row has its own maximum."""
    rows = torch.randn(2, 5, 4, dtype=torch.float64, generator=generator())
    found = pairs(*rows, temperature=0.2)
    assert found.bound == pytest.approx(5.0)
    slow = found._replace(bound=math.inf)
    torch.testing.assert_close(found.log_sums(), slow.log_sums(), rtol=1e-13, atol=1e-13)
    assert pairs(*rows, temperature=torch.tensor(0.2)).bound == math.inf


def test_an_encoder_without_room_is_refused_before_the_first_batch_and_can_still_be_looked_at(made, monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000))
    method, _ = made()
    method.prepare()
    module = method.module()
    assert method.features(module, method.training_set().images[:2]).shape[0] == 2
    with pytest.raises(SagittalError, match=r"through the encoder small keeps at least .* Lower 'batch_size'"):
        method.batch(1, generator())
