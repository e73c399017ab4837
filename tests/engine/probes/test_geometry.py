"""Geometry of representations: literal transcriptions in plain loops, closed forms, conventions told apart."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_engine.probes import geometry
from sagittal_engine.probes.geometry import (
    alignment,
    effective_rank,
    feature_deviation,
    inter_class_uniformity,
    similarity_counts,
    tolerance,
    uniformity,
)


def points_of(count: int = 9, width: int = 4, seed: int = 0) -> torch.Tensor:
    """Raw rows of very different lengths."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, width, generator=generator, dtype=torch.float64)
    return rows * torch.logspace(-3, 3, count, dtype=torch.float64)[:, None]


LABELS = torch.tensor([0, 0, 1, 1, 1, 2, 5, 5, 1])


def unit_rows(points: torch.Tensor) -> list[list[float]]:
    rows = []
    for row in points.tolist():
        length = math.sqrt(sum(v * v for v in row))
        rows.append([v / length for v in row])
    return rows


def squared(u: list[float], v: list[float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(u, v, strict=True))


def dot(u: list[float], v: list[float]) -> float:
    return sum(a * b for a, b in zip(u, v, strict=True))


@pytest.mark.parametrize("alpha", [1, 2, 3.5])
def test_alignment_is_the_mean_distance_of_positives_to_the_power_alpha(alpha):
    a, b = points_of(), points_of(seed=1)
    literal = [math.sqrt(squared(u, v)) ** alpha for u, v in zip(unit_rows(a), unit_rows(b), strict=True)]
    assert float(alignment(a, b, alpha=alpha)) == pytest.approx(sum(literal) / 9, rel=1e-12)


@pytest.mark.parametrize("t", [0.5, 2])
def test_uniformity_over_distinct_and_over_all_pairs(t):
    rows = unit_rows(points_of())
    pairs = [(i, j) for i in range(9) for j in range(9)]
    potential = {(i, j): math.exp(-t * squared(rows[i], rows[j])) for i, j in pairs}
    distinct = [potential[i, j] for i, j in pairs if i < j]
    assert float(uniformity(points_of(), t=t)) == pytest.approx(math.log(sum(distinct) / len(distinct)), rel=1e-12)
    every = math.log(sum(potential.values()) / 81)
    assert float(uniformity(points_of(), t=t, pairs="all")) == pytest.approx(every, rel=1e-12)


def test_uniformity_between_classes_leaves_out_pairs_of_one_class():
    rows, labels = unit_rows(points_of()), LABELS.tolist()
    apart = [math.exp(-2 * squared(rows[i], rows[j])) for i in range(9) for j in range(i) if labels[i] != labels[j]]
    literal = math.log(sum(apart) / len(apart))
    assert float(inter_class_uniformity(points_of(), LABELS)) == pytest.approx(literal, rel=1e-12)


def test_the_three_conventions_of_tolerance():
    rows, labels = unit_rows(points_of()), LABELS.tolist()
    pairs = [(i, j) for i in range(9) for j in range(9) if labels[i] == labels[j]]
    with_self = sum(dot(rows[i], rows[j]) for i, j in pairs)
    distinct = [dot(rows[i], rows[j]) for i, j in pairs if i < j]
    literal = {
        "conditional": sum(distinct) / len(distinct),
        "unconditional": with_self / 81,
        "dystress": with_self / (81 / 10),
    }
    for kind, value in literal.items():
        assert float(tolerance(points_of(), LABELS, kind=kind)) == pytest.approx(value, rel=1e-12), kind


def test_dystress_equals_the_mean_within_classes_for_ten_balanced_classes_only():
    points, labels = points_of(40), torch.arange(40) % 10
    rows = unit_rows(points)
    within = [dot(rows[i], rows[j]) for i in range(40) for j in range(40) if i % 10 == j % 10]
    assert float(tolerance(points, labels, kind="dystress")) == pytest.approx(sum(within) / len(within), rel=1e-12)


def test_closed_forms():
    equal = torch.ones(5, 3, dtype=torch.float64)
    assert float(alignment(equal, 2 * equal)) == 0
    assert float(uniformity(equal)) == pytest.approx(0, abs=1e-12)
    pair = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    assert float(uniformity(pair)) == pytest.approx(-8, abs=1e-12)
    assert float(uniformity(pair, pairs="all")) == pytest.approx(math.log((1 + math.exp(-8)) / 2), abs=1e-12)
    assert float(inter_class_uniformity(pair, torch.tensor([0, 1]))) == pytest.approx(-8, abs=1e-12)
    assert float(alignment(pair, -pair)) == pytest.approx(4)
    assert float(tolerance(equal, torch.zeros(5))) == pytest.approx(1)
    assert float(effective_rank(equal)) == pytest.approx(1)
    assert float(effective_rank(torch.eye(6, dtype=torch.float64))) == pytest.approx(5)  # centred
    assert float(feature_deviation(equal)) == pytest.approx(0, abs=1e-12)
    assert float(uniformity(torch.zeros(3, 2))) == 0


def test_points_spread_over_the_sphere_deviate_by_one():
    points = torch.randn(4000, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert float(feature_deviation(points)) == pytest.approx(1, abs=0.02)


def test_rows_in_blocks_give_the_same(monkeypatch):
    whole = [uniformity(points_of()), inter_class_uniformity(points_of(), LABELS)]
    counts = similarity_counts(points_of(), points_of(seed=1), LABELS, edges=[-1, 0, 1])
    monkeypatch.setattr(geometry, "ROWS", 2)
    assert uniformity(points_of()) == pytest.approx(whole[0])
    assert inter_class_uniformity(points_of(), LABELS) == pytest.approx(whole[1])
    assert counts == similarity_counts(points_of(), points_of(seed=1), LABELS, edges=[-1, 0, 1])


def test_everything_is_float64_and_has_a_gradient():
    a, b = points_of().requires_grad_(), points_of(seed=1).requires_grad_()
    for value in (alignment(a, b), uniformity(a), tolerance(a, LABELS), inter_class_uniformity(a, LABELS)):
        assert value.dtype == torch.float64 and value.ndim == 0
        (gradient,) = torch.autograd.grad(value, a)
        # Of unit rows: the gradient is at right angles to the raw row.
        assert torch.isfinite(gradient).all() and gradient.abs().sum() > 0
        assert torch.allclose((gradient * a).sum(1), torch.zeros(9, dtype=torch.float64), atol=1e-12)


def test_counts_of_similarities_by_kind_of_pair():
    a, b = points_of(), points_of(seed=1)
    labels = torch.tensor([0, 0, 1, 1, 1, 2, 5, 5, -1])
    edges = [-1.0, -0.5, 0.0, 0.5, 1.0]
    rows, others, names = unit_rows(a), unit_rows(b), labels.tolist()
    literal = {"positive": [0] * 4, "same class": [0] * 4, "different class": [0] * 4}

    def count(kind: str, cosine: float) -> None:
        literal[kind][min(3, sum(cosine >= edge for edge in edges) - 1)] += 1

    for i in range(9):
        count("positive", dot(rows[i], others[i]))
        for j in range(i):
            if -1 not in (names[i], names[j]):
                count("same class" if names[i] == names[j] else "different class", dot(rows[i], rows[j]))
    assert similarity_counts(a, b, labels, edges=edges) == literal
    bare = similarity_counts(a, a, None, edges=edges)
    assert bare == {"positive": [0, 0, 0, 9], "same class": [0] * 4, "different class": [0] * 4}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: alignment(p, p[:3]), "one shape"),
        (lambda p: alignment(p, p, alpha=0), "alpha must be above 0; got 0"),
        (lambda p: uniformity(p, t=-1), "t must be above 0; got -1"),
        (lambda p: uniformity(p, pairs="some"), "'distinct' or 'all'; got 'some'"),
        (lambda p: uniformity(p[:1]), r"N at least 2; got \(1, 4\)"),
        (lambda p: uniformity(p[0]), r"got \(4,\)"),
        (lambda p: uniformity(p.long()), "floating-point"),
        (lambda p: tolerance(p, LABELS[:2]), r"one per point, \(9,\); got \(2,\)"),
        (lambda p: tolerance(p, LABELS, kind="strict"), "'dystress'; got 'strict'"),
        (lambda p: tolerance(p, torch.arange(9)), "two points of one class"),
        (lambda p: inter_class_uniformity(p, torch.zeros(9)), "at least two classes"),
    ],
)
def test_what_is_wrong_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(points_of())
