"""Schedules, seeds and prefetched batches: pure functions of the step."""

from __future__ import annotations

import dataclasses
import math
from collections import namedtuple

import pytest
import torch

from sagittal.params import TrainingParams
from sagittal_engine.ledger import Ledger
from sagittal_engine.optim import NonFiniteLoss, schedule_factor
from sagittal_engine.prefetch import BATCH, STEP, Batches, generator_of, over_tensors, seed_of


def test_schedules_by_hand():
    constant = TrainingParams(warmup_steps=4)
    assert [schedule_factor(constant, n) for n in (1, 2, 4, 5, 99)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    cosine = TrainingParams(schedule="cosine", steps=10)
    assert schedule_factor(cosine, 1) == 1.0
    assert schedule_factor(cosine, 6) == pytest.approx(0.5)
    assert schedule_factor(cosine, 11) == pytest.approx(0.0) == schedule_factor(cosine, 50)
    warm = TrainingParams(schedule="cosine", steps=12, warmup_steps=2)
    assert schedule_factor(warm, 2) == schedule_factor(warm, 3) == 1.0
    steps = TrainingParams(schedule="exponential", decay_every=1000, decay_factor=0.95)
    assert [schedule_factor(steps, n) for n in (1, 1000, 1001, 2001)] == pytest.approx([1, 1, 0.95, 0.95**2])


def test_the_exponential_schedule_equals_torchs():
    params = TrainingParams(schedule="exponential", decay_every=3, decay_factor=0.5)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.StepLR(optimiser, 3, 0.5)
    for step in range(1, 12):
        assert schedule_factor(params, step) == pytest.approx(reference.get_last_lr()[0])
        optimiser.step()
        reference.step()


def test_seeds_depend_on_seed_step_and_stream():
    seeds = {seed_of(s, n, stream) for s in range(20) for n in range(50) for stream in (BATCH, STEP)}
    assert len(seeds) == 20 * 50 * 2 and all(0 <= s < 2**63 for s in seeds)
    low = {s & 0xFFFFFFFF for s in seeds}
    assert len(low) > 0.999 * len(seeds), "torch's processor generator looks at the low 32 bits alone"


def draw(step, generator):
    return step, torch.rand(3, generator=generator)


def make_batches(first, last, make=draw):
    return Batches(make, seed=1, first=first, last=last, device=torch.device("cpu"), name="sagittal-batches-test")


def test_prefetched_batches_are_those_of_their_steps():
    with make_batches(1, 9) as batches:
        ahead = [batches.take() for _ in range(9)]
    assert [step for step, _ in ahead] == list(range(1, 10))
    for step, values in ahead:
        assert torch.equal(values, torch.rand(3, generator=generator_of(1, step)))
    with make_batches(5, 9) as batches:
        assert torch.equal(batches.take()[1], ahead[4][1]), "a resumed run draws the same"


def test_what_making_a_batch_raises_reaches_the_step_and_the_thread_ends():
    def make(step, generator):
        if step == 2:
            raise KeyError("scan")
        return step

    with pytest.raises(KeyError), make_batches(1, 9, make) as batches:
        assert batches.take() == 1
        batches.take()


def test_tensors_are_found_in_every_nest():
    @dataclasses.dataclass(frozen=True)
    class Episode:
        image: torch.Tensor
        name: str

    pair = namedtuple("pair", "left right")
    nest = {"a": [torch.zeros(1), 3], "b": pair(torch.zeros(1), "x"), "c": Episode(torch.zeros(1), "n"), "d": (None,)}
    moved = over_tensors(nest, lambda t: t + 1)
    assert moved["a"][0] == moved["b"].left == moved["c"].image == torch.ones(1)
    assert (moved["a"][1], moved["b"].right, moved["c"].name, moved["d"]) == (3, "x", "n", (None,))
    assert isinstance(moved["b"], pair)


def test_the_ledger_keeps_what_came_before_a_broken_value():
    ledger = Ledger()
    for step, value in enumerate((1.0, 2.0, math.inf, 3.0), start=1):
        ledger.add_objectives(step, {"loss_a": torch.tensor(value), "loss_b": torch.tensor(1.0)})
    with pytest.raises(NonFiniteLoss, match="'loss_a' became inf at step 3"):
        ledger.take()
    assert ledger.take() == {
        "loss_a": ((1, 2), (1.0, 2.0)),
        "loss_b": ((1, 2), (1.0, 1.0)),
        "loss": ((1, 2), (2.0, 3.0)),
    }
