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


def resampled_counts(rows: int, columns: int, *, resamples: int = RESAMPLES, seed: int = 0) -> tuple[Array, Array]:
    """How often each row and each column is drawn in each resample: float64 (resamples, rows), (resamples, columns).

    Rows (draws of labelled subjects) and columns (tested subjects) are crossed: every row was measured on every
    column, so both are drawn with replacement, each by itself. A single row is drawn always.
    """
    generator = np.random.default_rng(seed)
    counts = [
        generator.multinomial(size, np.full(size, 1 / size), size=resamples).astype(np.float64)
        for size in (rows, columns)
    ]
    return counts[0], counts[1]


def bootstrap_table(
    values: Array, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, float | int]:
    """Mean of a table (rows: draws, columns: subjects; NaN: no value) with its interval: {"mean", "low", "high", "n"}.

    A subject's mean over the draws counts once, and "n" is the number of subjects with a value. Draws and subjects are
    resampled together (`resampled_counts`); resamples that hold no value are left out. With one row this is the
    bootstrap over subjects.

    Raises ValueError where the table holds no value.
    """
    table = np.asarray(values, dtype=np.float64)
    known = np.isfinite(table)
    if table.ndim != 2 or not known.any():
        raise ValueError(f"a mean needs at least one value; got none in a table of shape {table.shape}.")
    rows, columns = resampled_counts(*table.shape, resamples=resamples, seed=seed)
    filled = np.where(known, table, 0.0)
    sums = np.einsum("br,rs,bs->b", rows, filled, columns, optimize=True)
    counts = np.einsum("br,rs,bs->b", rows, known.astype(np.float64), columns, optimize=True)
    low, high = np.quantile(sums[counts > 0] / counts[counts > 0], [(1 - level) / 2, (1 + level) / 2])
    return {
        "mean": float(filled.sum() / known.sum()),
        "low": float(low),
        "high": float(high),
        "n": int(known.any(0).sum()),
    }


def recall_mean(confusion: Array) -> Array:
    """Balanced accuracy: the mean recall over the classes that occur, of confusions (…, truth, guess)."""
    total = confusion.sum(-1)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    recall = np.divide(right, total, out=np.zeros_like(total, dtype=np.float64), where=total > 0)
    mean: Array = recall.sum(-1) / np.maximum((total > 0).sum(-1), 1)
    return mean


def bootstrap_recall(
    confusion: Array, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, float | int]:
    """Balanced accuracy of confusions (draws, subjects, truth, guess) summed over both, with its interval.

    Resampled as `bootstrap_table`: a class's recall is pooled over subjects, so that rare classes need not occur in
    every one.
    """
    table = np.asarray(confusion, dtype=np.float64)
    rows, columns = resampled_counts(*table.shape[:2], resamples=resamples, seed=seed)
    drawn = recall_mean(np.einsum("br,rstg,bs->btg", rows, table, columns, optimize=True))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    mean = float(recall_mean(table.sum((0, 1))))
    return {"mean": mean, "low": float(low), "high": float(high), "n": table.shape[1]}
