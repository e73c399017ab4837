"""Bootstraps of tables of draws and subjects; draws of labelled subjects."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sagittal_engine.evaluate.labelled import check_apart, draws
from sagittal_engine.evaluate.statistics import (
    bootstrap_recall,
    bootstrap_table,
    recall_mean,
    resampled_counts,
)
from sagittal_engine.kit.images import ImageSet


def test_a_resample_is_the_mean_of_the_drawn_rows_and_columns():
    """The weighted sums equal a literal resampling by indices, value missing included."""
    table = np.random.default_rng(0).random((3, 5))
    table[1, 2] = np.nan
    rows, columns = resampled_counts(3, 5, resamples=200, seed=4)
    means = []
    for r, c in zip(rows, columns, strict=True):
        drawn = [table[i, j] for i in range(3) for _ in range(int(r[i])) for j in range(5) for _ in range(int(c[j]))]
        means.append(np.nanmean(drawn))
    found = bootstrap_table(table, resamples=200, seed=4)
    assert found["low"] == pytest.approx(np.quantile(means, 0.025))
    assert found["high"] == pytest.approx(np.quantile(means, 0.975))
    assert found["mean"] == pytest.approx(np.nanmean(table)) and found["n"] == 5


def test_one_draw_is_the_bootstrap_over_subjects():
    rows, columns = resampled_counts(1, 6, resamples=50, seed=0)
    assert (rows == 1).all() and (columns.sum(1) == 6).all()
    flat = bootstrap_table(np.full((1, 6), 0.25))
    assert flat == {"mean": 0.25, "low": 0.25, "high": 0.25, "n": 6}
    with pytest.raises(ValueError, match="none in a table"):
        bootstrap_table(np.full((2, 2), np.nan))


def test_balanced_accuracy_pools_subjects_and_averages_recalls():
    confusion = np.zeros((2, 2, 3, 3))
    confusion[0, 0] = [[3, 1, 0], [0, 2, 0], [0, 0, 0]]
    confusion[1, 1] = [[1, 3, 0], [0, 0, 2], [0, 0, 0]]
    assert recall_mean(confusion.sum((0, 1))) == pytest.approx((4 / 8 + 2 / 4) / 2)
    found = bootstrap_recall(confusion, resamples=100)
    assert found["mean"] == pytest.approx(0.5) and found["low"] <= 0.5 <= found["high"] and found["n"] == 2


def image_set(subjects, targets):
    count = len(subjects)
    return ImageSet(
        torch.zeros(count, 1, 2, 2), tuple(subjects), tuple(f"scan of {s}" for s in subjects), (0,) * count,
        torch.zeros(count), {"labels": tuple(targets)},
    )  # fmt: skip


def test_draws_of_subjects_depend_on_the_seed_and_take_whole_subjects():
    pool = image_set([f"s{i // 3}" for i in range(30)], ["x", "y", "z"] * 10)
    drawn = draws(pool, (2, 5, 0), 4, 7, target="labels")
    assert [(d.budget, d.repeat) for d in drawn] == [(2, r) for r in range(4)] + [(5, r) for r in range(4)] + [(0, 0)]
    for draw in drawn:
        assert len(draw.subjects) == (draw.budget or 10)
        assert draw.rows == tuple(i for i in range(30) if pool.subjects[i] in draw.subjects)
    assert drawn == draws(pool, (2, 5, 0), 4, 7, target="labels") != draws(pool, (2, 5, 0), 4, 8, target="labels")
    assert len({d.subjects for d in drawn[:4]}) > 1
    shuffled = pool.take(list(reversed(range(30))))
    assert [d.subjects for d in draws(shuffled, (2,), 4, 7, target="labels")] == [d.subjects for d in drawn[:4]]


def test_a_draw_holds_two_classes_wherever_it_can():
    pool = image_set([f"s{i}" for i in range(12)], ["rare"] + ["common"] * 11)
    assert all("s0" in draw.subjects for draw in draws(pool, (2,), 5, 0, target="labels"))
    with pytest.raises(ValueError, match="all of one class of 'labels'"):
        draws(image_set(["a", "b", "c"], ["x"] * 3), (2,), 1, 0, target="labels")
    with pytest.raises(
        ValueError, match="budget of 5 labelled subjects needs as many that are not tested; there are 3"
    ):
        draws(image_set(["a", "b", "c"], ["x", "y", "x"]), (5,), 1, 0, target="labels")


def test_a_subject_on_both_sides_is_refused():
    pool, test = image_set(["a", "b"], ["x", "y"]), image_set(["b", "c"], ["x", "y"])
    with pytest.raises(ValueError, match="b, scan of b would be tested and give labels"):
        check_apart(pool, test)
    check_apart(pool, test.take([1]))
