"""The contrast of PIRL (Misra and van der Maaten 2020, Eqs. 3 to 5)."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import Parts, check_temperature, check_views, full_precision, unit

OBJECTIVES = ("nce", "cross-entropy")


@full_precision
def memory_contrast(
    features: Tensor,
    memory: Tensor,
    others: Tensor,
    own: Tensor | None = None,
    *,
    temperature: float = 0.07,
    objective: str = "nce",
) -> Parts:
    """L(m, v) of Eq. 4, averaged over slices: with h_k = e^{v·k/τ} / (e^{v·m/τ} + Σ e^{v·k'/τ}) of Eq. 3,
    −ln h_m − Σ_k ln(1 − h_k), k and k' over `others`; "cross-entropy" is −ln h_m alone.

    features, memory: (N, D) raw rows, row n of both of the same slice; others: (K, D); own: bool (N, K), where an
    other is the slice itself and does not count. The memory is a constant to the gradient. The parts are −v·m/τ, and
    the rest. Raises ValueError where the temperature is not greater than 0, the objective is unknown, or shapes do
    not fit.
    """
    check_temperature(temperature)
    check_views(features, memory, least=1)
    if objective not in OBJECTIVES:
        raise ValueError(f"the objective must be one of {', '.join(OBJECTIVES)}; got {objective!r}.")
    if others.ndim != 2 or others.shape[1] != features.shape[1]:
        raise ValueError(f"the others must be (K, {features.shape[1]}); got {tuple(others.shape)}.")
    scaled = unit(features) / temperature
    positive = (scaled * unit(memory.detach())).sum(1)
    negative = scaled @ unit(others.detach()).to(scaled.dtype).T
    if own is not None:
        negative = negative.masked_fill(own, -torch.inf)
    total = torch.logaddexp(positive, torch.logsumexp(negative, 1))
    repelling = total
    if objective == "nce":
        # 1 − h is what the positive and all the other negatives have: ln(1 − h) without cancellation for small h.
        share = (negative - total.unsqueeze(1)).exp()
        repelling = total - torch.log1p(-share.clamp(max=1 - 1e-6)).sum(1)
    return Parts(-positive.mean(), repelling.mean())


def pirl_parts(
    image: Tensor,
    puzzle: Tensor,
    memory: Tensor,
    others: Tensor,
    own: Tensor | None = None,
    *,
    share: float = 0.5,
    temperature: float = 0.07,
    objective: str = "nce",
) -> Parts:
    """λ L(m, g(puzzle)) + (1 − λ) L(m, f(image)) (Eq. 5), λ = `share`; arguments as `memory_contrast`."""
    if not 0 <= share <= 1:
        raise ValueError(f"the share is between 0 and 1; got {share}.")
    of_puzzle, of_image = (
        memory_contrast(rows, memory, others, own, temperature=temperature, objective=objective)
        for rows in (puzzle, image)
    )
    return Parts(*(share * one + (1 - share) * other for one, other in zip(of_puzzle, of_image, strict=True)))
