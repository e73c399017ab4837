"""How well scores tell two classes apart. Pure functions on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def auc(truth: Array, scores: Array) -> float:
    """Area under the ROC curve: the share of pairs of a positive and a negative in which the positive has the higher
    score, ties counting one half (Mann and Whitney's U over their number). NaN where either class is missing.

    `truth` bool (n,), `scores` (n,). Raises ValueError where the shapes differ.
    """
    kernel = pairs_won(truth, scores)
    return float(kernel.mean()) if kernel.size else float("nan")


def pairs_won(truth: Array, scores: Array) -> Array:
    """float64 (positives, negatives): 1 where the positive has the higher score, ½ where they are equal, else 0."""
    truth, scores = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    if truth.shape != scores.shape or truth.ndim != 1:
        raise ValueError(f"truth and scores are (n,), alike; got {truth.shape} and {scores.shape}.")
    positive, negative = scores[truth][:, None], scores[~truth][None, :]
    won: Array = (positive > negative) + 0.5 * (positive == negative)
    return won
