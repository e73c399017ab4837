"""The three terms of VICReg (Bardes et al. 2022, Eqs. 1 to 6)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import check_views, full_precision

AVERAGING = ("code", "paper")
EPSILON = 1e-4
"""ε of Eq. 2, inside the square root."""


class Terms(NamedTuple):
    """The terms before their weights."""

    invariance: Tensor
    variance: Tensor
    covariance: Tensor


def variance_shortfall(rows: Tensor) -> Tensor:
    """Eq. 1: mean over features of max(0, 1 − √(Var + ε)), variance over N − 1."""
    return torch.relu(1 - (rows.var(0) + EPSILON).sqrt()).mean()


def covariance_penalty(rows: Tensor) -> Tensor:
    """Eqs. 3 and 4: Σ_{i≠j} Cov_ij² / D, covariance over N − 1."""
    centred = rows - rows.mean(0)
    covariance = centred.T @ centred / (len(rows) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / rows.shape[1]


@full_precision
def vicreg_terms(view_a: Tensor, view_b: Tensor, *, averaging: str = "code") -> Terms:
    """Invariance (Eq. 5), variance and covariance of (N, D) raw projections, N ≥ 2.

    "paper" sums the squared distance over features and both views' variance terms; "code", the released program, takes
    means of both. Raises ValueError where `averaging` is not known or the shapes do not fit.
    """
    check_views(view_a, view_b)
    if averaging not in AVERAGING:
        raise ValueError(f"averaging must be one of {', '.join(AVERAGING)}; got {averaging!r}.")
    distance = (view_a - view_b).square().sum(1).mean()
    variance = variance_shortfall(view_a) + variance_shortfall(view_b)
    covariance = covariance_penalty(view_a) + covariance_penalty(view_b)
    if averaging == "code":
        distance, variance = distance / view_a.shape[1], variance / 2
    return Terms(distance, variance, covariance)


def vicreg_loss(
    view_a: Tensor,
    view_b: Tensor,
    *,
    invariance_weight: float = 25.0,
    variance_weight: float = 25.0,
    covariance_weight: float = 1.0,
    averaging: str = "code",
) -> Tensor:
    """Eq. 6: the weighted sum of the terms."""
    terms = vicreg_terms(view_a, view_b, averaging=averaging)
    return (
        invariance_weight * terms.invariance + variance_weight * terms.variance + covariance_weight * terms.covariance
    )
