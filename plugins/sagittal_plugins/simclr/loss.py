"""NT-Xent, the loss of SimCLR (Chen et al. 2020, Eq. 1), and the temperature that swings over a run."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import Parts, check_temperature, full_precision, pairs


@full_precision
def nt_xent_parts(
    view_a: Tensor, view_b: Tensor, *, temperature: float | Tensor = 0.1, coldest: float | None = None
) -> Parts:
    """−mean c_p/τ, and mean ln Σ e^{c/τ} over all partners of an anchor but itself (the positive is one of them).

    view_a, view_b: (N, D) raw projections, N ≥ 2; both views of every image are anchors. `coldest`: the least
    that a temperature given as a tensor can be, where that is known. Raises ValueError where the
    temperature is not greater than 0 or the shapes do not fit.
    """
    found = pairs(view_a, view_b, temperature=temperature, coldest=coldest)
    positive = found.anchors()
    return Parts(-positive.mean(), torch.logaddexp(positive, found.log_sums()).mean())


def nt_xent_loss(view_a: Tensor, view_b: Tensor, *, temperature: float | Tensor = 0.1) -> Tensor:
    """Eq. 1 averaged over the 2N anchors: the sum of `nt_xent_parts`."""
    return nt_xent_parts(view_a, view_b, temperature=temperature).total


def swinging_temperature(updates: Tensor, *, low: float, high: float, period: int) -> Tensor:
    """τ(t) = low + ½(high − low)(1 + cos(2πt/period)) (Kukleva et al., ICLR 2023): `high` at t = 0.

    `updates` is a scalar tensor, so that an accelerator need not be asked for its value. Raises ValueError where low
    is not in 0…high, or the period is less than 1.
    """
    check_temperature(low, "low")
    if low > high or period < 1:
        raise ValueError(f"low ≤ high and period ≥ 1 are needed; got low={low}, high={high}, period={period}.")
    return low + 0.5 * (high - low) * (1 + torch.cos(2 * math.pi * updates.double() / period)).float()
