"""k-NN scores: a literal transcription in plain loops, stable ties, the cap at the bank's size, errors in words."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from sagittal_engine.evaluate import knn
from sagittal_engine.evaluate.knn import knn_scores, knn_votes


def rows_of(count, seed, width=5):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def literal_scores(bank, labels, queries, k, temperature):
    def cosine(u, v):
        return sum(a * b for a, b in zip(u, v, strict=True)) / (math.hypot(*u) * math.hypot(*v))

    rows = []
    for query in queries.tolist():
        cosines = [cosine(query, row) for row in bank.tolist()]
        order = sorted(range(len(cosines)), key=lambda i: -cosines[i])[:k]  # sorted is stable
        scores = [0.0] * (max(labels) + 1)
        for i in order:
            scores[labels[i]] += math.exp(cosines[i] / temperature)
        rows.append(scores)
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (4, 0.1), (200, 0.07), (30, 2.0)])
def test_scores_are_the_weighted_sums_over_the_k_nearest(k, temperature):
    bank, queries = 3 * rows_of(30, 0), rows_of(7, 1)
    labels = torch.arange(30) % 4
    found = knn_scores(bank, labels, queries, k=k, temperature=temperature)
    literal = literal_scores(bank, labels.tolist(), queries, k, temperature)
    assert found.dtype == torch.float64 and torch.allclose(found, literal, rtol=1e-12)
    assert torch.allclose(
        knn_scores(bank.float(), labels, queries.float(), k=k, temperature=temperature), literal.float()
    )


def test_blocks_of_queries_give_the_same(monkeypatch):
    bank, queries, labels = rows_of(30, 0), rows_of(7, 1), torch.arange(30) % 4
    whole = knn_scores(bank, labels, queries, k=5)
    monkeypatch.setattr(knn, "CELLS", 60)
    assert torch.allclose(whole, knn_scores(bank, labels, queries, k=5), rtol=1e-14)


def test_equal_neighbours_are_taken_in_the_order_of_the_bank():
    bank = rows_of(1, 0, width=129).expand(11, -1) * torch.arange(1, 12)[:, None]
    labels = torch.tensor([3, 1, 0, 2, 0, 1, 2, 3, 0, 0, 0])
    weight = math.exp(10)
    assert torch.allclose(knn_scores(bank, labels, bank[:1], k=2), torch.tensor([[0, weight, 0, weight]]).double())
    assert torch.allclose(knn_votes(bank, labels, bank[:1], k=4), torch.ones(1, 4).double())
    assert knn_votes(bank, labels, bank[:1], k=1).argmax() == 3


def test_votes_are_those_of_a_nearest_neighbour_classifier():
    bank, queries, labels = rows_of(60, 0), rows_of(40, 1), torch.arange(60) % 3

    def unit(rows):
        return np.asarray(rows / rows.norm(dim=1, keepdim=True))

    for k in (1, 10):
        theirs = KNeighborsClassifier(k).fit(unit(bank), labels.numpy())
        votes = knn_votes(bank, labels, queries, k=k)
        assert torch.equal(votes.sum(1), torch.full((40,), float(k)).double())
        assert np.allclose((votes / k).numpy(), theirs.predict_proba(unit(queries)))


def test_the_bank_caps_k_and_no_query_gives_no_row():
    bank, labels = rows_of(3, 0), torch.tensor([0, 2, 2])
    assert torch.equal(knn_votes(bank, labels, rows_of(2, 1), k=200), torch.tensor([[1.0, 0, 2], [1, 0, 2]]).double())
    assert knn_scores(bank, labels, bank[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperature": 0}, "temperature must be above 0; got 0"),
        ({"temperature": -0.1}, "temperature must be above 0; got -0.1"),
        ({"temperature": 0.001}, "overflows; got 0.001"),
        ({"k": 0}, "k must be at least 1; got 0"),
        ({"bank": torch.zeros(0, 5).double(), "bank_labels": torch.zeros(0)}, "at least one row"),
        ({"bank_labels": torch.tensor([0, 1])}, r"one label per bank row, \(3,\); got \(2,\)"),
        ({"bank_labels": torch.tensor([0, -1, 1])}, "0 or above; got -1"),
        ({"queries": rows_of(2, 1, width=4)}, r"\(Q, 5\)"),
    ],
)
def test_what_is_wrong_is_named(change, words):
    values = {"bank": rows_of(3, 0), "bank_labels": torch.tensor([0, 1, 1]), "queries": rows_of(2, 1), **change}
    with pytest.raises(ValueError, match=words):
        knn_scores(**values)
