"""What segmentation networks are trained with: Dice and cross-entropy, and agreement with a teacher."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn import functional as F

RAMP = 5.0
"""Steepness of the consistency's ramp (Tarvainen and Valpola 2017, §3.1: exp(−5(1 − t)²))."""


def segmentation_losses(
    logits: Tensor, targets: Tensor, *, activation: str, dice_weight: float = 1.0, entropy_weight: float = 1.0
) -> Mapping[str, Tensor]:
    """{"dice_loss", "entropy_loss"}, each times its weight; a weight of zero leaves its loss out.

    `logits` (N, outputs, H, W). After "softmax" `targets` are class numbers (N, 1, H, W), and the Dice loss is the mean
    over the labels of 1 − 2Σpg / (Σp + Σg), summed over all pixels of the batch (MONAI's, with `batch` and without
    background: slices in which a label is missing are then no special case). After "sigmoid" they are 0 or 1 per label
    (N, L, H, W), and the cross-entropy is binary. Raises ValueError where both weights are zero or shapes do not fit.
    """
    if dice_weight == entropy_weight == 0:
        raise ValueError("a segmentation loss needs a weight above zero for Dice or cross-entropy; both are 0.")
    soft = activation == "softmax"
    channels = 1 if soft else logits.shape[1]
    if targets.shape != (len(logits), channels, *logits.shape[2:]):
        raise ValueError(f"targets of {tuple(logits.shape)} logits are (N, {channels}, …); got {tuple(targets.shape)}.")
    wide = logits.float()
    losses: dict[str, Tensor] = {}
    if dice_weight:
        dice = DiceLoss(include_background=not soft, to_onehot_y=soft, softmax=soft, sigmoid=not soft, batch=True)
        losses["dice_loss"] = dice_weight * dice(wide, targets)
    if entropy_weight:
        if soft:
            entropy = F.cross_entropy(wide, targets.squeeze(1).long())
        else:
            entropy = F.binary_cross_entropy_with_logits(wide, targets.float())
        losses["entropy_loss"] = entropy_weight * entropy
    return losses


def consistency_loss(student: Tensor, teacher: Tensor, *, activation: str) -> Tensor:
    """Mean squared difference of the probabilities of two logits; no gradient reaches the teacher (§3 there)."""
    own, other = (
        logits.float().softmax(1) if activation == "softmax" else logits.float().sigmoid()
        for logits in (student, teacher.detach())
    )
    return F.mse_loss(own, other)


def ramp(step: int, length: int) -> float:
    """exp(−5 (1 − t)²) with t = step / length up to 1; 1 where there is no length."""
    done = min(1.0, step / length) if length > 0 else 1.0
    return math.exp(-RAMP * (1 - done) ** 2)


@torch.no_grad()
def batch_dice(logits: Tensor, targets: Tensor, *, activation: str) -> Tensor:
    """(L,): 2Σpg / (Σp + Σg) of each label over the batch, p of the logits' masks; NaN where both are empty."""
    if activation == "softmax":
        best, count = logits.argmax(1, keepdim=True), logits.shape[1]
        pairs = [(best == number, targets == number) for number in range(1, count)]
    else:
        pairs = [(logits[:, n] >= 0, targets[:, n] > 0) for n in range(logits.shape[1])]
    numbers = [2 * (p & g).sum() / (p.sum() + g.sum()) for p, g in pairs]
    return torch.stack(numbers) if numbers else torch.zeros(0)
