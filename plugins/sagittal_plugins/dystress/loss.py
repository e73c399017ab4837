"""NT-Xent and its decoupled form with a temperature per pair (thesis ch. 6)."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import Cosines, Parts, cosines, full_precision
from sagittal_plugins.dystress.temperature import check_profile, temperature


@full_precision
def dystress_parts(
    view_a: Tensor,
    view_b: Tensor,
    *,
    tau_min: float = 0.1,
    tau_max: float = 0.2,
    profile: str = "cosine",
    shift: float | None = None,
    scale: float | None = None,
    detach_temperature: bool = True,
    decoupled: bool = False,
) -> Parts:
    """−mean s_p and the mean over anchors of their logarithmic sum, with s = c/τ(c) for positives and negatives alike.

    view_a, view_b: (N, D) raw projections, N ≥ 2. The sum is over all partners of an anchor but itself;
    `decoupled` leaves out the positive and takes one logarithm per view. `detach_temperature` keeps dτ/dc out of the
    gradient, which leaves the value as it is.

    Raises ValueError where an argument is out of its range.
    """
    check_profile(tau_min=tau_min, tau_max=tau_max, profile=profile, shift=shift, scale=scale)

    def scaled(cosine: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not detach_temperature):
            tau = temperature(cosine, tau_min=tau_min, tau_max=tau_max, profile=profile, shift=shift, scale=scale)
        return cosine / tau

    found = Cosines(*map(scaled, cosines(view_a, view_b))).pairs(1 / tau_min)
    positive = found.anchors()
    same, cross = found.log_sums_by_view()
    sums = same + cross if decoupled else torch.logaddexp(positive, torch.logaddexp(same, cross))
    return Parts(-positive.mean(), sums.mean())


def dystress_loss(
    view_a: Tensor,
    view_b: Tensor,
    *,
    tau_min: float = 0.1,
    tau_max: float = 0.2,
    profile: str = "cosine",
    shift: float | None = None,
    scale: float | None = None,
    detach_temperature: bool = True,
    decoupled: bool = False,
) -> Tensor:
    """The sum of `dystress_parts`."""
    return dystress_parts(
        view_a, view_b, tau_min=tau_min, tau_max=tau_max, profile=profile, shift=shift, scale=scale,
        detach_temperature=detach_temperature, decoupled=decoupled,
    ).total  # fmt: skip
