"""The binary contrastive loss (thesis ch. 4, Eq. 4.14), InfoNCE on squared distances, and their sum (Eq. 4.18)."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import (
    Cosines,
    Pairs,
    Parts,
    check_temperature,
    cosines,
    full_precision,
    pairs,
    softplus,
)

NORMALIZERS = ("pairs", "classes")


def binary_parts(found: Pairs, normalizer: str) -> Parts:
    """−ln σ(x) over positives and −ln(1 − σ(x)) over negatives, x = c/τ, averaged as `normalizer` says.

    −ln σ(x) = sp(−x) and −ln(1 − σ(x)) = sp(x). Raises ValueError where the normalizer is not known.
    """
    if normalizer not in NORMALIZERS:
        raise ValueError(f"normalizer must be one of {', '.join(NORMALIZERS)}; got {normalizer!r}.")
    if normalizer == "classes":
        return Parts(softplus(-found.positive).mean(), found.mean_over_negatives(softplus))
    whole = 4 * len(found.positive) ** 2
    return Parts(2 * softplus(-found.positive).sum() / whole, found.sum_over_negatives(softplus) / whole)


def info_nce_parts(found: Pairs) -> Parts:
    """InfoNCE of logits: the positive of an anchor against all its partners."""
    positive = found.anchors()
    return Parts(-positive.mean(), torch.logaddexp(positive, found.log_sums()).mean())


@full_precision
def binary_contrastive_loss(
    view_a: Tensor, view_b: Tensor, *, temperature: float = 0.25, normalizer: str = "pairs"
) -> Tensor:
    """Eq. 4.14 of (N, D) raw projections: "pairs" divides by 4N², "classes" takes a mean per class.

    Raises ValueError where the temperature is not greater than 0, the normalizer not known, or N < 2.
    """
    return binary_parts(pairs(view_a, view_b, temperature=temperature), normalizer).total


@full_precision
def euclidean_info_nce(view_a: Tensor, view_b: Tensor, *, temperature: float = 0.33) -> Tensor:
    """InfoNCE with logits −‖u − v‖²/τ_c of unit rows u, v.

    ‖u − v‖² = 2 − 2c, and a constant in all logits changes nothing: this is NT-Xent at the temperature τ_c/2, and is
    computed so.
    """
    check_temperature(temperature)
    return info_nce_parts(pairs(view_a, view_b, temperature=temperature / 2)).total


@full_precision
def combo_parts(
    view_a: Tensor, view_b: Tensor, *, temperature: float = 0.25, contrast_temperature: float = 0.33
) -> tuple[Parts, Parts]:
    """The binary loss with a mean per class, and the Euclidean InfoNCE, from one computation of the cosines."""
    check_temperature(temperature)
    check_temperature(contrast_temperature, "contrast_temperature")
    found = cosines(view_a, view_b, factor=1 / temperature)
    warmer = Cosines(*(block * (2 * temperature / contrast_temperature) for block in found))
    return (
        binary_parts(found.pairs(1 / temperature), "classes"),
        info_nce_parts(warmer.pairs(2 / contrast_temperature)),
    )


def combo_loss(
    view_a: Tensor, view_b: Tensor, *, temperature: float = 0.25, contrast_temperature: float = 0.33
) -> Tensor:
    """Eq. 4.18: the sum of both `combo_parts`."""
    binary, contrast = combo_parts(view_a, view_b, temperature=temperature, contrast_temperature=contrast_temperature)
    return binary.total + contrast.total
