"""BYOL's regression of unit vectors (Grill et al. 2020, Eq. 2)."""

from __future__ import annotations

from torch import Tensor

from sagittal_engine.kit.pairs import check_views, full_precision, unit


@full_precision
def byol_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """Mean of ‖q̂ − ẑ‖² = 2 − 2 cos(q, z) over rows; targets are constants to the gradient.

    predictions, targets: (N, D) raw, N ≥ 1. Raises ValueError where the shapes do not fit.
    """
    check_views(predictions, targets, least=1)
    return 2 - 2 * (unit(predictions) * unit(targets.detach())).sum(1).mean()
