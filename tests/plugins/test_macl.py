"""MACL against its definition: a temperature from alignment, and reweighted anchors."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.macl.loss import adaptive_temperature, macl_loss
from sagittal_plugins.simclr.loss import nt_xent_loss


def literal(pairs, count, tau_0, alpha, start, reweigh):
    """Huang et al. 2023: τ = τ₀(1 + α(A − A₀)), each anchor's −ln P times 1/(1 − P)."""
    positives = [c for *_, c, kind in pairs if kind == "positive"]
    tau = tau_0 * (1 + alpha * (sum(positives) / len(positives) - start))
    total = 0.0
    for anchor in range(2 * count):
        own = [(c, kind) for i, _, c, kind in pairs if i == anchor]
        positive = next(math.exp(c / tau) for c, kind in own if kind == "positive")
        share = positive / sum(math.exp(c / tau) for c, _ in own)
        total -= math.log(share) / (1 - share if reweigh else 1.0)
    return total / (2 * count)


@pytest.mark.parametrize("reweigh", [True, False])
@pytest.mark.parametrize(("alpha", "start"), [(0.5, 0.0), (0.3, 0.5), (0.0, 0.0)])
def test_it_is_the_definition(two_views, literal_pairs, alpha, start, reweigh):
    a, b = two_views()
    expected = literal(literal_pairs(a, b), len(a), 0.1, alpha, start, reweigh)
    found = macl_loss(a, b, alpha=alpha, alignment_start=start, reweigh=reweigh)
    assert float(found) == pytest.approx(expected, rel=1e-10)


def test_without_its_two_ideas_it_is_nt_xent(two_views):
    leaves = [view.requires_grad_() for view in two_views()]
    one, other = macl_loss(*leaves, alpha=0.0, reweigh=False), nt_xent_loss(*leaves, temperature=0.1)
    torch.testing.assert_close(one, other)
    torch.testing.assert_close(torch.autograd.grad(one, leaves), torch.autograd.grad(other, leaves))


def test_temperature_rises_with_alignment_and_is_a_constant_to_the_gradient(two_views):
    a, b = (view.requires_grad_() for view in two_views())
    tau, alignment = adaptive_temperature(a, b)
    assert not tau.requires_grad and not alignment.requires_grad
    assert float(alignment) == pytest.approx(float(torch.cosine_similarity(a, b).mean().detach()))
    perfect, _ = adaptive_temperature(a, a)
    assert float(perfect) == pytest.approx(0.15) and tau < perfect


def test_it_keeps_the_laws_of_cosine_losses(lawful, needs_two_images):
    # Weight and temperature are constants to the gradient, so finite differences of the whole would see another slope.
    lawful(lambda a, b: macl_loss(a, b, temperature=0.3, alpha=0.0, reweigh=False))
    needs_two_images(macl_loss)


def test_an_anchor_that_is_nearly_sure_keeps_a_finite_weight():
    rows = torch.eye(4)
    assert torch.isfinite(macl_loss(rows, rows, temperature=0.05))


def test_a_rule_that_could_give_a_temperature_of_zero_is_refused(two_views):
    with pytest.raises(ValueError, match=r"less than 1.*got 0.9 and 0.5"):
        macl_loss(*two_views(), alpha=0.9, alignment_start=0.5)
    with pytest.raises(ValueError, match="temperature must be greater than 0"):
        macl_loss(*two_views(), temperature=-1)
