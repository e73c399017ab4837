"""Figures of probabilities against truth, with intervals over exams, and differences between two readers of the same
exams. Pure functions on arrays, in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm

from sagittal_engine.evaluate.statistics import RESAMPLES, resampled_counts
from sagittal_engine.kit.scores import auc, pairs_won

Array = np.ndarray[Any, Any]

LEVEL = 0.95
BINS = 10
"""Of the calibration error."""
FIGURES = ("accuracy", "auc", "sensitivity", "specificity", "calibration_error")


def figures(
    truth: Array, probabilities: Array, *, threshold: float = 0.5, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Figure → {"mean", "low", "high", "n"}: the figure over all exams, and the 2.5 % and 97.5 % quantiles of it over
    `resamples` bootstrap draws of as many exams as there are; NaN where there is nothing to measure.

    "auc": see `kit.scores.auc`. "sensitivity" ("specificity"): the share of exams with (without) the label that are
    told right at `threshold`. "calibration_error": Σ over ten even bins of the share of exams in the bin times |mean
    probability − share with the label| (Guo et al., On calibration of modern neural networks, ICML 2017, Eq. 3, on the
    probability of the label). "n": exams it is measured on. Draws in which a figure has no value, as an AUC without
    exams of one class, are left out of its quantiles.

    `truth` bool (n,), `probabilities` (n,). Raises ValueError where the shapes differ.
    """
    truth, probabilities = _checked(truth, probabilities)
    count = len(truth)
    if not count:
        return {name: {"mean": np.nan, "low": np.nan, "high": np.nan, "n": 0} for name in FIGURES}
    whole = _measured(truth, probabilities, threshold, np.ones((1, count)))
    _, drawn = resampled_counts(1, count, resamples=resamples, seed=seed)
    again = _measured(truth, probabilities, threshold, drawn)
    n = {"sensitivity": int(truth.sum()), "specificity": int((~truth).sum())}
    found = {}
    for name in FIGURES:
        low, high = _interval(again[name])
        found[name] = {"mean": float(whole[name][0]), "low": low, "high": high, "n": n.get(name, count)}
    return found


def _interval(values: Array) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _measured(truth: Array, probabilities: Array, threshold: float, counts: Array) -> dict[str, Array]:
    """Each figure of every row of `counts` (R, n): how often each exam was drawn."""
    right = (probabilities >= threshold) == truth
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "accuracy": counts @ right / counts.sum(1),
            "auc": _areas(truth, probabilities, counts),
            "sensitivity": counts[:, truth] @ right[truth] / counts[:, truth].sum(1),
            "specificity": counts[:, ~truth] @ right[~truth] / counts[:, ~truth].sum(1),
            "calibration_error": _calibration(truth, probabilities, counts),
        }


def _areas(truth: Array, scores: Array, counts: Array) -> Array:
    positive, negative = counts[:, truth], counts[:, ~truth]
    won = ((positive @ pairs_won(truth, scores)) * negative).sum(1)
    found: Array = won / (positive.sum(1) * negative.sum(1))
    return found


def _calibration(truth: Array, probabilities: Array, counts: Array) -> Array:
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    total = np.zeros(len(counts))
    for one in range(BINS):
        own = place == one
        total += np.abs(counts[:, own] @ (probabilities[own] - truth[own]))
    found: Array = total / counts.sum(1)
    return found


def delong(truth: Array, one: Array, other: Array) -> dict[str, float]:
    """Whether two scores of the same exams differ in AUC: {"one", "other", "difference", "low", "high", "p", "n"}.

    DeLong, DeLong and Clarke-Pearson, Biometrics 44(3), 1988: with ψ(x, y) = 1, ½ or 0 as the positive's score x is
    above, equal to or below the negative's y, V10_i = mean over negatives of ψ(x_i, ·), V01_j = mean over positives of
    ψ(·, y_j), S10 and S01 their covariances (over m − 1 and n − 1), the difference of areas has variance L (S10 / m +
    S01 / n) Lᵀ with L = (1, −1) (Eq. 5 and 6). The interval of 95 % and the two-sided p are those of a normal law. Two
    equal scores have p = 1; NaN where a class has fewer than two exams.

    Raises ValueError where the shapes differ.
    """
    truth, one = _checked(truth, one)
    _, other = _checked(truth, other)
    areas = auc(truth, one), auc(truth, other)
    found = {"one": areas[0], "other": areas[1], "difference": areas[0] - areas[1]}
    m, n = int(truth.sum()), int((~truth).sum())
    if min(m, n) < 2:
        return {**found, "low": np.nan, "high": np.nan, "p": np.nan, "n": m + n}
    won = pairs_won(truth, one) - pairs_won(truth, other)  # L is applied first: covariances of the differences
    variance = won.mean(1).var(ddof=1) / m + won.mean(0).var(ddof=1) / n
    spread = float(np.sqrt(variance))
    difference = float(won.mean())
    reach = float(norm.ppf((1 + LEVEL) / 2)) * spread
    p = 2 * float(norm.sf(abs(difference) / spread)) if spread else (1.0 if difference == 0 else 0.0)
    return {**found, "low": difference - reach, "high": difference + reach, "p": p, "n": m + n}


def paired_bootstrap(
    truth: Array,
    one: Array,
    other: Array,
    *,
    threshold: float = 0.5,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Mapping[str, float]]:
    """Figure → {"difference", "low", "high", "p", "n"}: `one` less `other` over the same bootstrap draws of exams.

    The interval holds the 2.5 % and 97.5 % quantiles of the differences; p is twice the smaller share of draws on
    either side of 0 (those at 0 on both), at most 1 and at least 1 / `resamples`. NaN where nothing can be measured.
    """
    truth, one = _checked(truth, one)
    _, other = _checked(truth, other)
    count = len(truth)
    if not count:
        return {name: dict.fromkeys(("difference", "low", "high", "p"), np.nan) | {"n": 0} for name in FIGURES}
    _, drawn = resampled_counts(1, count, resamples=resamples, seed=seed)
    all_once = np.ones((1, count))
    whole = [_measured(truth, scores, threshold, all_once) for scores in (one, other)]
    again = [_measured(truth, scores, threshold, drawn) for scores in (one, other)]
    found: dict[str, Mapping[str, float]] = {}
    for name in FIGURES:
        differences = again[0][name] - again[1][name]
        known = differences[np.isfinite(differences)]
        low, high = _interval(differences)
        p = float("nan")
        if known.size:
            p = min(1.0, max(1 / known.size, 2 * float(min((known <= 0).mean(), (known >= 0).mean()))))
        difference = float(whole[0][name][0] - whole[1][name][0])
        found[name] = {"difference": difference, "low": low, "high": high, "p": p, "n": count}
    return found


def _checked(truth: Array, scores: Array) -> tuple[Array, Array]:
    truth, scores = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    if truth.shape != scores.shape or truth.ndim != 1:
        raise ValueError(f"truth and probabilities are (n,), alike; got {truth.shape} and {scores.shape}.")
    return truth, scores
