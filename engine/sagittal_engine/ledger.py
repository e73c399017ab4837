"""Values of steps on their way to the record: gathered lazily, so that an accelerator is never made to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from sagittal_engine.optim import NonFiniteLoss

TOTAL = "loss"
"""Series of the sum, where a method has several objectives and none of that name."""
SMOOTHING = 0.99
"""Of the running mean that decides which checkpoint is the best."""


class Ledger:
    """Collects the objectives and metrics of steps and hands them out as series."""

    def __init__(self) -> None:
        self._objectives: list[tuple[int, dict[str, torch.Tensor]]] = []
        self._series: dict[str, tuple[list[int], list[float]]] = {}
        self._most = 0
        self.smoothed: float | None = None
        """Exponential running mean of the summed objectives, over the steps taken so far."""

    def add_objectives(self, step: int, objectives: dict[str, torch.Tensor]) -> None:
        """Keeps the detached objectives of `step`; nothing is read from their device yet."""
        self._objectives.append((step, objectives))

    def add_numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self._add(name, step, float(value))

    def take(self) -> dict[str, tuple[tuple[int, ...], tuple[float, ...]]]:
        """Everything since the last call, as series.

        Raises `NonFiniteLoss` at the first objective that is infinite or not a number; what came before it is kept
        for the next call.
        """
        pending, self._objectives = self._objectives, []
        flat = [value.float() for _, objectives in pending for value in objectives.values()]
        values = iter(torch.stack(flat).tolist() if flat else [])
        for step, objectives in pending:
            self._take_step(step, {name: next(values) for name in objectives})
        series, self._series = self._series, {}
        return {name: (tuple(steps), tuple(numbers)) for name, (steps, numbers) in series.items()}

    def _take_step(self, step: int, objectives: dict[str, float]) -> None:
        for name, value in objectives.items():
            if not math.isfinite(value):
                raise NonFiniteLoss(f"'{name}' became {value} at step {step}")
            self._add(name, step, value)
        self._most = max(self._most, len(objectives))
        if len(objectives) < self._most:  # one was left out of the step: a sum of fewer would look like progress
            return
        total = sum(objectives.values())
        if len(objectives) > 1 and TOTAL not in objectives:
            self._add(TOTAL, step, total)
        before = total if self.smoothed is None else self.smoothed
        self.smoothed = SMOOTHING * before + (1 - SMOOTHING) * total

    def _add(self, name: str, step: int, value: float) -> None:
        steps, values = self._series.setdefault(name, ([], []))
        steps.append(step)
        values.append(value)
