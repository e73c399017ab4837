"""DySTreSS: the temperature's profiles, the loss against its definition, and what detaching changes."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.dystress.loss import dystress_loss
from sagittal_plugins.dystress.temperature import temperature
from sagittal_plugins.simclr.loss import nt_xent_loss

LOW, HIGH = 0.1, 0.2


def literal_temperature(c, low, high, profile="cosine", shift=None, scale=None):
    """Thesis ch. 6, the temperature function; the shifted profile by the released code's rule."""
    if profile == "linear":
        return low + (high - low) * abs(c)
    if profile == "exponential":
        return high - (high - low) * math.exp(-3.5 * abs(c))
    if shift is None:
        return low + 0.5 * (high - low) * (1 + math.cos(math.pi * (1 + c)))
    k = 0.5 * (1 + abs(shift)) if scale is None else scale
    applies = c <= -shift if shift <= 0 else c >= -shift
    return low + 0.5 * (high - low) * (1 + math.cos(math.pi * (shift + c) / k)) if applies else high


def literal_loss(pairs, count, decoupled, **profile):
    """mean_i [ −s_ii' + ln Σ_{k≠i} e^{s_ik} ], s = c/τ(c); decoupled: one logarithm per view, no positive."""
    total = 0.0
    for anchor in range(2 * count):
        own = [(k, c / literal_temperature(c, **profile), kind) for i, k, c, kind in pairs if i == anchor]
        total -= next(s for _, s, kind in own if kind == "positive")
        if not decoupled:
            total += math.log(sum(math.exp(s) for _, s, _ in own))
            continue
        same = [s for k, s, kind in own if kind == "negative" and (k < count) == (anchor < count)]
        cross = [s for k, s, kind in own if kind == "negative" and (k < count) != (anchor < count)]
        assert len(same) == len(cross) == count - 1
        total += math.log(sum(map(math.exp, same))) + math.log(sum(map(math.exp, cross)))
    return total / (2 * count)


PROFILES = [
    {"profile": "cosine"},
    {"profile": "linear"},
    {"profile": "exponential"},
    {"shift": 0.0},
    {"shift": -0.2},
    {"shift": 0.4},
    {"shift": -0.4, "scale": 0.7},
    {"shift": 1.0},
]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_the_temperature_is_its_formula(profile):
    cosines = torch.linspace(-1, 1, 101, dtype=torch.float64)
    found = temperature(cosines, tau_min=LOW, tau_max=HIGH, **profile)
    expected = [literal_temperature(float(c), LOW, HIGH, **profile) for c in cosines]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)
    assert found.min() >= LOW - 1e-12 and found.max() <= HIGH + 1e-12


@pytest.mark.parametrize(("shift", "lowest"), [(0.0, -0.5), (-0.2, -0.4), (-0.4, -0.3), (0.2, 0.4), (0.4, 0.3)])
def test_the_shifted_profile_is_lowest_where_the_thesis_says(shift, lowest):
    cosines = torch.linspace(-1, 1, 20001, dtype=torch.float64)
    found = temperature(cosines, tau_min=LOW, tau_max=HIGH, shift=shift)
    assert float(cosines[found.argmin()]) == pytest.approx(lowest, abs=1e-3)
    assert float(found[0]) == float(found[-1]) == pytest.approx(HIGH)


def test_a_shift_of_one_is_the_plain_profile():
    cosines = torch.linspace(-1, 1, 51, dtype=torch.float64)
    plain = temperature(cosines, tau_min=LOW, tau_max=HIGH)
    for shift in (-1.0, 1.0):
        torch.testing.assert_close(temperature(cosines, tau_min=LOW, tau_max=HIGH, shift=shift), plain)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("detach", [False, True])
def test_the_loss_is_its_definition(two_views, literal_pairs, profile, decoupled, detach):
    a, b = two_views()
    expected = literal_loss(literal_pairs(a, b), len(a), decoupled, low=LOW, high=HIGH, **profile)
    found = dystress_loss(a, b, tau_min=LOW, tau_max=HIGH, decoupled=decoupled, detach_temperature=detach, **profile)
    assert float(found) == pytest.approx(expected, rel=1e-11)


def test_equal_temperatures_are_nt_xent_with_its_gradient(two_views):
    leaves = [view.requires_grad_() for view in two_views()]
    one = torch.autograd.grad(dystress_loss(*leaves, tau_min=0.15, tau_max=0.15), leaves)
    other = torch.autograd.grad(nt_xent_loss(*leaves, temperature=0.15), leaves)
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_detaching_changes_the_gradient_and_not_the_value(two_views):
    leaves = [view.requires_grad_() for view in two_views()]
    values = [dystress_loss(*leaves, tau_min=0.07, detach_temperature=detach) for detach in (True, False)]
    assert torch.equal(*values)
    one, other = (torch.autograd.grad(value, leaves)[0] for value in values)
    assert float((one - other).norm() / one.norm()) > 0.1


def test_the_detached_gradient_is_that_of_a_constant_temperature(two_views):
    """dL/dc with τ(c) frozen at its value, as the released code computes it."""
    a, b = two_views(4, 3)
    leaves = [a.requires_grad_(), b.requires_grad_()]
    found = torch.autograd.grad(dystress_loss(*leaves), leaves)
    rows = torch.cat([leaf / leaf.norm(dim=1, keepdim=True) for leaf in leaves])
    cosine = rows @ rows.T
    tau = temperature(cosine.detach(), tau_min=0.1, tau_max=0.2)
    scaled = (cosine / tau).masked_fill(torch.eye(8, dtype=torch.bool), -torch.inf)
    partners = torch.arange(8).roll(4)
    loss = torch.nn.functional.cross_entropy(scaled, partners)
    torch.testing.assert_close(found, torch.autograd.grad(loss, leaves), rtol=1e-9, atol=1e-12)


def test_it_keeps_the_laws_of_cosine_losses(lawful, needs_two_images):
    lawful(lambda a, b: dystress_loss(a, b, tau_min=0.2, tau_max=0.5, detach_temperature=False))
    needs_two_images(dystress_loss)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"tau_min": 0}, "tau_min must be greater than 0"),
        ({"tau_min": 0.3}, "tau_max must not be less than tau_min"),
        ({"profile": "square"}, "profile must be one of cosine, linear, exponential; got 'square'"),
        ({"shift": 2.0}, "shift must lie in −1…1; got 2.0"),
        ({"shift": 0.0, "profile": "linear"}, "only the cosine profile can be shifted"),
        ({"shift": 0.0, "scale": 0.0}, "scale must be greater than 0; got 0.0"),
        ({"scale": 0.5}, "needs a shift"),
    ],
)
def test_wrong_arguments_are_refused_in_words(two_views, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        dystress_loss(*two_views(), **wrong)
