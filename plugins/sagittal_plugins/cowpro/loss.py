"""The two losses of an episode (thesis §7.4.3): query cross entropy, and CCR with exchanged roles."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from sagittal_plugins.cowpro.scoring import ScoreRule, enlarged, margins


def weighted_cross_entropy(margin: torch.Tensor, target: torch.Tensor, background_weight: float) -> torch.Tensor:
    """Two-class cross entropy of margins (fg score − bg score), a weighted mean per episode, then over episodes.

    margin, target (B, K, H, W), target of zeros and ones; weights 1 for foreground, `background_weight` for the rest.
    """
    each = F.binary_cross_entropy_with_logits(margin, target, reduction="none")
    weight = target + (1 - target) * background_weight
    return ((each * weight).sum((2, 3)) / weight.sum((2, 3)).clamp_min(1e-12)).mean()


def ccr_loss(
    support: torch.Tensor,
    query: torch.Tensor,
    predicted: torch.Tensor,
    support_masks: torch.Tensor,
    rule: ScoreRule,
) -> torch.Tensor:
    """Cycle consistency: the query with its predicted mask becomes the support, the support image the query.

    support, query (B, D, h, w) features; predicted (B, K, h, w) of zeros and ones, without gradient; support_masks
    (B, K, H, W). Unweighted cross entropy, over the episodes whose prediction is not empty; zero where all are.
    """
    usable = (predicted.sum((2, 3)) > 0).to(support.dtype)
    margin = enlarged(margins(query, predicted, support, rule), (support_masks.shape[2], support_masks.shape[3]))
    each = F.binary_cross_entropy_with_logits(margin, support_masks, reduction="none").mean((2, 3))
    return (each * usable).sum() / usable.sum().clamp_min(1)


def episode_dice(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean Dice over episodes of masks of zeros and ones (B, K, H, W)."""
    both = (predicted * target).sum((2, 3))
    return (2 * both / (predicted.sum((2, 3)) + target.sum((2, 3))).clamp_min(1)).mean()
