"""MIO v1 to v3 against their equations, and the laws they keep."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.mio.loss import mio_loss, mio_parts


def sp(x):
    return math.log1p(math.exp(x)) if x < 30 else x + math.log1p(math.exp(-x))


def literal(pairs, temperature, version):
    """Thesis ch. 5: Eq. 5.13 (v1), Eq. 5.15 (v2), Eq. 5.21 (v3), sums over ordered pairs by their numbers."""
    positives = [c / temperature for _, _, c, kind in pairs if kind == "positive"]
    negatives = [c / temperature for _, _, c, kind in pairs if kind == "negative"]
    count = len(positives) // 2
    assert len(positives) == 2 * count and len(negatives) == 4 * count**2 - 4 * count
    attracting = {"v1": lambda x: sp(-x), "v2": lambda x: -x, "v3": lambda x: -x}[version]
    repelling = {"v1": sp, "v2": sp, "v3": math.exp}[version]
    return sum(map(attracting, positives)) / len(positives) + sum(map(repelling, negatives)) / len(negatives)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
@pytest.mark.parametrize("temperature", [0.02, 0.07, 0.2, 0.5])
def test_each_version_is_its_equation(two_views, literal_pairs, version, temperature):
    a, b = two_views()
    expected = literal(literal_pairs(a, b), temperature, version)
    assert float(mio_loss(a, b, temperature=temperature, version=version)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_each_version_keeps_the_laws_of_cosine_losses(lawful, needs_two_images, version):
    lawful(lambda a, b: mio_loss(a, b, temperature=0.4, version=version))
    needs_two_images(lambda a, b: mio_loss(a, b, version=version))


def test_the_versions_are_ordered_as_their_formulas_say(two_views, literal_pairs):
    """v1 − v2 = mean₊ sp(c/τ), and v3 ≥ v2 because ln(1 + x) ≤ x."""
    a, b = two_views()
    v1, v2, v3 = (float(mio_loss(a, b, version=version)) for version in ("v1", "v2", "v3"))
    positives = [sp(c / 0.2) for _, _, c, kind in literal_pairs(a, b) if kind == "positive"]
    assert v1 - v2 == pytest.approx(sum(positives) / len(positives), rel=1e-12)
    assert v3 >= v2


def test_the_squared_distance_is_added_to_attraction(two_views):
    a, b = two_views()
    plain, regular = mio_parts(a, b), mio_parts(a, b, mse_weight=2.0)
    u, v = (view / view.norm(dim=1, keepdim=True) for view in (a, b))
    distance = sum(float(x - y) ** 2 for x, y in zip(u.flatten(), v.flatten(), strict=True)) / u.numel()
    assert float(regular.attracting - plain.attracting) == pytest.approx(2 * distance, rel=1e-10)
    assert torch.equal(regular.repelling, plain.repelling)


def test_the_exponential_stays_right_in_float32_where_self_pairs_would_drown_it():
    """At τ = 0.07 a self pair would be e^14; orthogonal rows must give exactly −1/τ + 1."""
    rows = torch.eye(64)
    assert float(mio_loss(rows, rows, temperature=0.07)) == pytest.approx(1 - 1 / 0.07, rel=1e-6)


def test_wrong_arguments_are_refused_in_words(two_views):
    a, b = two_views()
    with pytest.raises(ValueError, match="version must be one of v1, v2, v3; got 'v4'"):
        mio_loss(a, b, version="v4")
    with pytest.raises(ValueError, match="temperature must be greater than 0"):
        mio_loss(a, b, temperature=0)
    with pytest.raises(ValueError, match="mse_weight must not be negative; got -1"):
        mio_loss(a, b, mse_weight=-1)
