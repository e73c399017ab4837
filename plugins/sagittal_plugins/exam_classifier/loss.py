"""Binary cross-entropy of labels of which one class is rarer, and some are unknown (thesis ch. 3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def class_weights(targets: Tensor) -> Tensor:
    """(2, labels): weights of "no" and "yes" of each label by inverse frequency, the smaller of the two being 1.

    `targets` (exams, labels) are 0, 1, or NaN where a label is unknown. With n₀ and n₁ exams of either class, w_c =
    max(n₀, n₁) / n_c; 1 where a class is missing, since then there is nothing to weigh.
    """
    counts = torch.stack([(targets == 0).sum(0), (targets == 1).sum(0)]).to(targets.dtype)
    weights = counts.amax(0) / counts
    return torch.where(counts.amin(0) > 0, weights, torch.ones_like(weights))


def weighted_bce(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """−mean over the known labels of w₁ y ln σ(s) + w₀ (1 − y) ln(1 − σ(s)), with scores s (B, labels), targets y 0, 1
    or NaN where unknown, and `weights` (2, labels); 0 where none is known.

    Raises ValueError where the shapes differ.
    """
    if scores.shape != targets.shape or weights.shape != (2, scores.shape[1]):
        raise ValueError(
            "scores and targets are (B, labels) and weights (2, labels); got "
            f"{tuple(scores.shape)}, {tuple(targets.shape)} and {tuple(weights.shape)}."
        )
    known = targets.isfinite()
    truth = torch.where(known, targets, torch.zeros_like(targets)).to(scores.dtype)
    each = F.binary_cross_entropy_with_logits(scores, truth, reduction="none")
    own = torch.where(truth > 0.5, weights[1], weights[0]).to(scores.dtype) * known
    return (each * own).sum() / known.sum().clamp(min=1)
