"""The model-aware contrastive loss (Huang et al. 2023): adaptive temperature and reweighted gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import Parts, check_temperature, check_views, full_precision, pairs


def check_alignment_rule(temperature: float, alpha: float, alignment_start: float) -> None:
    """Raises ValueError where the temperature could become 0 or less at some alignment in −1…1."""
    check_temperature(temperature)
    if alpha < 0 or not -1 <= alignment_start <= 1 or alpha * (1 + alignment_start) >= 1:
        raise ValueError(
            "alpha must not be negative, alignment_start must lie in −1…1, and alpha · (1 + alignment_start) must be "
            f"less than 1, so that the temperature stays positive; got {alpha} and {alignment_start}."
        )


def coldest(temperature: float, alpha: float, alignment_start: float) -> float:
    """The temperature at an alignment of −1, the lowest there is."""
    return temperature * (1 - alpha * (1 + alignment_start))


@full_precision
def adaptive_temperature(
    view_a: Tensor, view_b: Tensor, *, temperature: float = 0.1, alpha: float = 0.5, alignment_start: float = 0.0
) -> tuple[Tensor, Tensor]:
    """τ = τ₀(1 + α(A − A₀)) and A, the mean cosine of the positives; both constants to the gradient."""
    check_alignment_rule(temperature, alpha, alignment_start)
    check_views(view_a, view_b)
    alignment = torch.cosine_similarity(view_a.detach(), view_b.detach()).mean()
    return temperature * (1 + alpha * (alignment - alignment_start)), alignment


@full_precision
def macl_parts(
    view_a: Tensor,
    view_b: Tensor,
    *,
    temperature: Tensor | float,
    reweigh: bool = True,
    coldest: float | None = None,
) -> Parts:
    """NT-Xent at a given temperature, each anchor's term times V = 1/(1 − P), P the probability of its positive.

    view_a, view_b: (N, D) raw projections, N ≥ 2. V is a constant to the gradient. 1 − P is the negatives' share of the
    sum, so ln V is a difference of logarithms and stays exact where P is nearly 1. `coldest` is the least that the
    temperature can be, where that is known.
    """
    found = pairs(view_a, view_b, temperature=temperature, coldest=coldest)
    positive, negatives = found.anchors(), found.log_sums()
    everything = torch.logaddexp(positive, negatives)
    weight = torch.exp(everything - negatives).detach() if reweigh else torch.ones_like(positive)
    return Parts(-(weight * positive).mean(), (weight * everything).mean())


def macl_loss(
    view_a: Tensor,
    view_b: Tensor,
    *,
    temperature: float = 0.1,
    alpha: float = 0.5,
    alignment_start: float = 0.0,
    reweigh: bool = True,
) -> Tensor:
    """The sum of `macl_parts` at the temperature that the alignment gives."""
    tau, _ = adaptive_temperature(view_a, view_b, temperature=temperature, alpha=alpha, alignment_start=alignment_start)
    return macl_parts(
        view_a, view_b, temperature=tau, reweigh=reweigh, coldest=coldest(temperature, alpha, alignment_start)
    ).total
