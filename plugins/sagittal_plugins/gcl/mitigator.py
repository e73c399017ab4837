"""The gradient mitigator: gradients of several meta labels brought into agreement before they are summed.

Gradient vaccination (Wang et al., Gradient Vaccine, ICLR 2021, eq. 2 to 4) and gradient surgery (Yu et al., PCGrad,
NeurIPS 2020, algorithm 1), applied to the gradient of one shared encoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Array = np.ndarray[Any, Any]

MODES = ("gradvac", "pcgrad", "sum")
LIMIT = 1 - 1e-6
"""No target comes nearer to ±1: reaching a cosine of one would ask for parallel gradients, with an infinite weight."""
NOTHING = 1e-6
"""What may be left of a gradient's squared length, as a share of what cancelled out in it, before it counts as zero:
below that, its direction is float32's rounding."""

BLOCK = 2**15
"""Numbers of a row that are multiplied at a time."""


def injected(length: float, other: float, cosine: float, target: float) -> float:
    """w = ‖g‖ (φ̂ √(1−φ²) − φ √(1−φ̂²)) / (‖g_j‖ √(1−φ̂²)): how much of g_j lifts cos(g, g_j) from φ to φ̂."""
    within = math.sqrt(1 - target**2)
    return length * (target * math.sqrt(max(0.0, 1 - cosine**2)) - cosine * within) / (other * within)


def vaccinate(gradient: Tensor, other: Tensor, target: float) -> tuple[Tensor, float]:
    """(g + w·g_j, w) where cos(g, g_j) is below `target`, whereupon it equals it; else (g, 0). Both (P,).

    A gradient of length zero has no direction: then nothing changes.
    Raises ValueError unless both are vectors of one length and the target lies between −1 and 1.
    """
    if gradient.ndim != 1 or gradient.shape != other.shape:
        raise ValueError(
            f"both gradients must be vectors of one length; got {tuple(gradient.shape)} and {tuple(other.shape)}."
        )
    target = float(target)
    if not -1 < target < 1:
        raise ValueError(f"the target cosine must lie between -1 and 1, both excluded; got {target}.")
    length, beside = float(gradient.norm()), float(other.norm())
    if not (length > 0 and beside > 0):
        return gradient, 0.0
    cosine = max(-1.0, min(1.0, float(gradient @ other) / (length * beside)))
    if cosine >= target:
        return gradient, 0.0
    weight = injected(length, beside, cosine, target)
    return gradient + weight * other, weight


@dataclass(frozen=True)
class Mitigation:
    """What one step's mitigation did, in numbers. NaN stands where a gradient was zero, and in diagonals."""

    before: Array
    """(M, M): cos(g_i, g_j) of the gradients as they came."""
    after: Array
    """(M, M): cos(g_i', g_j): row the changed gradient, column the unchanged one it was held against."""
    changed: Array
    """bool (M, M): whether some of g_j was injected into g_i."""


