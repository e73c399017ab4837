"""Geometry of representations on the unit sphere: pure functions of torch tensors, each with its convention named.

Rows are L2-normalised here (a row of zeros stays one). float64 in, float64 out, differentiable; nothing is drawn.
Sources: Wang & Isola 2020 (alignment, uniformity), Wang & Liu 2021 (tolerance), DySTreSS (thesis ch. 6: tolerance and
uniformity over all pairs, uniformity between classes). Effective rank and feature deviation are those of the collapse
alarms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal_engine.kit.collapse import effective_rank as effective_rank
from sagittal_engine.kit.collapse import feature_deviation as feature_deviation

ROWS = 1024
"""Rows of a pair matrix that are held at once: memory stays at ROWS × N whatever N is."""

SIMILARITIES = ("positive", "same class", "different class")
"""Kinds of pairs whose cosines are counted apart (thesis, Fig. 6.1)."""


def alignment(view_a: Tensor, view_b: Tensor, *, alpha: float = 2) -> Tensor:
    """Mean ‖u−v‖^alpha over the positive pairs, rows n of `view_a` and `view_b`, both (N, D); 0 is perfect.

    With alpha = 2 it is 2(1−cos). Raises ValueError where the shapes differ or alpha is not above 0.
    """
    _check_points(view_a, at_least=1)
    if view_a.shape != view_b.shape:
        raise ValueError(f"both views must have one shape (N, D); got {tuple(view_a.shape)} and {tuple(view_b.shape)}.")
    if not alpha > 0:
        raise ValueError(f"alpha must be above 0; got {alpha}.")
    squared = (_unit(view_a) - _unit(view_b)).square().sum(1)
    return (squared if alpha == 2 else squared.pow(alpha / 2)).mean()


def uniformity(points: Tensor, *, t: float = 2, pairs: str = "distinct") -> Tensor:
    """ln of the mean of exp(−t‖u−v‖²) over pairs of `points` (N, D); 0 when all are equal, lower is more uniform.

    `pairs`: "distinct" takes every pair of different rows once (Wang & Isola); "all" takes all N² ordered pairs with
    the N self pairs (DySTreSS), which moves the value towards 0 by an amount that depends on N.
    Raises ValueError for another word, t not above 0, or fewer than two points.
    """
    if pairs not in ("distinct", "all"):
        raise ValueError(f"pairs must be 'distinct' or 'all'; got {pairs!r}.")
    _check_points(points, at_least=2)
    everything = torch.ones(len(points), dtype=torch.int64, device=points.device)
    return _log_mean_potential(points, everything, same=True, self_pairs=pairs == "all", t=t)


def inter_class_uniformity(points: Tensor, labels: Tensor, *, t: float = 2) -> Tensor:
    """`uniformity` over the pairs of different classes alone: `points` (N, D), `labels` (N,) integers.

    Raises ValueError where all points are of one class.
    """
    _check_points(points, at_least=2)
    _check_labels(points, labels)
    if bool((labels == labels[0]).all()):
        raise ValueError(f"uniformity between classes needs at least two classes; all {len(labels)} points are of one.")
    return _log_mean_potential(points, labels, same=False, self_pairs=False, t=t)


def tolerance(points: Tensor, labels: Tensor, *, kind: str = "conditional") -> Tensor:
    """Mean cosine within classes: `points` (N, D), `labels` (N,) integers.

    - "conditional": mean over the distinct pairs of one class; comparable between data sets.
    - "unconditional": (1/N²) Σ over all ordered pairs, self pairs included, of cos · [same class] (Wang & Liu).
    - "dystress": the same sum divided by N²/10, right for ten balanced classes only.

    Raises ValueError for another word, or where no two points share a class ("conditional").
    """
    if kind not in ("conditional", "unconditional", "dystress"):
        raise ValueError(f"kind must be 'conditional', 'unconditional' or 'dystress'; got {kind!r}.")
    _check_points(points, at_least=1)
    _check_labels(points, labels)
    # Σ_ij cos·[same] = Σ_class ‖Σ_i u_i‖²: no pair matrix is needed.
    unit = _unit(points)
    classes, index = torch.unique(labels, return_inverse=True)
    sums = torch.zeros(len(classes), unit.shape[1], dtype=unit.dtype, device=unit.device).index_add(0, index, unit)
    total, count = sums.square().sum(), len(points)
    if kind == "unconditional":
        return total / count**2
    if kind == "dystress":
        return total / (count**2 / 10)
    sizes = torch.bincount(index)
    distinct = int((sizes * (sizes - 1)).sum())
    if distinct == 0:
        raise ValueError(f"tolerance needs two points of one class; all {count} points are of different classes.")
    return (total - unit.square().sum()) / distinct


def similarity_counts(
    view_a: Tensor, view_b: Tensor, labels: Tensor | None, *, edges: Sequence[float]
) -> Mapping[str, list[int]]:
    """Histograms of cosines over bins between ascending `edges`: name of `SIMILARITIES` → counts.

    "positive": the N pairs of two views of one image. The others are the distinct pairs of different images of one
    view each (`view_a`); without `labels` (−1: class not known, such points are left out) both stay empty.
    """
    _check_points(view_a, at_least=1)
    limits = torch.as_tensor(edges, dtype=torch.float64)
    a, b = _unit(view_a.double()), _unit(view_b.double())
    counts = {name: torch.zeros(len(limits) - 1, dtype=torch.int64) for name in SIMILARITIES}
    counts["positive"] += _histogram((a * b).sum(1), limits)
    if labels is not None:
        known = labels >= 0
        a, classes = a[known], labels[known].to(a.device)
        for rows, cosines in _cosine_rows(a):
            later = torch.arange(len(a), device=a.device)[None, :] > rows[:, None]
            same = classes[rows, None] == classes[None, :]
            counts["same class"] += _histogram(cosines[later & same], limits)
            counts["different class"] += _histogram(cosines[later & ~same], limits)
    return {name: found.tolist() for name, found in counts.items()}


def _histogram(values: Tensor, limits: Tensor) -> Tensor:
    """Counts per bin; a cosine beyond the outer edges by rounding counts in the outer bin."""
    bins = torch.bucketize(values.cpu(), limits[1:-1], right=True)
    return torch.bincount(bins, minlength=len(limits) - 1)


def _log_mean_potential(points: Tensor, labels: Tensor, *, same: bool, self_pairs: bool, t: float) -> Tensor:
    """ln mean exp(−t‖u−v‖²) over ordered pairs of the same (or of different) classes."""
    if not t > 0:
        raise ValueError(f"t must be above 0; got {t}.")
    unit = _unit(points)
    norms = unit.square().sum(1)
    sums, count = [], 0
    for rows, cosines in _cosine_rows(unit):
        squared = (norms[rows, None] + norms[None, :] - 2 * cosines).clamp(min=0)
        wanted = (labels[rows, None] == labels[None, :]) == same
        if not self_pairs:
            wanted = wanted & (torch.arange(len(unit), device=unit.device)[None, :] != rows[:, None])
        sums.append(torch.exp(-t * squared).masked_fill(~wanted, 0).sum())
        count += int(wanted.sum())
    return torch.log(torch.stack(sums).sum() / count)


def _cosine_rows(unit: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """(row indices (R,), their cosines with all points (R, N)), `ROWS` rows at a time."""
    for rows in torch.arange(len(unit), device=unit.device).split(ROWS):
        yield rows, unit[rows] @ unit.T


def _unit(points: Tensor) -> Tensor:
    return F.normalize(points, dim=1)


def _check_points(points: Tensor, *, at_least: int) -> None:
    if points.ndim != 2 or len(points) < at_least:
        raise ValueError(f"points must be (N, D) with N at least {at_least}; got {tuple(points.shape)}.")
    if not points.is_floating_point():
        raise ValueError(f"points must be floating-point numbers; got {points.dtype}.")


def _check_labels(points: Tensor, labels: Tensor) -> None:
    if labels.shape != points.shape[:1]:
        raise ValueError(f"labels must be one per point, ({len(points)},); got {tuple(labels.shape)}.")
