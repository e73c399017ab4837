"""Prototypes and scores (thesis §7.4.1, Eqs. 7.5–7.10; SSL-ALPNet §3.2). Pure functions on tensors.

A prototype is a mean feature vector. Local ones come from windows of the feature map that a mask fills; the global
one is the mean over the whole mask. A pixel's score for a class is a softmax-weighted mean of its similarities to the
class's prototypes.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F


def _check_mask(features: torch.Tensor, mask: torch.Tensor) -> None:
    if features.ndim != 3 or mask.shape != features.shape[1:]:
        raise ValueError(
            f"features must be (D, H, W) and the mask (H, W) of the same grid; got {tuple(features.shape)} "
            f"and {tuple(mask.shape)}."
        )


def pool(x: torch.Tensor, window: int) -> torch.Tensor:
    """Means over windows of `window` cells a side: (…, H, W) → (…, cells); a rest at the far borders is left out.

    Raises ValueError where the window is below 1 or larger than the grid.
    """
    height, width = x.shape[-2:]
    if not 1 <= window <= min(height, width):
        raise ValueError(f"window must lie in 1…{min(height, width)}, the side of the grid; got {window}.")
    lead = x.shape[:-2]
    return F.avg_pool2d(x.reshape(-1, 1, height, width), window).reshape(*lead, -1)


def local_prototypes(features: torch.Tensor, mask: torch.Tensor, *, window: int, threshold: float) -> torch.Tensor:
    """Mean features of every window whose mean mask exceeds `threshold` (Eq. 7.6).

    features (D, H, W), mask (H, W) in 0…1 → (P, D), row by row over the windows; P may be zero.
    """
    _check_mask(features, mask)
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must lie in 0…1 (1 excluded, nothing exceeds it); got {threshold}.")
    filled = pool(mask.to(features.dtype), window) > threshold
    return pool(features, window)[:, filled].T


def global_prototype(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean feature under the mask (masked average pooling, Eq. 7.5): (D, H, W), (H, W) → (1, D); zero if empty."""
    _check_mask(features, mask)
    weight = mask.to(features.dtype)
    return ((features * weight).sum((1, 2)) / weight.sum().clamp_min(1e-8)).unsqueeze(0)


def dynamic_thresholds(mask: torch.Tensor, *, window: int) -> tuple[float, float]:
    """Thresholds for foreground and background windows that follow the mask (thesis §7.4.2).

    Foreground: 0.8 of the fullest window of the mask. Background: the mean of the pooled 1 − mask.
    """
    filled = pool(mask.double(), window)
    return float(0.8 * filled.max()), float((1 - filled).mean())


def unit(vectors: torch.Tensor, *, center: bool, dim: int = -1) -> torch.Tensor:
    """Vectors along `dim`, each less its own mean over channels where `center`, brought to unit length."""
    if center:
        vectors = vectors - vectors.mean(dim, keepdim=True)
    return F.normalize(vectors, dim=dim)


def kept_weights(similarity: torch.Tensor, valid: torch.Tensor | None, keep: float) -> torch.Tensor:
    """Softmax over the prototypes that each pixel keeps (Eqs. 7.8, 7.9).

    similarity (…, N, P) already times the scale; valid (…, 1, P) bool marks prototypes that exist (None: all). With
    keep < 1 each pixel keeps its ⌈keep · (number of valid prototypes)⌉ most similar ones; the others weigh nothing.
    """
    masked = similarity if valid is None else similarity.masked_fill(~valid, -math.inf)
    if keep < 1:
        count = valid.sum(-1, keepdim=True) if valid is not None else torch.tensor(similarity.shape[-1])
        # The guard keeps 0.1 · 30 = 3.0000000000000004 from becoming 4.
        kept = torch.ceil(count.double() * keep - 1e-9).clamp_min(1).long()
        order = masked.argsort(dim=-1, descending=True, stable=True)
        rank = torch.empty_like(order).scatter_(-1, order, torch.arange(order.shape[-1]).to(order).expand_as(order))
        masked = masked.masked_fill(rank >= kept.to(rank.device), -math.inf)
    return masked.softmax(-1)


def aggregate(
    query: torch.Tensor,
    prototypes: torch.Tensor,
    *,
    valid: torch.Tensor | None = None,
    similarity: torch.Tensor | None = None,
    scale: float = 20.0,
    renormalise: bool = False,
    keep: float = 1.0,
) -> torch.Tensor:
    """Scores of unit query vectors (…, N, D) against unit prototypes (…, P, D) → (…, N).

    score = scale · ⟨q, Σ_j w_j p_j⟩ with w = softmax(scale · ⟨q, p_j⟩): because it is linear in the aggregate, this is
    Σ_j w_j d_j, which is how it is computed. `renormalise` divides by ‖Σ_j w_j p_j‖. `similarity`, if given, is
    ⟨q, p_j⟩, already computed.
    """
    scaled = query @ (scale * prototypes).transpose(-1, -2) if similarity is None else scale * similarity
    weights = kept_weights(scaled, valid, keep)
    length = (weights @ prototypes).norm(dim=-1).clamp_min(1e-12) if renormalise else None
    # Where no gradient is wanted, a second array as large as all similarities would cost more than the maths.
    weighted = weights * scaled if weights.requires_grad else weights.mul_(scaled)
    score = weighted.sum(-1)
    return score if length is None else score / length


def class_score(
    query: torch.Tensor,
    prototypes: torch.Tensor,
    *,
    center: bool = True,
    scale: float = 20.0,
    renormalise: bool = False,
    keep: float = 1.0,
) -> torch.Tensor:
    """How much each pixel belongs to the class of the prototypes (Eqs. 7.7–7.10).

    query (D, H, W), prototypes (P, D) → (H, W). `center` takes each vector's own mean over channels away before
    normalising (CoWPro); without it this is SSL-ALPNet's score.
    """
    if query.ndim != 3 or prototypes.ndim != 2 or prototypes.shape[1] != query.shape[0]:
        raise ValueError(
            "query must be (D, H, W) and prototypes (P, D) with the same D; got "
            f"{tuple(query.shape)} and {tuple(prototypes.shape)}."
        )
    if prototypes.shape[0] == 0:
        raise ValueError("a class needs at least one prototype; got prototypes of shape (0, D).")
    if not 0 < keep <= 1:
        raise ValueError(f"keep must lie in 0…1 (0 excluded); got {keep}.")
    if scale <= 0:
        raise ValueError(f"scale must be positive; got {scale}.")
    pixels = unit(query.flatten(1).T, center=center)
    flat = aggregate(pixels, unit(prototypes, center=center), scale=scale, renormalise=renormalise, keep=keep)
    return flat.view(query.shape[1:])
