"""What a probe is: it looks at a moment of the training, and leaves everything exactly as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from sagittal.params import TrainingParams
from sagittal_engine.prefetch import over_tensors, seed_of
from sagittal_engine.store import checkpoint

PROBE = 3
"""Stream of randomness of probes, beside those of `sagittal_engine.prefetch`."""


@dataclass(frozen=True)
class Moment:
    """A training between two steps, or a checkpoint of a finished one."""

    method: Any
    """A prepared `sagittal.method.Pretext`."""
    module: torch.nn.Module
    params: TrainingParams
    device: torch.device
    seed: int
    step: int
    """Steps made; 0 before the first."""
    goal: int
    learning_rate: float
    """Of the newest update; the peak before the first."""
    seconds: float
    """Time spent making steps so far, without probes."""
    boundary: Callable[[], None]
    """Call it inside every long loop: a cancel unwinds here."""

    def batches(self, count: int) -> list[Any]:
        """The same `count` batches with the same views at every moment of a run: a function of its seed alone."""
        return [
            over_tensors(
                self.method.batch(number, torch.Generator().manual_seed(seed_of(self.seed, number, PROBE))),
                lambda tensor: tensor.to(self.device),
            )
            for number in range(1, count + 1)
        ]


@dataclass(frozen=True)
class Findings:
    """What a probe measured at one moment."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    """Points of metric series."""
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Source of a panel → the plain document it shows; its text "about", where it has one, is the caption."""
    notes: tuple[tuple[str, str], ...] = ()
    """(level, sentence) for the user and the log; a sentence is told once per sitting, however often it is found."""


class Probe(Protocol):
    """One measurement; built from its card's parameters, and kept over the run, so that it may remember."""

    name: str

    def due(self, step: int, goal: int) -> bool:
        """Whether to measure after `step` steps; asked at 0 (before the first step of a new run) and after each."""

    def measure(self, moment: Moment) -> Findings:
        """Looks at the moment; may raise, which is told to the user once and ends the probe, not the run."""


@contextmanager
def undisturbed(module: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Restores buffers, gradients, modes and random states bit for bit after the block, whatever happens in it."""
    modes = [(part, part.training) for part in module.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in module.buffers()]
    gradients = [(parameter, parameter.grad, parameter.requires_grad) for parameter in module.parameters()]
    random = checkpoint.random_states(device)
    for parameter, _, _ in gradients:
        parameter.grad = None
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        with torch.no_grad():
            for buffer, kept in buffers:
                buffer.copy_(kept)
        for parameter, gradient, trains in gradients:
            parameter.grad = gradient
            parameter.requires_grad_(trains)
        checkpoint.restore_random_states(random, device)
