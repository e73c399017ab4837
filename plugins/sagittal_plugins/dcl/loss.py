"""Decoupled contrastive loss and its weighted form (Yeh et al. 2022, §3)."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import Parts, check_temperature, full_precision, pairs

SUMS = ("joint", "by_view")


@full_precision
def dcl_parts(
    view_a: Tensor, view_b: Tensor, *, temperature: float = 0.1, sigma: float | None = None, negatives: str = "joint"
) -> Parts:
    """−mean w c_p/τ, and the mean over anchors of ln Σ e^{c/τ} over their 2N − 2 negatives.

    view_a, view_b: (N, D) raw projections, N ≥ 2. Without `sigma` w = 1 (DCL). With it (DCLW) the weight of image n is
    w_n = 2 − e^{c_n/σ} / mean_m e^{c_m/σ} over the batch's positives; it is a constant to the gradient. "by_view" adds
    one logarithm over negatives of the anchor's own view and one over those of the other view.

    Raises ValueError where a temperature is not greater than 0 or `negatives` is not known.
    """
    if negatives not in SUMS:
        raise ValueError(f"negatives must be one of {', '.join(SUMS)}; got {negatives!r}.")
    found = pairs(view_a, view_b, temperature=temperature)
    weighed = found.positive
    if sigma is not None:
        check_temperature(sigma, "sigma")
        weighed = weighed * positive_weights(found.positive.detach() * temperature, sigma)
    same, cross = found.log_sums_by_view()
    return Parts(-weighed.mean(), (torch.logaddexp(same, cross) if negatives == "joint" else same + cross).mean())


def positive_weights(cosine: Tensor, sigma: float) -> Tensor:
    """w = 2 − e^{c/σ} / mean e^{c/σ}, (N,) → (N,), with mean 1: an image whose views agree weighs less."""
    return 2 - len(cosine) * torch.softmax(cosine / sigma, 0)


def dcl_loss(
    view_a: Tensor, view_b: Tensor, *, temperature: float = 0.1, sigma: float | None = None, negatives: str = "joint"
) -> Tensor:
    """The sum of `dcl_parts`."""
    return dcl_parts(view_a, view_b, temperature=temperature, sigma=sigma, negatives=negatives).total
