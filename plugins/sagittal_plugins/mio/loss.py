"""The three MIO losses (thesis ch. 5, Eqs. 5.13, 5.15, 5.21): means over positive and over negative ordered pairs."""

from __future__ import annotations

from torch import Tensor

from sagittal_engine.kit.pairs import Parts, full_precision, pairs, softplus, unit

VERSIONS = ("v1", "v2", "v3")


@full_precision
def mio_parts(
    view_a: Tensor, view_b: Tensor, *, temperature: float = 0.2, version: str = "v3", mse_weight: float = 0.0
) -> Parts:
    """The part over the 2N positive and the part over the 2N(2N − 2) negative ordered pairs of one batch.

    view_a, view_b: (N, D) raw projections, N ≥ 2. With x = c/τ and sp(x) = ln(1 + eˣ):
    v1 = mean₊ sp(−x) + mean₋ sp(x), v2 = −mean₊ x + mean₋ sp(x), v3 = −mean₊ x + mean₋ eˣ. `mse_weight` adds that many
    times the mean over images and dimensions of the squared difference of unit rows to the attracting part.

    Raises ValueError where the version is not known, or a number is out of its range.
    """
    if version not in VERSIONS:
        raise ValueError(f"version must be one of {', '.join(VERSIONS)}; got {version!r}.")
    if mse_weight < 0:
        raise ValueError(f"mse_weight must not be negative; got {mse_weight}.")
    found = pairs(view_a, view_b, temperature=temperature)
    attracting = softplus(-found.positive).mean() if version == "v1" else -found.positive.mean()
    repelling = found.mean_over_negatives(Tensor.exp if version == "v3" else softplus)
    if mse_weight:
        attracting = attracting + mse_weight * (unit(view_a) - unit(view_b)).square().mean()
    return Parts(attracting, repelling)


def mio_loss(
    view_a: Tensor, view_b: Tensor, *, temperature: float = 0.2, version: str = "v3", mse_weight: float = 0.0
) -> Tensor:
    """The sum of `mio_parts`."""
    return mio_parts(view_a, view_b, temperature=temperature, version=version, mse_weight=mse_weight).total
