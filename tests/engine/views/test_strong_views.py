"""GraTa's strong view against a literal form, channel by channel; flips, turns and how they are undone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from sagittal_engine.views.flips import MOST_PIXELS, WEAK, batched, undone
from sagittal_engine.views.strong_views import BLUR_RADIUS, StrongRules, apply_strong, draw_strong


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def literal(image, draw, n):
    """image (C, H, W) in 0…1: brightness, contrast, gamma of the inverted image, noise, blur, min-max."""
    done = []
    for c, channel in enumerate(image.numpy()):
        x = channel * float(draw.brightness[n, c])
        low, high, mean = x.min(), x.max(), x.mean()
        x = np.clip((x - mean) * float(draw.contrast[n, c]) + mean, low, high)
        x = -x
        low, span = x.min(), x.max() - x.min()
        x = ((x - low) / span) ** float(draw.gamma[n, c]) * span + low
        x = -x + draw.noise[n, c].double().numpy()
        weights = draw.blur[n, c].double().numpy()
        for axis in (0, 1):
            x = ndimage.correlate1d(x, weights, axis=axis, mode="mirror")
        done.append(x)
    x = np.stack(done)
    return (x - x.min()) / (x.max() - x.min())


def test_the_strong_view_equals_the_literal_form():
    images = torch.rand(6, 3, 20, 24, generator=generator(), dtype=torch.float64)
    for image in images:  # the literal form takes images of 0…1
        image -= image.min()
        image /= image.max()
    draw = draw_strong(tuple(images.shape), generator(4))
    before = images.clone()
    views = apply_strong(images, draw)
    assert torch.equal(images, before), "the input is never written to"
    for n in range(6):
        assert np.allclose(views[n].numpy(), literal(images[n], draw, n), atol=1e-6)
    assert views.amin((1, 2, 3)).abs().max() < 1e-9 and (views.amax((1, 2, 3)) - 1).abs().max() < 1e-9


def test_another_range_gives_the_same_view_in_that_range():
    images = torch.rand(2, 1, 16, 16, generator=generator(), dtype=torch.float64)
    draw = draw_strong(tuple(images.shape), generator(1))
    assert torch.allclose(apply_strong(50 * images - 20, draw), 50 * apply_strong(images, draw) - 20, atol=1e-8)
    flat = torch.full((2, 1, 16, 16), 3.0)
    assert torch.equal(apply_strong(flat, draw), flat)


def test_draws_keep_to_their_ranges_and_shares():
    draw = draw_strong((4000, 2, 1, 1), generator())
    for name, low, high in (("brightness", 0.5, 1.5), ("contrast", 0.5, 1.5), ("gamma", 0.5, 2.0)):
        values = getattr(draw, name)
        changed = (values != 1).all(1)
        assert low <= values.min() and values.max() <= high and abs(changed.float().mean() - 0.75) < 0.03
        assert ((values != 1).any(1) == changed).all(), "all channels of an image, or none"
    assert abs((draw.noise != 0).all(1).float().mean() - 0.5) < 0.03
    blurred = draw.blur[..., BLUR_RADIUS] < 1
    assert abs(blurred.float().mean() - 0.25) < 0.02 and torch.allclose(draw.blur.sum(2), torch.ones(4000, 2))
    again = draw_strong((4000, 2, 1, 1), generator())
    assert torch.equal(draw.noise, again.noise) and torch.equal(draw.gamma, again.gamma)


def test_volumes_and_small_images():
    volume = torch.rand(1, 1, 8, 9, 3, generator=generator())
    assert apply_strong(volume, draw_strong((1, 1, 8, 9, 3), generator(2))).shape == volume.shape


def test_wrong_shapes_and_rules_are_refused():
    with pytest.raises(ValueError, match=r"\(N, C, H, W\)"):
        draw_strong((3, 4), generator())
    with pytest.raises(ValueError, match="this draw is for images"):
        apply_strong(torch.zeros(1, 1, 4, 4), draw_strong((2, 1, 4, 4), generator()))
    with pytest.raises(ValueError, match="ascending pair"):
        StrongRules(contrast=(2.0, 1.0))
    with pytest.raises(ValueError, match="probability"):
        StrongRules(noise_share=1.5)
    with pytest.raises(ValueError, match="blur at most"):
        StrongRules(blur=(0.5, 9.0))


@pytest.mark.parametrize("shape", [(2, 1, 6, 6), (2, 1, 6, 8), (1, 2, 6, 8, 4)])
def test_views_are_undone_and_their_batches_are_few(shape):
    images = torch.rand(*shape, generator=generator())
    batches = batched(images, WEAK)
    assert len(batches) == (1 if shape[2] == shape[3] else 2) and sum(len(flips) for flips, _ in batches) == 6
    for flips, views in batches:
        for part in undone(views, flips):
            assert torch.equal(part, images)
    assert len({tuple(flip(images).flatten().tolist()) for flip in WEAK}) == 6, "six different views"


def test_batches_that_would_be_too_large_are_taken_view_by_view():
    images = torch.zeros(1, 1, 1, 1).expand(1, 1, MOST_PIXELS // 4, 1)
    assert len(batched(images, WEAK)) == 6
