"""The gate against its literal form, on gradients made for it."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.gs_ema.gate import decide, gradient_cosine, gradients_agree, warm_decay


def some(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def literal_cosine(a, b, signs=False):
    """Σ aᵢbᵢ / (√Σaᵢ² √Σbᵢ²), number by number."""
    first, second = ([x for part in parts for x in part.flatten().tolist()] for parts in (a, b))
    if signs:
        first, second = ([math.copysign(1, x) if x else 0.0 for x in xs] for xs in (first, second))
    dot = sum(x * y for x, y in zip(first, second, strict=True))
    return dot / (math.sqrt(sum(x * x for x in first)) * math.sqrt(sum(y * y for y in second)))


@pytest.mark.parametrize("signs", [False, True])
def test_the_cosine_is_that_of_all_parameters_together(signs):
    a, b = some(0, (3, 4), (5,), ()), some(1, (3, 4), (5,), ())
    assert float(gradient_cosine(a, b, of_signs=signs)) == pytest.approx(literal_cosine(a, b, signs), rel=1e-12)


def test_the_two_rules_on_made_gradients():
    g = torch.tensor([1.0, 2.0, -1.0])
    across = torch.tensor([2.0, -1.0, 0.0])
    for other, text in ((g, True), (-g, False), (0.1 * g + across, True), (across, False), (torch.zeros(3), False)):
        assert gradients_agree(g, other) is text
        assert gradients_agree(g, other, rule="algorithm1") is (not text)


def test_signs_can_disagree_with_what_they_are_signs_of():
    source, target = torch.tensor([10.0, 1.0, 1.0]), torch.tensor([10.0, -1.0, -1.0])
    assert gradients_agree(source, target) and not gradients_agree(source, target, of_signs=True)


def test_scales_of_the_losses_change_no_decision():
    a, b = some(2, (40,)), some(3, (40,))
    assert gradients_agree(a, b) == gradients_agree([7 * a[0]], [0.01 * b[0]])


def test_a_gradient_that_is_no_number_agrees_with_none():
    broken = torch.tensor([math.nan, 1.0])
    assert not gradients_agree(broken, torch.ones(2)) and not gradients_agree(broken, torch.ones(2), rule="algorithm1")


def test_the_decay_warms_up():
    assert [warm_decay(t, 0.9) for t in (1, 2, 3)] == pytest.approx([1 / 2, 2 / 3, 3 / 4])
    assert warm_decay(9, 0.9) == pytest.approx(0.9) and warm_decay(1000, 0.9) == 0.9
    assert warm_decay(1000, 0.9999) == pytest.approx(1 - 1 / 1001)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"one of text, algorithm1; got 'code'"):
        decide(0.5, "code")
    with pytest.raises(ValueError, match=r"parameter by parameter; got the shapes \[\(3,\)\] and \[\(2,\)\]"):
        gradients_agree(torch.ones(3), torch.ones(2))
    with pytest.raises(ValueError, match="counted from 1; got 0"):
        warm_decay(0, 0.9)
    with pytest.raises(ValueError, match="a teacher must lie in 0…1"):
        warm_decay(1, 1.5)
