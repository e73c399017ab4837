"""Views: drawn once, applied alike; the identity is the identity; ranges are kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from sagittal_engine.views.geometry import (
    AffineRange,
    ElasticRange,
    draw_affine,
    draw_elastic,
    sampling_grid,
    warp,
)
from sagittal_engine.views.intensity import apply_gamma, draw_gamma


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_range_of_zero_is_the_identity() -> None:
    still = AffineRange(0, 0, 0, (1, 1))
    images = torch.rand(2, 3, 12, 16, generator=generator())
    grid = sampling_grid(draw_affine(2, still, generator()), None, (12, 16))
    assert torch.allclose(warp(images, grid), images, atol=1e-5)


def test_a_shift_moves_by_its_share_of_the_side() -> None:
    affine = torch.tensor([[[1.0, 0, 2 * 0.25], [0, 1, 0]]])
    image = torch.zeros(1, 1, 8, 8)
    image[..., 4, 6] = 1
    moved = warp(image, sampling_grid(affine, None, (8, 8)), padding="zeros")
    assert moved[0, 0, 4, 4] == pytest.approx(1, abs=1e-5)


def test_magnification_enlarges_and_stays_in_its_range() -> None:
    only_scale = AffineRange(0, 0, 0, (1.5, 1.5))
    maps = draw_affine(4, only_scale, generator())
    assert torch.allclose(maps[:, 0, 0], torch.full((4,), 1 / 1.5))
    free = draw_affine(500, AffineRange(), generator())
    sizes = torch.linalg.det(free[:, :, :2]) ** -0.5
    assert sizes.min() >= 0.9 - 1e-4 and sizes.max() <= 1.2 + 1e-4
    assert free[:, :, 2].abs().max() <= 2 * 5 / 256 + 1e-6


def test_rotation_and_shear_stay_in_their_ranges() -> None:
    maps = draw_affine(500, AffineRange(5, 0, 0, (1, 1)), generator())
    angles = torch.rad2deg(torch.atan2(maps[:, 1, 0], maps[:, 0, 0]))
    assert angles.abs().max() <= 5 + 1e-4 and angles.abs().max() > 4
    sheared = draw_affine(500, AffineRange(0, 0, 5, (1, 1)), generator())
    assert sheared[:, 0, 1].abs().max() <= math.tan(math.radians(5)) + 1e-6


def test_the_elastic_field_is_smoothed_noise() -> None:
    limits = ElasticRange(10, 3)
    field = draw_elastic(1, (40, 48), limits, generator(3))
    assert field is not None
    noise = torch.rand(1, 2, 40, 48, generator=generator(3)).numpy() * 2 - 1
    for axis, side in ((0, 48), (1, 40)):
        slow = ndimage.gaussian_filter(noise[0, axis], 3, mode="constant", truncate=4.0) * 10 * 2 / side
        assert np.allclose(field[0, :, :, axis].numpy(), slow, atol=1e-4)
    assert draw_elastic(1, (8, 8), ElasticRange(0, 3), generator()) is None


def test_a_coarser_grid_is_deformed_as_much() -> None:
    fine, coarse = ElasticRange(10, 5), ElasticRange(10, 5).at(0.5)
    a = draw_elastic(8, (256, 256), fine, generator(1))
    b = draw_elastic(8, (128, 128), coarse, generator(2))
    assert a is not None and b is not None
    assert float(b.std() / a.std()) == pytest.approx(1, abs=0.1)


def test_gamma_keeps_each_images_range_and_follows_the_formula() -> None:
    images = torch.randn(3, 1, 9, 9, generator=generator(), dtype=torch.float64)
    gamma = torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64)
    out = apply_gamma(images, gamma)
    for image, g, made in zip(images.numpy(), gamma.tolist(), out.numpy(), strict=True):
        low, span = image.min(), image.max() - image.min()
        assert np.allclose(made, low + span * ((image - low) / span) ** g)
    drawn = draw_gamma(300, 0.5, 1.5, generator())
    assert drawn.min() >= 0.5 and drawn.max() <= 1.5
    flat = apply_gamma(torch.full((1, 1, 3, 3), 2.0), torch.tensor([0.7]))
    assert torch.equal(flat, torch.full((1, 1, 3, 3), 2.0))


def test_the_same_generator_draws_the_same() -> None:
    assert torch.equal(draw_affine(3, AffineRange(), generator(4)), draw_affine(3, AffineRange(), generator(4)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: AffineRange(scale=(1.2, 0.9)), "1.2"),
        (lambda: AffineRange(rotation=-1), "-1"),
        (lambda: ElasticRange(sigma=0), "sigma=0"),
        (lambda: draw_gamma(1, 0.0, 1.0, generator()), "0.0"),
    ],
)
def test_ranges_out_of_their_rule_are_named(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()  # type: ignore[operator]
