"""Episodes: two views of one slice, with some of its superpixels as masks (SSL-ALPNet §3.1).

What is random is drawn in one place, from the generator of the step; applying it is plain tensor work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from sagittal_engine.views.geometry import (
    AffineRange,
    ElasticRange,
    draw_affine,
    draw_elastic,
    sampling_grid,
    warp,
)
from sagittal_engine.views.intensity import apply_gamma, draw_gamma

Array = np.ndarray[Any, Any]


class Episodes(NamedTuple):
    """B slices with K superpixels each: B·K episodes that share B pairs of encoded views."""

    support: torch.Tensor
    """float32 (B, 1, H, W)."""
    query: torch.Tensor
    support_masks: torch.Tensor
    """float32 (B, K, H, W) of zeros and ones."""
    query_masks: torch.Tensor


@dataclass(frozen=True)
class ViewRange:
    """How far a view may depart from the slice."""

    affine: AffineRange
    elastic: ElasticRange
    """On the grid that the network sees."""
    gamma: tuple[float, float]


@dataclass(frozen=True)
class TrainingSlice:
    """One slice that can be drawn."""

    image: Array
    """float32 (H, W), as the network sees it; may be memory-mapped."""
    superpixels: Array
    """uint16 (256, 256), ids 1…count."""
    count: int


def view(
    images: torch.Tensor, masks: torch.Tensor, limits: ViewRange, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """One random view of images (B, 1, H, W) and of their masks (B, K, H, W), geometry shared; then gamma."""
    count, size = images.shape[0], (images.shape[2], images.shape[3])
    affine = draw_affine(count, limits.affine, generator)
    elastic = draw_elastic(count, size, limits.elastic, generator)
    gamma = draw_gamma(count, *limits.gamma, generator)
    grid = sampling_grid(affine, elastic, size)
    return apply_gamma(warp(images, grid), gamma), solid(warp(masks, grid, padding="zeros"))


def solid(shares: torch.Tensor) -> torch.Tensor:
    """Masks (B, K, H, W) of zeros and ones: pixels covered by half; where none is, those touched at all.

    So a thin superpixel does not vanish from an episode.
    """
    half = shares > 0.5
    vanished = ~half.flatten(2).any(-1)[..., None, None]
    return (half | (vanished & (shares > 0))).to(shares.dtype)


def masks_of(superpixels: Array, ids: Sequence[int], size: int) -> torch.Tensor:
    """The masks of `ids` as shares of pixels, float32 (K, size, size)."""
    chosen = torch.from_numpy(superpixels.astype(np.int32)) == torch.tensor(ids, dtype=torch.int32).view(-1, 1, 1)
    fine = chosen.to(torch.float32)
    factor = superpixels.shape[0] // size
    return F.avg_pool2d(fine, factor) if factor > 1 else fine


def draw_episodes(
    slices: Sequence[TrainingSlice],
    count: int,
    superpixels: int,
    limits: ViewRange,
    generator: torch.Generator,
    *,
    query_only: bool = False,
) -> Episodes:
    """`count` slices drawn with replacement, `superpixels` distinct ones of each (repeated where it has fewer)."""
    images, masks = [], []
    for index in torch.randint(len(slices), (count,), generator=generator).tolist():
        chosen = slices[index]
        order = torch.randperm(chosen.count, generator=generator)
        ids = order[torch.arange(superpixels) % chosen.count] + 1
        images.append(torch.from_numpy(np.array(chosen.image, dtype=np.float32)).unsqueeze(0))
        masks.append(masks_of(chosen.superpixels, ids.tolist(), chosen.image.shape[0]))
    image, mask = torch.stack(images), torch.stack(masks)
    if query_only:
        support, support_mask = image, solid(mask)
    else:
        support, support_mask = view(image, mask, limits, generator)
    query, query_mask = view(image, mask, limits, generator)
    return Episodes(support, query, support_mask, query_mask)
