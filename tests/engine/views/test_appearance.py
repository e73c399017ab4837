"""Changes of appearance against slow, literal versions of one image at a time, and what draws promise."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from sagittal_engine.prefetch import over_tensors
from sagittal_engine.views.appearance import (
    DEGREE,
    GIN_LAYERS,
    KNOTS,
    AppearanceRules,
    apply_appearance,
    bias_field,
    draw_appearance,
    draw_gin,
    gin,
    shifted,
)

STILL = {"gin": False, "histogram": False, "brightness": 0.0, "contrast": 0.0, "gamma": 0.0, "bias": 0.0,
         "blur": 0.0, "noise": 0.0}  # fmt: skip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count=3, channels=1, size=6, axes=3):
    return torch.rand(count, channels, *(size,) * axes, generator=seeded(9), dtype=torch.float64)


def wide(draw):
    return over_tensors(draw, lambda t: t.double() if t.is_floating_point() else t)


def literal_gin(image, weights, shifts, mix):
    """Four convolutions of one image (C, X, Y, Z), shift by shift; a kernel of one voxel is zeros around it."""
    found = image
    for layer, (kernel, shift) in enumerate(zip(weights, shifts, strict=True)):
        out = torch.zeros(kernel.shape[0], *found.shape[1:], dtype=found.dtype)
        edge = F.pad(found, (1,) * 6)
        x, y, z = found.shape[1:]
        for o, i, a, b, c in itertools.product(*map(range, kernel.shape)):
            out[o] += kernel[o, i, a, b, c] * edge[i, a : a + x, b : b + y, c : c + z]
        out += shift.view(-1, 1, 1, 1)
        found = torch.where(out > 0, out, 0.01 * out) if layer < GIN_LAYERS - 1 else out
    mixed = mix * found + (1 - mix) * image
    return mixed * (image.square().sum().sqrt() / (mixed.square().sum().sqrt() + 1e-5))


def test_gin_is_each_images_own_network():
    x = images(channels=2)
    draw = wide(draw_gin(3, 2, 3, seeded()))
    found = gin(x, draw)
    for n in range(3):
        expected = literal_gin(x[n], [w[n] for w in draw.weights], [s[n] for s in draw.shifts], draw.mix[n])
        torch.testing.assert_close(found[n], expected, rtol=1e-9, atol=1e-9)


def test_gin_keeps_the_norm_and_draws_both_kernels():
    x = images(4)
    draw = wide(draw_gin(4, 1, 3, seeded(1)))
    before, after = (v.flatten(1).norm(dim=1) for v in (x, gin(x, draw)))
    torch.testing.assert_close(before, after, rtol=1e-4, atol=0)
    many = draw_gin(200, 1, 2, seeded(2))
    narrow = (many.weights[1].flatten(3) != 0).sum(3) == 1
    assert 0.35 < narrow.float().mean() < 0.65 and bool((narrow.flatten(1).all(1) | ~narrow.flatten(1).any(1)).all())
    assert [tuple(w.shape[1:3]) for w in many.weights] == [(2, 1), (2, 2), (2, 2), (1, 2)]


def test_a_constant_image_stays_finite():
    for value in (0.0, 0.5):
        x = torch.full((2, 1, 5, 5, 5), value)
        draw = draw_appearance(2, (1, 5, 5, 5), AppearanceRules(share=1.0), seeded())
        assert torch.isfinite(apply_appearance(x, draw)).all()


def test_the_histogram_moves_along_a_rising_curve():
    draw = draw_appearance(5, (1, 4, 4, 4), AppearanceRules(**STILL | {"histogram": True}, share=1.0), seeded(3))
    points = draw.histogram
    assert points.shape == (5, KNOTS) and bool((points.diff(dim=1) >= 0).all())
    assert bool((points[:, 0] == 0).all()) and bool((points[:, -1] == 1).all())
    x = images(5)
    found = shifted(x, points.double())
    for n, value in ((0, x[0, 0, 1, 2, 3]), (4, x[4, 0, 0, 0, 0])):
        place = float(value) * (KNOTS - 1)
        k = min(int(place), KNOTS - 2)
        expected = points[n, k] + (place - k) * (points[n, k + 1] - points[n, k])
        at = (0, 1, 2, 3) if n == 0 else (0, 0, 0, 0)
        assert float(found[(n, *at)]) == pytest.approx(float(expected), abs=1e-6)
    torch.testing.assert_close(shifted(x, torch.linspace(0, 1, KNOTS).double().expand(5, -1)), x)


def test_the_bias_field_is_the_exponential_of_its_polynomial():
    draw = draw_appearance(2, (1, 4, 5, 3), AppearanceRules(**STILL | {"bias": 0.3}, share=1.0), seeded(4))
    c = draw.bias.double()
    assert c.shape == (2, 4, 4, 4) and c.abs().max() <= 0.3 and float(c[:, 0, 0, 0].abs().max()) == 0
    assert all(
        bool((c[:, i, j, k] == 0).all()) for i, j, k in itertools.product(range(4), repeat=3) if i + j + k > DEGREE
    )
    field = bias_field(c, (4, 5, 3))
    legendre = [lambda x: 1.0, lambda x: x, lambda x: (3 * x * x - 1) / 2, lambda x: (5 * x**3 - 3 * x) / 2]
    for at in itertools.product(range(4), range(5), range(3)):
        x, y, z = (2 * a / (n - 1) - 1 for a, n in zip(at, (4, 5, 3), strict=True))
        power = sum(
            float(c[1, i, j, k]) * legendre[i](x) * legendre[j](y) * legendre[k](z)
            for i, j, k in itertools.product(range(4), repeat=3)
        )
        assert float(field[(1, *at)]) == pytest.approx(math.exp(power), rel=1e-6)


@pytest.mark.parametrize("axes", [2, 3])
def test_every_change_can_be_left_out_and_nothing_else_happens(axes):
    x = images(2, axes=axes)
    shape = tuple(x.shape[1:])
    assert torch.equal(apply_appearance(x, draw_appearance(2, shape, AppearanceRules(**STILL), seeded())), x)
    for name in ("gin", "histogram", "brightness", "contrast", "gamma", "bias", "blur", "noise"):
        own = {name: getattr(AppearanceRules(), name)} | ({"blur": 1.0} if name == "blur" else {})
        draw = draw_appearance(2, shape, AppearanceRules(**STILL | own, share=1.0), seeded(5))
        drawn = [part for part in vars(draw).values() if part is not None]
        assert len(drawn) == 1 and not torch.equal(apply_appearance(x, draw), x), name


def test_a_draw_is_a_function_of_its_generator_and_of_the_image_alone():
    shape = (1, 6, 6, 6)
    one, two = (draw_appearance(3, shape, AppearanceRules(), seeded(6)) for _ in range(2))
    x = images(3).float()
    assert torch.equal(apply_appearance(x, one), apply_appearance(x, two))
    other = x.clone()
    other[1] = 0.5
    changed = apply_appearance(other, one)
    torch.testing.assert_close(changed[[0, 2]], apply_appearance(x, one)[[0, 2]])


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="share must be between 0 and 1; got 2"):
        AppearanceRules(share=2)
    with pytest.raises(ValueError, match="0 < blur_low ≤ blur_high"):
        AppearanceRules(blur_low=2.0, blur_high=1.0)
    with pytest.raises(ValueError, match="at least one image"):
        draw_appearance(0, (1, 4, 4), AppearanceRules(), seeded())
