"""Several predictions of one scan, each from another support, made into one; and how far they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from sagittal.facts import LabelFigures
from sagittal.method import Prediction

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Agreed:
    """What several supports say together."""

    prediction: Prediction
    figures: Mapping[str, LabelFigures]


def agree(predictions: Mapping[str, Prediction]) -> Agreed:
    """One prediction out of those of several supports (support scan → prediction; a support may lack labels).

    A voxel belongs to a label where more than half of the supports that have the label say so; where they are tied,
    the surer side decides: the larger sum of the slice's confidences. Confidence and entropy of a slice are means
    over the supports that looked at it. With one support everything stays as it is.
    """
    masks: dict[str, Array] = {}
    confidence: dict[str, Array] = {}
    entropy: dict[str, Array] = {}
    figures: dict[str, LabelFigures] = {}
    for label in dict.fromkeys(name for found in predictions.values() for name in found.masks):
        having = {support: found for support, found in predictions.items() if label in found.masks}
        all_masks = [found.masks[label] for found in having.values()]
        sure = [found.confidence[label] for found in having.values() if label in found.confidence]
        unsure = [found.entropy[label] for found in having.values() if label in found.entropy]
        masks[label] = _vote(all_masks, sure)
        if sure:
            confidence[label] = _mean(sure)
        if unsure:
            entropy[label] = _mean(unsure)
        several = len(having) > 1
        figures[label] = LabelFigures(
            entropy=_overall(entropy.get(label)),
            disagreement=disagreement(all_masks) if several else None,
            agreement={
                support: overlap(found.masks[label], masks[label]) for support, found in having.items() if several
            },
        )
    return Agreed(Prediction(masks, confidence, entropy), figures)


def overlap(one: Array, other: Array) -> float:
    """Dice of two masks, 2|A∩B| / (|A| + |B|); 1 where both are empty."""
    size = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / size if size else 1.0


def disagreement(masks: Sequence[Array]) -> float:
    """One minus the mean Dice of every two masks."""
    return 1.0 - float(np.mean([overlap(one, other) for one, other in combinations(masks, 2)]))


def _vote(masks: Sequence[Array], confidence: Sequence[Array]) -> Array:
    """bool (X, Y, Z): what most masks say; ties by the summed confidence (per axial slice, NaN counts as 0)."""
    if len(masks) == 1:
        return masks[0]
    votes = np.zeros(masks[0].shape, np.int8)
    for mask in masks:
        votes += np.where(mask, np.int8(1), np.int8(-1))
    agreed: Array = votes > 0
    if len(masks) % 2 == 0 and len(confidence) == len(masks):
        # Slice by slice: the weights of a whole volume would be four times its size.
        for z in np.flatnonzero((votes == 0).any((0, 1))):
            weights = [0.0 if np.isnan(values[z]) else float(values[z]) for values in confidence]
            lean = sum(w * np.where(mask[:, :, z], 1.0, -1.0) for w, mask in zip(weights, masks, strict=True))
            tied = votes[:, :, z] == 0
            agreed[:, :, z][tied] = np.asarray(lean)[tied] > 0
    return agreed


def _mean(rows: Sequence[Array]) -> Array:
    """Per slice the mean of what is known, NaN where nothing is."""
    stacked = np.stack(rows).astype(np.float64)
    known = ~np.isnan(stacked)
    count = known.sum(0)
    total = np.where(known, stacked, 0.0).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _overall(entropy: Array | None) -> float | None:
    """Mean over the slices that hold something uncertain or certain of the label; None where nothing is known."""
    if entropy is None:
        return None
    seen = entropy[np.isfinite(entropy) & (entropy > 0)]
    return float(seen.mean()) if seen.size else (0.0 if np.isfinite(entropy).any() else None)
