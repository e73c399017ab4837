"""NT-Xent against the definition, its laws, and the swinging temperature."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.simclr.loss import nt_xent_loss, nt_xent_parts, swinging_temperature


def literal(pairs, count, temperature):
    """Chen et al. 2020, Eq. 1, averaged over all 2N anchors."""
    total = 0.0
    for anchor in range(2 * count):
        own = [(c, kind) for i, _, c, kind in pairs if i == anchor]
        positive = next(c for c, kind in own if kind == "positive")
        total -= math.log(math.exp(positive / temperature) / sum(math.exp(c / temperature) for c, _ in own))
    return total / (2 * count)


@pytest.mark.parametrize("temperature", [0.07, 0.1, 0.5])
@pytest.mark.parametrize("count", [2, 6])
def test_it_is_the_definition(two_views, literal_pairs, temperature, count):
    a, b = two_views(count)
    expected = literal(literal_pairs(a, b), count, temperature)
    assert float(nt_xent_loss(a, b, temperature=temperature)) == pytest.approx(expected, rel=1e-12)
    parts = nt_xent_parts(a, b, temperature=temperature)
    assert float(parts.attracting + parts.repelling) == pytest.approx(expected, rel=1e-12)


def test_it_keeps_the_laws_of_cosine_losses(lawful, needs_two_images):
    lawful(lambda a, b: nt_xent_loss(a, b, temperature=0.2))
    needs_two_images(nt_xent_loss)


def test_a_very_cold_loss_stays_finite_in_float32(two_views):
    a, b = two_views(dtype=torch.float32)
    leaves = [a.requires_grad_(), b.requires_grad_()]
    value = nt_xent_loss(*leaves, temperature=0.01)
    value.backward()
    assert torch.isfinite(value) and all(torch.isfinite(leaf.grad).all() for leaf in leaves)


@pytest.mark.parametrize("temperature", [0.0, -0.1, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused_in_words(two_views, temperature):
    with pytest.raises(ValueError, match=f"temperature must be greater than 0.*got {temperature}"):
        nt_xent_loss(*two_views(), temperature=temperature)


def test_equal_rows_give_the_logarithm_of_the_partners():
    """All similarities equal: every partner is as likely as the positive, ln(2N − 1)."""
    rows = torch.ones(4, 3, dtype=torch.float64)
    assert float(nt_xent_loss(rows, rows)) == pytest.approx(math.log(7), rel=1e-12)


def test_the_temperature_swings_between_its_ends():
    def at(step):
        return float(swinging_temperature(torch.tensor(step), low=0.1, high=1.0, period=400))

    assert at(0) == at(400) == pytest.approx(1.0)
    assert at(200) == pytest.approx(0.1)
    assert at(100) == pytest.approx(0.55)
    assert at(37) == pytest.approx((1.0 - 0.1) * (1 + math.cos(2 * math.pi * 37 / 400)) / 2 + 0.1)
    with pytest.raises(ValueError, match="low ≤ high"):
        swinging_temperature(torch.tensor(0), low=1.0, high=0.1, period=10)
