"""Scores of many masks over shared features at once: training episodes, and all organs of a scan.

The maths is that of `prototypes`; here the features of one slice are pooled, centred and correlated once for all the
masks that are laid over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from sagittal_plugins.cowpro.prototypes import aggregate, pool, unit


@dataclass(frozen=True)
class ScoreRule:
    """The choices of the family that concern prototypes and scores."""

    window: int
    center: bool = True
    local: bool = True
    """False keeps the global prototype alone (SSL-PANet)."""
    thresholds: str = "fixed"
    threshold: float = 0.95
    scale: float = 20.0
    renormalise: bool = False
    keep: float = 1.0


@dataclass(frozen=True)
class ClassPrototypes:
    """Unit prototypes of K masks over each of B feature maps: the shared local ones, then each mask's global one."""

    local: torch.Tensor
    """(B, C, D): one per window, whether or not a mask fills it."""
    whole: torch.Tensor
    """(B, K, D)."""
    valid: torch.Tensor
    """bool (B, K, C + 1): which of them the class has."""


def fitted(masks: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Masks (B, K, H, W) on the feature grid, (B, K, h, w), bilinearly."""
    return F.interpolate(masks, size=size, mode="bilinear", align_corners=False)


def class_prototypes(
    features: torch.Tensor, masks: torch.Tensor, rule: ScoreRule, *, foreground: bool
) -> ClassPrototypes:
    """Prototypes of foreground masks, or of backgrounds (masks already 1 − mask), over features (B, D, h, w).

    masks (B, K, h, w) in 0…1. The foreground always has its global prototype; the background has it only where no
    window is full enough (or local ones are off).
    """
    windows = pool(features, rule.window).transpose(1, 2)
    filled = pool(masks, rule.window)
    if rule.thresholds == "dynamic":
        limit = 0.8 * filled.amax(-1, keepdim=True) if foreground else filled.mean(-1, keepdim=True)
    else:
        limit = torch.full_like(filled[..., :1], rule.threshold)
    valid = filled > limit if rule.local else torch.zeros_like(filled, dtype=torch.bool)
    weight = masks.flatten(2)
    mean = (weight @ features.flatten(2).transpose(1, 2)) / weight.sum(-1, keepdim=True).clamp_min(1e-8)
    alone = ~valid.any(-1, keepdim=True)
    has_whole = torch.ones_like(alone) if foreground else alone
    return ClassPrototypes(
        unit(windows, center=rule.center), unit(mean, center=rule.center), torch.cat([valid, has_whole], -1)
    )


def scores(query: torch.Tensor, prototypes: ClassPrototypes, rule: ScoreRule) -> torch.Tensor:
    """Scores of unit query pixels (B, N, D) for the K classes: (B, K, N). B may be one where the prototypes' is not."""
    shared = query @ prototypes.local.transpose(1, 2)
    own = prototypes.whole @ query.transpose(1, 2)
    count = own.shape[1]
    similarity = torch.cat([shared.unsqueeze(1).expand(-1, count, -1, -1), own.unsqueeze(-1)], -1)
    vectors = (
        torch.cat([prototypes.local.unsqueeze(1).expand(-1, count, -1, -1), prototypes.whole.unsqueeze(2)], 2)
        if rule.renormalise
        else prototypes.local.unsqueeze(1)
    )
    return aggregate(
        query.unsqueeze(1),
        vectors,
        valid=prototypes.valid.unsqueeze(2),
        similarity=similarity,
        scale=rule.scale,
        renormalise=rule.renormalise,
        keep=rule.keep,
    )


def margins(support: torch.Tensor, masks: torch.Tensor, query: torch.Tensor, rule: ScoreRule) -> torch.Tensor:
    """Foreground score less background score of the query's cells, for K masks of each support.

    support, query (B, D, h, w); masks (B, K, h, w) in 0…1 → (B, K, h, w). The softmax over the two classes is the
    logistic function of this margin.
    """
    pixels = unit(query.flatten(2).transpose(1, 2), center=rule.center)
    front = scores(pixels, class_prototypes(support, masks, rule, foreground=True), rule)
    back = scores(pixels, class_prototypes(support, 1 - masks, rule, foreground=False), rule)
    return (front - back).view(*masks.shape[:2], *query.shape[2:])


def margins_of_pixels(support: torch.Tensor, mask: torch.Tensor, pixels: torch.Tensor, rule: ScoreRule) -> torch.Tensor:
    """Margins (n, N) of unit query pixels (n, N, D) against one mask (1, 1, h, w) of one support (1, D, h, w).

    The same as `margins`, for many queries of one support: prototypes that a class has not are left out beforehand.
    """
    own = []
    for front in (True, False):
        classes = class_prototypes(support, mask if front else 1 - mask, rule, foreground=front)
        own.append(torch.cat([classes.local[0], classes.whole[0]])[classes.valid[0, 0]])

    def score(slice_pixels: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
        return aggregate(slice_pixels, prototypes, scale=rule.scale, renormalise=rule.renormalise, keep=rule.keep)

    # On a processor one slice's similarities fit its cache, several slices' do not; a GPU wants them at once.
    parts = pixels.split(1) if pixels.device.type == "cpu" else (pixels,)
    return torch.cat([score(part, own[0]) - score(part, own[1]) for part in parts])


def enlarged(margin: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Margins (B, K, h, w) on the image grid, (B, K, H, W), bilinearly."""
    return F.interpolate(margin, size=size, mode="bilinear", align_corners=False)
