"""Dice and bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest

from sagittal_engine.evaluate.statistics import bootstrap_mean, dice, summarise


def test_dice_counts_all_voxels() -> None:
    a, b = np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
    a[0, 0], b[0, :, 0] = True, True
    assert dice(a, b) == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert dice(a, a) == 1
    assert dice(a, ~a) == 0
    assert dice(a & False, b & False) is None


def test_the_interval_is_the_percentile_bootstraps() -> None:
    values = [0.2, 0.9, 0.4, 0.7, 0.65]
    rng = np.random.default_rng(7)
    means = sorted(float(np.mean([values[i] for i in row])) for row in rng.integers(0, 5, size=(2000, 5)))
    found = bootstrap_mean(values, seed=7)
    assert found["mean"] == pytest.approx(np.mean(values)) and found["n"] == 5
    assert found["low"] == pytest.approx(np.quantile(means, 0.025))
    assert found["high"] == pytest.approx(np.quantile(means, 0.975))
    assert found == bootstrap_mean(values, seed=7)
    assert bootstrap_mean([0.5]) == {"mean": 0.5, "low": 0.5, "high": 0.5, "n": 1}


def test_cases_without_a_number_are_not_counted() -> None:
    cases = [{"a": 1.0, "b": None}, {"a": None, "b": None}, {"a": 0.0}]
    summary = summarise(cases, ["a", "b"])
    assert set(summary) == {"a"} and summary["a"]["n"] == 2 and summary["a"]["mean"] == 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bootstrap_mean([]), "none"),
        (lambda: bootstrap_mean([1.0], level=1.0), "1.0"),
        (lambda: bootstrap_mean([1.0], resamples=0), "resamples.*0"),
        (lambda: dice(np.zeros(2, bool), np.zeros(3, bool)), "shape"),
    ],
)
def test_rules_are_named(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()  # type: ignore[operator]
