"""Whitening of groups of a batch, and the distance of whitened views (Ermolov et al. 2021, §3)."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import check_views, full_precision, unit


def whitened(groups: Tensor, *, shrinkage: float = 0.0) -> Tensor:
    """(G, n, D), every group with mean 0 and, without shrinkage, the identity as covariance (over n − 1).

    Rows are multiplied by L⁻¹, with L Lᵀ = (1 − s) Cov + s I (Cholesky). Computed in float64, because a covariance of
    few rows is nearly singular. Raises ValueError where it is singular outright.
    """
    rows = groups.double()
    centred = rows - rows.mean(1, keepdim=True)
    covariance = centred.mT @ centred / (rows.shape[1] - 1)
    identity = torch.eye(rows.shape[2], dtype=rows.dtype, device=rows.device)
    factor, failed = torch.linalg.cholesky_ex((1 - shrinkage) * covariance + shrinkage * identity)
    if failed.device.type == "cpu" and bool(failed.any()):
        raise ValueError(
            "The covariance of a group of projections is singular and cannot be whitened: the projections have "
            "collapsed along some direction. Raise 'shrinkage' or 'group_size', or lower 'learning_rate'."
        )
    return torch.linalg.solve_triangular(factor, centred.mT, upper=False).mT.to(groups.dtype)


def divisions(count: int, size: int, partitions: int) -> Tensor:
    """Indices (partitions, groups, size) of rows whitened together; rows that fill no group are left out.

    The first takes rows in order, the others in fixed shuffled orders: a batch is drawn at random, so its rows are
    exchangeable and any fixed division is as random as a drawn one. Raises ValueError where no group fits.
    """
    if size > count:
        raise ValueError(f"group_size must be at most the {count} images of the batch; got {size}.")
    orders = [torch.arange(count)]
    orders += [torch.randperm(count, generator=torch.Generator().manual_seed(n)) for n in range(1, partitions)]
    groups = count // size
    return torch.stack([order[: groups * size].view(groups, size) for order in orders])


@full_precision
def wmse_loss(
    view_a: Tensor, view_b: Tensor, *, group_size: int = 128, partitions: int = 1, shrinkage: float = 0.0
) -> Tensor:
    """Mean of 2 − 2 cos between whitened views; each view of each group is whitened by itself.

    view_a, view_b: (N, D) raw projections, N ≥ group_size; group_size > D unless there is shrinkage. Raises ValueError
    where these sizes do not fit.
    """
    check_views(view_a, view_b)
    count, width = view_a.shape
    if group_size <= width and not shrinkage > 0:
        raise ValueError(
            f"group_size must be greater than the {width} dimensions of the projection, or the covariance is singular; "
            f"got {group_size}. Raise 'group_size' and 'batch_size', lower 'out_dim', or set 'shrinkage'."
        )
    index = divisions(count, group_size, partitions).flatten(0, 1).to(view_a.device)
    a, b = (unit(whitened(view[index], shrinkage=shrinkage)) for view in (view_a, view_b))
    return 2 - 2 * (a * b).sum(-1).mean()
