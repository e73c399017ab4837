"""k-nearest-neighbour classification of features, in the two conventions the literature uses. Pure functions.

Rows are L2-normalised here and compared in float64. Equally near bank rows are taken in the bank's order (a stable
sort), and equally scored classes in theirs, so that a result never depends on the machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

DIGITS = 12
"""Cosines that agree to so many decimals count as equal."""

CELLS = 2**23
"""Cells of the query × bank matrix that are held at once."""


def knn_scores(bank: Tensor, bank_labels: Tensor, queries: Tensor, *, k: int = 200, temperature: float = 0.1) -> Tensor:
    """Score of each class for each query (Q, classes): Σ over the k most similar bank rows of that class of e^{cos/t}.

    lightly's convention: cosine, k = 200 (at most the bank's size), t = 0.1; the prediction is the arg-max. `bank`
    (B, D), `bank_labels` (B,) integers from 0, `queries` (Q, D); there are max(bank_labels) + 1 classes.

    Raises ValueError for shapes that do not fit, labels below 0, k below 1, or a temperature not above 0 or so small
    that e^{1/t} is beyond the number format.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0; got {temperature}.")
    coldest = 1 / math.log(torch.finfo(bank.dtype).max)
    if temperature <= coldest:
        raise ValueError(f"temperature must be above {coldest:.4f}, or e^(1/t) overflows; got {temperature}.")
    return _votes(bank, bank_labels, queries, k, lambda cosines: torch.exp(cosines / temperature))


def knn_votes(bank: Tensor, bank_labels: Tensor, queries: Tensor, *, k: int = 10) -> Tensor:
    """Votes for each class by each query (Q, classes): how many of the k nearest bank rows are of it.

    The convention of the long-tailed tables (k = 1 and 10, Euclidean distance, unweighted as the released script has
    it). On unit rows the Euclidean order is that of the cosine.
    """
    return _votes(bank, bank_labels, queries, k, torch.ones_like)


def _votes(bank: Tensor, bank_labels: Tensor, queries: Tensor, k: int, weigh: Callable[[Tensor], Tensor]) -> Tensor:
    _check(bank, bank_labels, queries, k)
    bank, seekers = F.normalize(bank.double(), dim=1), F.normalize(queries.double(), dim=1)
    classes = F.one_hot(bank_labels.long()).to(bank.dtype)
    k = min(k, len(bank))
    parts = [queries.new_zeros(0, classes.shape[1])]
    for some in seekers.split(max(1, CELLS // len(bank))):
        cosines = some @ bank.T
        # A matrix product may differ in the last digits between equal rows: rounded, they are ties.
        kept = nearest(cosines.round(decimals=DIGITS), k)
        parts.append(((weigh(cosines) * kept) @ classes).to(queries.dtype))
    return torch.cat(parts)


def nearest(similarity: Tensor, k: int) -> Tensor:
    """bool as `similarity` (Q, B): its k largest values per row; of equal values the first columns."""
    edge = similarity.topk(k, dim=1).values[:, -1:]
    above = similarity > edge
    level = similarity == edge
    room = k - above.sum(1, keepdim=True)
    return above | (level & (level.cumsum(1) <= room))


def _check(bank: Tensor, bank_labels: Tensor, queries: Tensor, k: int) -> None:
    if bank.ndim != 2 or len(bank) == 0:
        raise ValueError(f"the bank must be (B, D) with at least one row; got {tuple(bank.shape)}.")
    if queries.ndim != 2 or queries.shape[1] != bank.shape[1]:
        raise ValueError(f"queries must be (Q, {bank.shape[1]}) as the bank's rows are; got {tuple(queries.shape)}.")
    if bank_labels.shape != bank.shape[:1]:
        raise ValueError(f"there must be one label per bank row, ({len(bank)},); got {tuple(bank_labels.shape)}.")
    if int(bank_labels.min()) < 0:
        raise ValueError(f"labels of the bank must be 0 or above; got {int(bank_labels.min())}.")
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}.")
