"""DCL and DCLW against their definitions."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.dcl.loss import dcl_loss, dcl_parts, positive_weights
from sagittal_plugins.simclr.loss import nt_xent_parts


def literal(pairs, count, temperature, sigma, negatives):
    """Yeh et al. 2022, §3: −w c_p/τ + ln Σ e^{c/τ} over negatives alone; w = 2 − e^{c/σ} / mean e^{c/σ}."""
    positives = {i: c for i, _, c, kind in pairs if kind == "positive"}
    mean = sum(math.exp(positives[n] / sigma) for n in range(count)) / count if sigma else 1.0
    total = 0.0
    for anchor in range(2 * count):
        weight = 2 - math.exp(positives[anchor] / sigma) / mean if sigma else 1.0
        own = [(k, math.exp(c / temperature)) for i, k, c, kind in pairs if i == anchor and kind == "negative"]
        same = sum(e for k, e in own if (k < count) == (anchor < count))
        cross = sum(e for k, e in own if (k < count) != (anchor < count))
        sums = math.log(same + cross) if negatives == "joint" else math.log(same) + math.log(cross)
        total += -weight * positives[anchor] / temperature + sums
    return total / (2 * count)


@pytest.mark.parametrize("negatives", ["joint", "by_view"])
@pytest.mark.parametrize("sigma", [None, 0.5])
@pytest.mark.parametrize("temperature", [0.07, 0.1])
def test_it_is_the_definition(two_views, literal_pairs, temperature, sigma, negatives):
    a, b = two_views()
    expected = literal(literal_pairs(a, b), len(a), temperature, sigma, negatives)
    found = dcl_loss(a, b, temperature=temperature, sigma=sigma, negatives=negatives)
    assert float(found) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("negatives", ["joint", "by_view"])
def test_it_keeps_the_laws_of_cosine_losses(lawful, needs_two_images, negatives):
    lawful(lambda a, b: dcl_loss(a, b, temperature=0.3, negatives=negatives))
    needs_two_images(dcl_loss)


def test_weights_have_mean_one_and_are_constants_to_the_gradient(two_views):
    cosine = torch.tensor([0.9, 0.1, -0.4], dtype=torch.float64)
    weights = positive_weights(cosine, 0.5)
    assert float(weights.mean()) == pytest.approx(1.0) and weights[0] < weights[1] < weights[2]
    a, b = two_views()
    a.requires_grad_()
    parts = dcl_parts(a, b, sigma=0.5)
    (found,) = torch.autograd.grad(parts.attracting, a)
    c = torch.cosine_similarity(a, b)
    (expected,) = torch.autograd.grad(-(positive_weights(c.detach(), 0.5) * c / 0.1).mean(), a)
    torch.testing.assert_close(found, expected)


def test_it_repels_less_than_nt_xent(two_views):
    """The positive is missing from the sum."""
    assert dcl_parts(*two_views()).repelling < nt_xent_parts(*two_views()).repelling


def test_wrong_arguments_are_refused_in_words(two_views):
    with pytest.raises(ValueError, match="negatives must be one of joint, by_view; got 'all'"):
        dcl_loss(*two_views(), negatives="all")
    with pytest.raises(ValueError, match="sigma must be greater than 0"):
        dcl_loss(*two_views(), sigma=0.0)
    with pytest.raises(ValueError, match="temperature must be greater than 0"):
        dcl_loss(*two_views(), temperature=0.0)
