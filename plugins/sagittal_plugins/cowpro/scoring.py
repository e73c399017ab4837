"""Scores of many masks over shared features at once: training episodes, and all organs of a scan.

The maths is that of `prototypes`; here the features of one slice are pooled, centred and correlated once for all the
masks that are laid over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from sagittal_plugins.cowpro.prototypes import aggregate, pool, unit

LARGEST_SCALE = 40.0
"""Similarities differ by twice the scale at most: up to here the least weight, e^−80, is a single-precision number, so
that one shift by the greatest similarity serves every class of a pixel."""

PIXELS_AT_ONCE = 256
"""Their similarities to a few hundred prototypes, and the weights, fit a processor's cache."""

TINY = 1e-24
"""Keeps a vector of equal channels at zero instead of dividing by it."""


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


@dataclass(frozen=True)
class Bank:
    """All prototypes of K masks over one slice, ready to be compared with many pixels; windows that several classes
    have are held once."""

    prototypes: torch.Tensor
    """(P, D), unit; only those that some class has."""
    member: torch.Tensor
    """(2K, P), 1 where a class has a prototype, else 0: K foregrounds, then their K backgrounds."""


def bank(features: torch.Tensor, masks: torch.Tensor, rule: ScoreRule) -> Bank:
    """The prototypes of masks (K, h, w) in 0…1 over the features (D, h, w) of one slice."""
    front = class_prototypes(features.unsqueeze(0), masks.unsqueeze(0), rule, foreground=True)
    back = class_prototypes(features.unsqueeze(0), 1 - masks.unsqueeze(0), rule, foreground=False)
    prototypes = torch.cat([front.local[0], front.whole[0], back.whole[0]])
    valid = torch.cat([front.valid[0], back.valid[0]])
    member = torch.cat([valid[:, :-1], torch.diag(valid[:, -1])], 1)
    used = member.any(0)
    return Bank(prototypes[used], member[:, used].to(features.dtype))


def unit_pixels(features: torch.Tensor, rule: ScoreRule) -> torch.Tensor:
    """The cells of feature maps (B, D, h, w) as unit vectors (B, h·w, D)."""
    pixels = features.permute(0, 2, 3, 1).flatten(1, 2)
    if not rule.center:
        return unit(pixels, center=False)
    # Centring and normalising in one pass. The deviation over D channels is the centred vector's length by √D.
    width = pixels.shape[-1]
    return F.layer_norm(pixels, (width,), pixels.new_full((width,), width**-0.5), eps=TINY)


def bank_margins(pixels: torch.Tensor, known: Bank, rule: ScoreRule) -> torch.Tensor:
    """Margins (K, N) of unit pixels (N, D) against each of the K masks of a bank, without gradients.

    One product gives the similarities d to every prototype, one exponential their weights for all classes at once; a
    class's score Σ e^d·d / Σ e^d then sums over its members. The pixel's greatest d is taken from every d first: it
    leaves the margin as it is, and sums of smaller numbers round less.
    """
    count = len(known.member) // 2
    if rule.keep < 1 or rule.renormalise or rule.scale > LARGEST_SCALE:
        own = [known.prototypes[members > 0] for members in known.member]
        score = torch.stack(
            [aggregate(pixels, p, scale=rule.scale, renormalise=rule.renormalise, keep=rule.keep) for p in own]
        )
        return score[:count] - score[count:]
    prototypes, parts = rule.scale * known.prototypes, []
    for part in pixels.split(PIXELS_AT_ONCE) if pixels.device.type == "cpu" else (pixels,):
        similarity = prototypes @ part.T
        similarity -= similarity.amax(0)
        weight = similarity.exp()
        total = known.member @ weight
        parts.append((known.member @ weight.mul_(similarity)).div_(total))
    score = torch.cat(parts, 1)
    return score[:count] - score[count:]


def enlarged(margin: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Margins (B, K, h, w) on the image grid, (B, K, H, W), bilinearly."""
    return F.interpolate(margin, size=size, mode="bilinear", align_corners=False)
