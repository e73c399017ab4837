"""Figures of diagnoses against scikit-learn and literal transcriptions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

from sagittal.diagnosis import Opinion
from sagittal_engine.evaluate.diagnosis_comparison import compared
from sagittal_engine.evaluate.diagnosis_figures import delong, figures, paired_bootstrap
from sagittal_engine.kit.scores import auc


def drawn(count=60, seed=0, *, ties=True):
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.35
    scores = np.clip(0.4 * truth + rng.random((2, count)) * 0.8, 0, 1)
    return truth, *(scores.round(1) if ties else scores)


def literal_delong(truth, one, other):
    """DeLong et al. 1988, Eq. 2 to 6, term by term."""
    x = [[s for s, t in zip(scores, truth, strict=True) if t] for scores in (one, other)]
    y = [[s for s, t in zip(scores, truth, strict=True) if not t] for scores in (one, other)]
    m, n = len(x[0]), len(y[0])

    def psi(a, b):
        return 1.0 if b < a else 0.5 if a == b else 0.0

    area = [sum(psi(a, b) for a in x[r] for b in y[r]) / (m * n) for r in (0, 1)]
    v10 = [[sum(psi(a, b) for b in y[r]) / n for a in x[r]] for r in (0, 1)]
    v01 = [[sum(psi(a, b) for a in x[r]) / m for b in y[r]] for r in (0, 1)]
    s10 = [
        [sum((v10[r][i] - area[r]) * (v10[s][i] - area[s]) for i in range(m)) / (m - 1) for s in (0, 1)] for r in (0, 1)
    ]
    s01 = [
        [sum((v01[r][j] - area[r]) * (v01[s][j] - area[s]) for j in range(n)) / (n - 1) for s in (0, 1)] for r in (0, 1)
    ]
    s = [[s10[r][q] / m + s01[r][q] / n for q in (0, 1)] for r in (0, 1)]
    variance = s[0][0] - s[0][1] - s[1][0] + s[1][1]
    z = (area[0] - area[1]) / math.sqrt(variance)
    return area, area[0] - area[1], math.sqrt(variance), math.erfc(abs(z) / math.sqrt(2))


@pytest.mark.parametrize("ties", [True, False])
def test_auc_is_scikit_learns(ties):
    for seed in range(5):
        truth, scores, _ = drawn(seed=seed, ties=ties)
        assert auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert math.isnan(auc(np.ones(3, bool), np.arange(3)))
    with pytest.raises(ValueError, match=r"alike; got \(2,\) and \(3,\)"):
        auc(np.ones(2), np.ones(3))


@pytest.mark.parametrize("ties", [True, False])
def test_delongs_test_is_its_equations(ties):
    for seed in range(4):
        truth, one, other = drawn(40, seed, ties=ties)
        area, difference, spread, p = literal_delong(truth.tolist(), one.tolist(), other.tolist())
        found = delong(truth, one, other)
        assert [found["one"], found["other"]] == pytest.approx(area, abs=1e-12)
        assert found["difference"] == pytest.approx(difference, abs=1e-12)
        assert found["p"] == pytest.approx(p, abs=1e-10) and found["n"] == 40
        assert found["high"] - found["low"] == pytest.approx(2 * norm.ppf(0.975) * spread, abs=1e-10)


def test_equal_readers_do_not_differ_and_one_class_says_nothing():
    truth, one, _ = drawn()
    same = delong(truth, one, one)
    assert same["difference"] == 0 and same["p"] == 1
    assert math.isnan(delong(np.ones(5, bool), one[:5], one[:5])["p"])
    paired = paired_bootstrap(truth, one, one, resamples=200)
    assert all(paired[name]["difference"] == 0 and paired[name]["p"] == 1 for name in ("accuracy", "auc"))
    assert math.isnan(paired_bootstrap(np.zeros(0, bool), np.zeros(0), np.zeros(0))["auc"]["p"])


def literal_calibration(truth, told):
    total = 0.0
    for n in range(10):
        own = [i for i, p in enumerate(told) if n / 10 <= p < (n + 1) / 10 or (n == 9 and p == 1)]
        if own:
            gap = sum(told[i] for i in own) / len(own) - sum(truth[i] for i in own) / len(own)
            total += len(own) / len(told) * abs(gap)
    return total


def test_figures_are_those_of_all_exams_and_their_intervals_of_draws_of_exams():
    truth, told, _ = drawn(seed=2, ties=False)
    found = figures(truth, told, resamples=300, seed=5)
    guess = told >= 0.5
    assert found["accuracy"]["mean"] == pytest.approx(accuracy_score(truth, guess))
    assert found["sensitivity"]["mean"] == pytest.approx(recall_score(truth, guess))
    assert found["specificity"]["mean"] == pytest.approx(recall_score(~truth, ~guess))
    assert found["auc"]["mean"] == pytest.approx(roc_auc_score(truth, told))
    assert found["calibration_error"]["mean"] == pytest.approx(literal_calibration(truth.tolist(), told.tolist()))
    assert found["sensitivity"]["n"] == truth.sum() and found["auc"]["n"] == 60
    for figure in found.values():
        assert figure["low"] <= figure["mean"] <= figure["high"] or figure is found["calibration_error"]

    counts = np.random.default_rng(5)
    counts.multinomial(1, [1.0], size=300)
    again = []
    for row in counts.multinomial(60, np.full(60, 1 / 60), size=300):
        rows = list(itertools.chain.from_iterable([n] * int(c) for n, c in enumerate(row)))
        again.append(roc_auc_score(truth[rows], told[rows]))
    low, high = np.quantile(again, [0.025, 0.975])
    assert (found["auc"]["low"], found["auc"]["high"]) == pytest.approx((low, high), abs=1e-12)


def test_one_class_has_no_auc_and_nothing_has_no_figures():
    found = figures(np.ones(4, bool), np.array([0.9, 0.8, 0.2, 0.7]), resamples=100)
    assert math.isnan(found["auc"]["mean"]) and math.isnan(found["specificity"]["mean"])
    assert found["sensitivity"]["mean"] == 0.75 and found["specificity"]["n"] == 0
    assert all(math.isnan(figure["mean"]) for figure in figures(np.zeros(0, bool), np.zeros(0)).values())


def opinion(label, probability, truth):
    return Opinion(label, probability, probability, probability, (probability,), {}, {}, truth)


def test_diagnoses_are_compared_over_the_exams_that_both_judged():
    rng = np.random.default_rng(0)
    truth = rng.random(30) < 0.5
    good = {f"e{n}": (opinion("acl", 0.6 * t + 0.4 * rng.random(), bool(t)),) for n, t in enumerate(truth)}
    poor = {f"e{n}": (opinion("acl", rng.random(), bool(t)),) for n, t in enumerate(truth[:25])}
    found = compared(good, poor)["acl"]
    assert found["delong"]["n"] == 25 and found["delong"]["difference"] > 0.2 and found["delong"]["p"] < 0.01
    assert found["bootstrap"]["accuracy"]["difference"] > 0.2
    with pytest.raises(ValueError, match="share no label"):
        compared(good, {"x": (opinion("acl", 0.5, True),)})
