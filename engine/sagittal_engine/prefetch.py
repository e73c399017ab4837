"""Batches made ahead of the step on one thread, each from a generator that depends on (seed, step) alone."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

import torch

AHEAD = 3
"""Batches under way or ready: enough to hide an uneven batch, few enough to hold in memory."""

INITIAL, BATCH, STEP = range(3)
"""Streams of randomness: the first weights, the batches, and what a step draws (dropout)."""


def seed_of(seed: int, step: int, stream: int) -> int:
    """A well-mixed 63-bit seed: a pure function of the run's seed, the step and the stream (SplitMix64's finaliser)."""
    mask = 2**64 - 1
    value = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + (stream + 1) * 0x94D049BB133111EB) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return (value ^ (value >> 31)) >> 1


def generator_of(seed: int, step: int) -> torch.Generator:
    """The generator that the batch of `step` draws from."""
    return torch.Generator().manual_seed(seed_of(seed, step, BATCH))


def over_tensors(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """`value` with `change` applied to every tensor in its dicts, lists, tuples and dataclasses."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {k: over_tensors(v, change) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(over_tensors(v, change) for v in value))
    if isinstance(value, (list, tuple)):
        return type(value)(over_tensors(v, change) for v in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f.name for f in dataclasses.fields(value) if f.init)
        return dataclasses.replace(value, **{name: over_tensors(getattr(value, name), change) for name in fields})
    return value


class Batches:
    """The batches of steps `first`…`last` in order; used as a context, which ends the thread."""

    def __init__(
        self,
        make: Callable[[int, torch.Generator], Any],
        *,
        seed: int,
        first: int,
        last: int,
        device: torch.device,
        name: str,
    ) -> None:
        self._make, self._seed, self._device = make, seed, device
        self._next, self._last = first, last
        self._ready: deque[Future[Any]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def __enter__(self) -> Batches:
        for _ in range(AHEAD):
            self._order()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def take(self) -> Any:
        """The next step's batch on the run's device; whatever making it raised is raised here."""
        batch = self._ready.popleft().result()
        self._order()
        if self._device.type == "cpu":
            return batch
        return over_tensors(batch, lambda t: t.to(self._device, non_blocking=True))

    def _order(self) -> None:
        if self._next <= self._last:
            self._ready.append(self._thread.submit(self._produce, self._next))
            self._next += 1

    def _produce(self, step: int) -> Any:
        batch = self._make(step, generator_of(self._seed, step))
        return over_tensors(batch, torch.Tensor.pin_memory) if self._device.type == "cuda" else batch
