"""The gradient filter of the pixel contrast: which pixels of a partner image count as positives, and when.

Reconstructed from the published description: candidates are ranked by how certain they are at first and by how hard
they are at last, both read off the size of a gradient.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import check_temperature, full_precision


@full_precision
def hardness(anchor: Tensor, candidates: Tensor, negatives: Tensor, *, temperature: float = 0.1) -> Tensor:
    """1 − e^{s_p/τ} / (e^{s_p/τ} + Σ_neg e^{s/τ}): τ times the size of the loss's gradient by s_p.

    anchor: (…, D); candidates: (…, n, D); negatives: (…, q, D); unit rows, leading axes alike → (…, n). Without
    negatives nothing is hard: 0. Raises ValueError where widths differ.
    """
    check_temperature(temperature)
    if not anchor.shape[-1] == candidates.shape[-1] == negatives.shape[-1]:
        raise ValueError(
            "anchor, candidates and negatives must be of one width; "
            f"got {anchor.shape[-1]}, {candidates.shape[-1]} and {negatives.shape[-1]}."
        )
    column = anchor.unsqueeze(-1)
    positive = (candidates @ column).squeeze(-1) / temperature
    against = ((negatives @ column).squeeze(-1) / temperature).logsumexp(-1, keepdim=True)
    return hardness_of(positive, against)


def hardness_of(positive: Tensor, against: Tensor) -> Tensor:
    """`hardness` from s_p/τ and ln Σ_neg e^{s/τ}, which broadcast."""
    return torch.sigmoid(against - positive)


@full_precision
def uncertainty(
    pixel_embeddings: Tensor, image_embeddings: Tensor, same_label: Tensor, *, temperature: float
) -> Tensor:
    """1 − Σ_{k: label(k) = label(i)} softmax_k(⟨u_p, z_k⟩/τ): how little the images of its label attract a pixel.

    pixel_embeddings: (…, n, D), pixels passed through the image head one by one; image_embeddings: (N, D); unit rows.
    same_label: bool (…, N), which images carry the pixels' label → (…, n). Raises ValueError where shapes do not fit.
    """
    check_temperature(temperature)
    if same_label.dtype != torch.bool or same_label.shape[-1] != len(image_embeddings):
        raise ValueError(
            f"same_label must be bool with one value for each of {len(image_embeddings)} images; got "
            f"{same_label.dtype} {tuple(same_label.shape)}."
        )
    if pixel_embeddings.shape[-1] != image_embeddings.shape[-1]:
        raise ValueError(
            "pixels and images must be of one width; "
            f"got {pixel_embeddings.shape[-1]} and {image_embeddings.shape[-1]}."
        )
    shares = (pixel_embeddings @ image_embeddings.T / temperature).softmax(-1)
    return 1 - (shares * same_label.unsqueeze(-2)).sum(-1)


def ranked(values: Tensor) -> Tensor:
    """The share of the other values that are smaller, along the last axis: 0 for the least, 1 for a sole greatest.

    Equal values have equal ranks; one value alone has 0. float64, as the score's ties want it.
    """
    count = values.shape[-1]
    sorted_values = values.sort(-1).values
    smaller = torch.searchsorted(sorted_values.contiguous(), values.contiguous(), right=False)
    return smaller.double() / max(1, count - 1)


def kept_count(count: int, fraction: float) -> int:
    """⌈K·n⌉, at least one; a product that is whole but for rounding stays whole."""
    return min(count, max(1, math.ceil(fraction * count - 1e-9)))


def select(hardness: Tensor, uncertainty: Tensor, *, progress: float, fraction: float = 0.3) -> Tensor:
    """Indices of the ⌈K·n⌉ candidates with the highest (1 − λ)(1 − rank(uncertainty)) + λ·rank(hardness), best first.

    hardness and uncertainty: (…, n) → (…, k); λ = `progress` in 0…1 goes from the certain to the hard; K = `fraction`.
    Among equal scores the lowest index comes first. Raises ValueError where a number or a shape does not fit.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must lie between 0 and 1; got {progress}.")
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be greater than 0 and at most 1; got {fraction}.")
    if hardness.shape != uncertainty.shape or hardness.ndim < 1 or hardness.shape[-1] < 1:
        raise ValueError(
            "hardness and uncertainty must be of one shape with at least one candidate; "
            f"got {tuple(hardness.shape)} and {tuple(uncertainty.shape)}."
        )
    score = (1 - progress) * (1 - ranked(uncertainty)) + progress * ranked(hardness)
    # Scores that are equal but for rounding are ties.
    order = (score * 2**32).round().argsort(dim=-1, descending=True, stable=True)
    return order[..., : kept_count(score.shape[-1], fraction)]
