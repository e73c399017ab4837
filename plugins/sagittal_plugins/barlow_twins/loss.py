"""The Barlow Twins loss (Zbontar et al. 2021, Eqs. 1 and 2)."""

from __future__ import annotations

from torch import Tensor

from sagittal_engine.kit.pairs import Parts, check_views, full_precision

EPSILON = 1e-5
"""Added to variances, as the batch normalisation of the released code does."""


def standardised(rows: Tensor) -> Tensor:
    """(N, D) with every column at mean 0 and variance 1 over the batch (variance over N, not N − 1)."""
    centred = rows - rows.mean(0)
    return centred / (centred.square().mean(0) + EPSILON).sqrt()


@full_precision
def barlow_parts(view_a: Tensor, view_b: Tensor, *, redundancy_weight: float = 5e-3) -> Parts:
    """Σ_i (1 − C_ii)² and λ Σ_{i≠j} C_ij², with C the (D, D) cross-correlation of the views over the batch.

    view_a, view_b: (N, D) raw projections, N ≥ 2. The first part is named attracting, as it draws views together; the
    second repels features, not images. Raises ValueError where the weight is negative or the shapes do not fit.
    """
    check_views(view_a, view_b)
    if redundancy_weight < 0:
        raise ValueError(f"redundancy_weight must not be negative; got {redundancy_weight}.")
    correlation = standardised(view_a).T @ standardised(view_b) / len(view_a)
    diagonal = correlation.diagonal()
    others = correlation.square().sum() - diagonal.square().sum()
    return Parts((1 - diagonal).square().sum(), redundancy_weight * others)


def barlow_twins_loss(view_a: Tensor, view_b: Tensor, *, redundancy_weight: float = 5e-3) -> Tensor:
    """The sum of `barlow_parts`."""
    return barlow_parts(view_a, view_b, redundancy_weight=redundancy_weight).total
