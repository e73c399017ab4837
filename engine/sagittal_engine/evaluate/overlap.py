"""How well a mask fits the truth: overlap, volume and distance of surfaces, of one label of one scan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from monai.metrics.utils import get_mask_edges, get_surface_distance

Array = np.ndarray[Any, Any]

METRICS: Mapping[str, str] = {
    "dice": "Dice: shared volume over the mean of both, 0 to 1.",
    "sensitivity": "Share of the truth that was found, 0 to 1.",
    "jaccard": "Jaccard index: shared volume over joint volume, 0 to 1.",
    "volume_similarity": "One less the difference of the volumes over their sum, 0 to 1.",
    "volume_error": "Difference of the volumes over the true one; 0 is best.",
    "hd95": "95th percentile of the Hausdorff distance, mm; 0 is best.",
    "asd": "Mean distance of the surfaces, both ways, mm; 0 is best.",
}
"""Names of the figures, in order, each with a sentence."""


def overlap(predicted: Array, truth: Array, spacing: Sequence[float]) -> Mapping[str, float]:
    """The figures of `METRICS` for two bool arrays of one shape; `spacing` is in mm along its axes.

    With P voxels predicted, G in the truth and B in both (Taha and Hanbury, BMC Medical Imaging 15:29, 2015):
    dice = 2B / (P + G), sensitivity = B / G, jaccard = B / (P + G − B), volume similarity = 1 − |P − G| / (P + G),
    volume error = |P − G| / G. Surfaces are the voxels of a mask with a neighbour (across a face) outside it. hd95 is
    the larger of the two directed 95th percentiles of distances from surface to surface, asd the mean of all distances
    of both surfaces' voxels. Of an axis with one voxel (a 2D picture) no surface is counted.

    Empty masks: where both are empty there is nothing to measure, and all is NaN. Where the truth alone is empty,
    sensitivity and volume error are NaN, and what overlaps is 0. Where one of the two is empty, hd95 and asd are the
    diagonal of the array in mm, the largest distance there can be: leaving such cases out would flatter a network that
    finds nothing.

    Raises ValueError where the shapes differ, or the spacing is not a positive number for each axis.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"prediction and truth must have one shape; got {predicted.shape} and {truth.shape}.")
    if len(spacing) != truth.ndim or not all(0 < step < math.inf for step in spacing):
        raise ValueError(f"spacing must be {truth.ndim} positive numbers of millimetres; got {tuple(spacing)}.")
    predicted, truth = predicted.astype(bool, copy=False), truth.astype(bool, copy=False)
    p, g = int(np.count_nonzero(predicted)), int(np.count_nonzero(truth))
    both = int(np.count_nonzero(predicted & truth))
    if p + g == 0:
        return dict.fromkeys(METRICS, math.nan)
    figures = {
        "dice": 2 * both / (p + g),
        "sensitivity": both / g if g else math.nan,
        "jaccard": both / (p + g - both),
        "volume_similarity": 1 - abs(p - g) / (p + g),
        "volume_error": abs(p - g) / g if g else math.nan,
    }
    if p == 0 or g == 0:
        diagonal = math.hypot(*(n * step for n, step in zip(truth.shape, spacing, strict=True)))
        return {**figures, "hd95": diagonal, "asd": diagonal}
    return {**figures, **_surface_distances(predicted, truth, spacing)}


def _surface_distances(predicted: Array, truth: Array, spacing: Sequence[float]) -> dict[str, float]:
    """hd95 and asd of two masks of which neither is empty."""
    thick = [axis for axis, n in enumerate(truth.shape) if n > 1] or [0]
    flat = tuple(axis for axis in range(truth.ndim) if axis not in thick)
    own, true = get_mask_edges(*(np.ascontiguousarray(mask.squeeze(flat)) for mask in (predicted, truth)))
    steps = [spacing[axis] for axis in thick]
    there, back = (
        np.asarray(get_surface_distance(one, other, spacing=steps), dtype=np.float64)
        for one, other in ((own, true), (true, own))
    )
    return {
        "hd95": float(max(np.percentile(there, 95), np.percentile(back, 95))),
        "asd": float(np.concatenate([there, back]).mean()),
    }


def overlap_of_labels(
    predicted: Mapping[str, Array], truth: Mapping[str, Array], spacing: Sequence[float], labels: Sequence[str]
) -> dict[str, float | None]:
    """ "<metric>_<label>" of every label that the truth has, and "<metric>_mean" over those; None where it is NaN."""
    found: dict[str, float | None] = {}
    per_label = {label: overlap(predicted[label], truth[label], spacing) for label in labels if label in truth}
    for metric in METRICS:
        values = {label: row[metric] for label, row in per_label.items()}
        known = [value for value in values.values() if math.isfinite(value)]
        found[f"{metric}_mean"] = float(np.mean(known)) if known else None
        found |= {f"{metric}_{label}": value if math.isfinite(value) else None for label, value in values.items()}
    return found
