"""InfoNCE of queries against their keys and a queue of older ones (He et al. 2020, Eq. 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import Parts, check_temperature, check_views, full_precision, unit


@full_precision
def moco_parts(queries: Tensor, keys: Tensor, queue: Tensor, *, temperature: float = 0.07) -> Parts:
    """−mean q·k₊/τ, and the mean over queries of ln Σ e^{q·k/τ} over its key and the queue.

    queries, keys: (N, D) raw projections, N ≥ 1; queue: (K, D) unit rows. Keys and queue are constants to the gradient.
    Raises ValueError where the temperature is not greater than 0 or the shapes do not fit.
    """
    check_temperature(temperature)
    check_views(queries, keys, least=1)
    if queue.ndim != 2 or queue.shape[1] != queries.shape[1]:
        raise ValueError(f"the queue must be (K, {queries.shape[1]}); got {tuple(queue.shape)}.")
    scaled = unit(queries) / temperature
    positive = (scaled * unit(keys.detach())).sum(1)
    negatives = torch.logsumexp(scaled @ queue.detach().to(scaled.dtype).T, 1)
    return Parts(-positive.mean(), torch.logaddexp(positive, negatives).mean())


def moco_loss(queries: Tensor, keys: Tensor, queue: Tensor, *, temperature: float = 0.07) -> Tensor:
    """The sum of `moco_parts`."""
    return moco_parts(queries, keys, queue, temperature=temperature).total