class GradientMitigator(nn.Module):
    """Gradients (M, P), one row per meta label, to the one (P,) that is descended.

    For every label i and every j ≠ i, ascending: φ = cos of the current g_i with the unchanged g_j; where φ is below
    the target φ̂_ij, w·g_j is injected so that the cosine equals it; then φ̂_ij ← (1 − β) φ̂_ij + β φ, at every step.
    Targets begin at 0 and are kept in checkpoints. "pcgrad" keeps all of them at 0, "sum" injects nothing.

    Every g_i stays a combination of the M rows. So the rows are read twice in all, for their M × M inner products and
    for the final sum, and what lies between is arithmetic on M × M numbers; nothing of length P is stored but the
    result.
    """

    targets: Tensor
    """φ̂, float64 (M, M)."""

    def __init__(self, n_labels: int, *, beta: float = 0.01, mode: str = "gradvac") -> None:
        """Raises ValueError for a number of labels below one, a β outside 0…1 and an unknown mode."""
        super().__init__()
        if n_labels < 1:
            raise ValueError(f"there must be at least one meta label; got {n_labels}.")
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must lie between 0 and 1; got {beta}.")
        if mode not in MODES:
            raise ValueError(f"the mode must be one of {', '.join(MODES)}; got {mode!r}.")
        self.beta, self.mode = beta, mode
        self.register_buffer("targets", torch.zeros(n_labels, n_labels, dtype=torch.float64))
        self.last: Mitigation | None = None
        """Of the newest call."""

    @torch.no_grad()
    def forward(self, gradients: Tensor, labels: Sequence[int] | None = None) -> Tensor:
        """(M, P) → (P,); or (m, P), where only these `labels` take part. Raises ValueError where rows do not fit."""
        chosen = list(range(len(self.targets)) if labels is None else labels)
        if gradients.ndim != 2 or len(gradients) != len(chosen):
            raise ValueError(
                f"there must be one gradient per meta label, ({len(chosen)}, P); got {tuple(gradients.shape)}."
            )
        shares = torch.from_numpy(self._shares(inner_products(gradients).cpu().numpy(), chosen))
        return shares.to(gradients) @ gradients

    def _shares(self, products: Array, chosen: list[int]) -> Array:
        """How much of each row the sum of all changed gradients holds: (m,), from the rows' inner products (m, m).

        Moves the targets and fills `last`.
        """
        count = len(products)
        lengths = np.sqrt(np.diagonal(products).clip(0))
        taking_part: list[int] = np.flatnonzero(lengths > 0).tolist()
        everything = self.targets.cpu().numpy().copy()
        targets = everything[np.ix_(chosen, chosen)]
        weights = np.eye(count)
        changed = np.zeros((count, count), dtype=bool)
        for i in taking_part:
            for j in taking_part:
                cosine = _cosine(weights[i], products, j, lengths[j])
                if i == j or math.isnan(cosine):
                    continue
                if self.mode != "sum" and cosine < targets[i, j]:
                    length = math.sqrt(weights[i] @ products @ weights[i])
                    weights[i, j] += injected(length, lengths[j], cosine, targets[i, j])
                    changed[i, j] = True
                if self.mode == "gradvac":
                    moved = (1 - self.beta) * targets[i, j] + self.beta * cosine
                    targets[i, j] = max(-LIMIT, min(LIMIT, moved))
        everything[np.ix_(chosen, chosen)] = targets
        self.targets.copy_(torch.from_numpy(everything))
        self.last = Mitigation(_cosines(np.eye(count), products), _cosines(weights, products), changed)
        return weights.sum(0)


def inner_products(rows: Tensor) -> Tensor:
    """(M, P) → float64 (M, M). Summed in blocks, so that a few long rows keep every core busy and lose no digits."""
    whole = rows.shape[1] // BLOCK * BLOCK
    blocks = rows[:, :whole].unflatten(1, (-1, BLOCK)).transpose(0, 1)
    rest = rows[:, whole:]
    return (blocks @ blocks.mT).double().sum(0) + (rest @ rest.T).double()


def _cosine(weights: Array, products: Array, j: int, length: float) -> float:
    """cos(Σ_k weights_k g_k, g_j); NaN where either has no length."""
    square, cancelled = (float(w @ p @ w) for w, p in ((weights, products), (np.abs(weights), np.abs(products))))
    if not square > NOTHING * cancelled or not length > 0:
        return math.nan
    return max(-1.0, min(1.0, float(weights @ products[:, j]) / (math.sqrt(square) * length)))


def _cosines(weights: Array, products: Array) -> Array:
    """(M, M): cosine of each combination (rows of `weights`) with each row; NaN on the diagonal."""
    count = len(products)
    lengths: Sequence[float] = np.sqrt(np.diagonal(products).clip(0)).tolist()
    found = np.full((count, count), np.nan)
    for i in range(count):
        for j in range(count):
            if i != j:
                found[i, j] = _cosine(weights[i], products, j, lengths[j])
    return found
