"""How a run approaches a minimum: gradient norm, the Polyak-Łojasiewicz constant along the path, the rate it implies.

½‖∇L‖² ≥ μ (L − L*) (Polyak, 1963; Łojasiewicz, 1963). Where it holds with curvature at most λ_max, gradient descent
with rate 1/λ_max contracts L − L* by 1 − μ/λ_max per step. On fixed batches, at moment t,
μ_t = ‖∇L_t‖² / (2 (L_t − L*)), with L* the lowest loss seen so far or a chosen floor; the constant of the path so far
is the smallest μ_t. An estimate along one path, not a proof.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sagittal_engine.probes.basis import Basis, choose_place
from sagittal_engine.probes.budget import Budget
from sagittal_engine.probes.closure import Closure, closure_of
from sagittal_engine.probes.curvature import Hessian, loss_and_gradient
from sagittal_engine.probes.curvature_cards import ConvergenceParams
from sagittal_engine.probes.lanczos import Process
from sagittal_engine.probes.probe import Findings, Moment

SHOWN = 500
"""Moments a curve shows at most, evenly spread."""


@dataclass(frozen=True)
class Look:
    """One moment of the path, on the fixed batches."""

    step: int
    loss: float
    squared_gradient: float


def path_estimates(looks: Sequence[Look], floor: float | None) -> tuple[float, list[tuple[int, float]]]:
    """L* (`floor`, or the lowest loss of `looks`) and (step, μ) for every moment that lies above it."""
    lowest = min(look.loss for look in looks) if floor is None else floor
    above = [look for look in looks if look.loss > lowest]
    return lowest, [(look.step, look.squared_gradient / (2 * (look.loss - lowest))) for look in above]


class Convergence:
    """Looks at every `every`-th step; remembers the path since the run was last taken up."""

    name = "convergence"

    def __init__(self, params: ConvergenceParams) -> None:
        self.params = params
        self._budget = Budget(params.budget)
        self._floor = None if params.floor == "lowest" else float(params.floor)
        self._looks: list[Look] = []
        self._largest: float | None = None
        self._look_seconds = self._bound_seconds = 0.0

    def due(self, step: int, goal: int) -> bool:
        self._budget.begin(step)
        return step % self.params.every == 0

    def measure(self, moment: Moment) -> Findings:
        """Loss and gradient now, and the path so far; nothing while the budget is spent."""
        begun = time.perf_counter()
        left = self._budget.left(moment)
        if moment.step and left < self._look_seconds:
            return Findings()
        numbers: dict[str, float] = {}
        try:
            with closure_of(moment, self.params.batches) as closure:
                loss, gradient = loss_and_gradient(closure.terms, closure.parameters)
                self._look_seconds = time.perf_counter() - begun
                if self.params.products and moment.step and left - self._look_seconds > self._bound_seconds:
                    self._bound(closure, gradient, moment)
                    if self._largest is not None:
                        numbers["step_bound"] = 1 / self._largest
                on = closure.sentence(moment.params.batch_size)
        finally:
            self._budget.spent += time.perf_counter() - begun
        if not math.isfinite(loss):
            return Findings()
        self._looks.append(Look(moment.step, loss, float(gradient @ gradient)))
        numbers |= {"gradient_norm": float(gradient.norm()), "fixed_batch_objective": loss}
        return self._findings(numbers, on)

    def _bound(self, closure: Closure, gradient: torch.Tensor, moment: Moment) -> None:
        """A few Lanczos steps from the gradient, which leans towards the largest eigenvalues."""
        begun = time.perf_counter()
        if not 0 < float(gradient.norm()) < math.inf:
            return
        curvature = Hessian(closure.terms, closure.parameters)
        dtype, device = closure.parameters[0].dtype, closure.parameters[0].device
        place = choose_place(min(self.params.products, curvature.length), curvature.length, dtype, device)
        with Basis(place) as basis:
            process = Process(gradient, basis)
            while not process.done:
                moment.boundary()
                process.take(curvature.times(process.newest.to(device)[None])[0])
            largest = float(process.quadrature().ritz[-1])
        self._largest = largest if largest > 0 else None
        self._bound_seconds = time.perf_counter() - begun

    def _findings(self, numbers: dict[str, float], on: str) -> Findings:
        lowest, estimates = path_estimates(self._looks, self._floor)
        notes: tuple[tuple[str, str], ...] = ()
        if self._floor is not None and self._looks[-1].loss <= self._floor:
            sentence = (
                f"The loss on the fixed batches fell to the chosen floor {self._floor:g} or below, so it is no minimum "
                "and estimates against it mean nothing from here on. Choose a lower floor, or 'lowest'."
            )
            notes = (("warning", sentence),)
        if not estimates:
            return Findings(numbers, notes=notes)
        constant = min(value for _, value in estimates)
        numbers["pl_constant"] = constant
        if self._largest is not None and constant < self._largest:
            numbers["convergence_rate"] = 1 - constant / self._largest
        return Findings(numbers, {"convergence": self._document(estimates, lowest, constant, on)}, notes)

    def _document(
        self, estimates: Sequence[tuple[int, float]], lowest: float, constant: float, on: str
    ) -> dict[str, Any]:
        shown = estimates[:: math.ceil(len(estimates) / SHOWN)]
        named = "the lowest seen so far" if self._floor is None else "the chosen floor"
        about = f"μ on {on}, against L* = {lowest:.4g}, {named}; the smallest so far is {constant:.2e}."
        if self._largest is not None and constant < self._largest:
            rate = 1 - constant / self._largest
            about += f" With λmax ≥ {self._largest:.3g} it implies a factor of {rate:.6f} per step of 1/λmax."
        elif self._largest is not None:
            about += (
                f" That exceeds λmax ≈ {self._largest:.3g}, which no constant can: L* lies above the true minimum, and "
                "no rate follows yet."
            )
        return {
            "x": [step for step, _ in shown],
            "y": {"μ along the path": [value for _, value in shown]},
            "floor": lowest,
            "constant": constant,
            "largest": self._largest,
            "about": about,
        }
