"""Statistics of evaluations: overlap of masks, and means with bootstrap intervals. Float64, seeded, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

RESAMPLES = 2000
"""Bootstrap resamples unless told otherwise."""


def dice(predicted: Array, truth: Array) -> float | None:
    """2·TP / (2·TP + FP + FN), counted over all voxels of two bool arrays; None where both are empty.

    Raises ValueError where the shapes differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"prediction and truth must have one shape; got {predicted.shape} and {truth.shape}.")
    true_positive = int(np.count_nonzero(predicted & truth))
    false = int(np.count_nonzero(predicted ^ truth))
    return None if true_positive + false == 0 else 2 * true_positive / (2 * true_positive + false)


def bootstrap_mean(
    values: Sequence[float], *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, float | int]:
    """Mean with its percentile bootstrap interval: {"mean", "low", "high", "n"}.

    `values`, one per case (scan), are drawn with replacement `resamples` times. One value gives an interval of no
    width: it says nothing about other cases.

    Raises ValueError where there is no value, `level` is not within 0…1 or `resamples` is below 1.
    """
    if len(values) == 0:
        raise ValueError("a mean needs at least one value; got none.")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level}.")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}.")
    data = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(data), size=(resamples, len(data)))
    low, high = np.quantile(data[drawn].mean(1), [(1 - level) / 2, (1 + level) / 2])
    return {"mean": float(data.mean()), "low": float(low), "high": float(high), "n": len(data)}


def summarise(
    cases: Sequence[Mapping[str, Any]], keys: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, dict[str, float | int]]:
    """`bootstrap_mean` of each key over the cases that have a number for it; keys that none has are left out."""
    summary = {}
    for key in keys:
        values = [case[key] for case in cases if case.get(key) is not None]
        if values:
            summary[key] = bootstrap_mean(values, resamples=resamples, seed=seed)
    return summary
