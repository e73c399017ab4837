"""The boundary-aware contrast against slow, literal transcriptions in float64."""

from __future__ import annotations

import cmath
import itertools
import math

import pytest
import torch

from sagittal_plugins.gs_ema.contrast import bacl_loss, boundary_features, high_pass, similarities
from sagittal_plugins.gs_ema.loss import dice_ce


def some(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def four(shape=(2, 3, 4, 4, 4)):
    return [some(seed, *shape) for seed in range(4)]


def literal_similarity(u, v):
    """Cosine of whole flattened samples, averaged over the batch before anything else."""
    found = []
    for a, b in zip(u.flatten(1).tolist(), v.flatten(1).tolist(), strict=True):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        found.append(dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b)))
    return sum(found) / len(found)


def literal_bacl(ss, st, ts, tt):
    """Eq. 5, term by term."""
    positive = [(ss, ts), (st, tt)]
    negative = [(ss, st), (ts, tt), (ss, tt), (st, ts)]
    p = sum(math.exp(literal_similarity(u, v)) for u, v in positive)
    n = sum(math.exp(literal_similarity(u, v)) for u, v in negative)
    return -math.log(p / (p + n))


def literal_boundary(latent):
    """Every frequency and every voxel by its own sum, for one small latent (B, C, x, y, z)."""
    out = torch.zeros_like(latent)
    sides = latent.shape[2:]
    voxels = list(itertools.product(*(range(n) for n in sides)))

    def kept(frequency):
        shifted = [(f + n // 2) % n for f, n in zip(frequency, sides, strict=True)]
        low = all(n // 4 <= index < 3 * n // 4 for index, n in zip(shifted, sides, strict=True))
        return 0.0 if low else 1.0

    for b, c in itertools.product(range(latent.shape[0]), range(latent.shape[1])):
        spectrum = {}
        for f in voxels:
            if kept(f):
                spectrum[f] = sum(
                    float(latent[(b, c, *v)])
                    * cmath.exp(-2j * math.pi * sum(a * k / n for a, k, n in zip(v, f, sides, strict=True)))
                    for v in voxels
                )
        for v in voxels:
            value = sum(
                z * cmath.exp(2j * math.pi * sum(a * k / n for a, k, n in zip(v, f, sides, strict=True)))
                for f, z in spectrum.items()
            )
            out[(b, c, *v)] = abs(value) / len(voxels)
    return out


def test_the_contrast_is_eq_5():
    features = four()
    assert float(bacl_loss(*features)) == pytest.approx(literal_bacl(*features), rel=1e-12)


def test_six_equal_similarities_give_ln_3():
    z = some(0, 2, 3, 4, 4, 4)
    assert float(bacl_loss(z, z, z, z)) == pytest.approx(math.log(3), rel=1e-12)


def test_the_contrast_falls_as_positives_come_together_and_lengths_do_not_matter():
    ss, st, ts, tt = four()
    assert bacl_loss(ss, st, ss, st) < bacl_loss(ss, st, ts, tt)
    torch.testing.assert_close(bacl_loss(3 * ss, st, 0.2 * ts, tt), bacl_loss(ss, st, ts, tt))
    swapped = bacl_loss(st, ss, tt, ts)
    torch.testing.assert_close(swapped, bacl_loss(ss, st, ts, tt))


def test_the_contrast_has_right_gradients():
    ss, st, ts, tt = (z.requires_grad_() for z in four((1, 2, 2, 2)))
    assert torch.autograd.gradcheck(bacl_loss, (ss, st, ts, tt))


def test_similarities_are_six_and_no_number_is_pooled():
    cosines = similarities(*four())
    assert cosines.shape == (6,) and cosines.dtype == torch.float64
    with pytest.raises(ValueError, match="four features of one shape"):
        similarities(some(0, 2, 3), some(1, 2, 3), some(2, 2, 3), some(3, 2, 4))


def test_boundary_features_are_what_the_high_frequencies_make():
    latent = some(5, 1, 2, 4, 4, 4)
    torch.testing.assert_close(boundary_features(latent), literal_boundary(latent), rtol=1e-10, atol=1e-12)


def test_boundary_features_equal_a_transform_over_all_axes_batch_and_channel_too():
    latent = some(6, 3, 4, 8, 8, 8)
    axes = tuple(range(5))
    spectrum = torch.fft.fftshift(torch.fft.fftn(latent, dim=axes), dim=(2, 3, 4))
    spectrum[:, :, 2:6, 2:6, 2:6] = 0
    whole = torch.fft.ifftn(torch.fft.ifftshift(spectrum, dim=(2, 3, 4)), dim=axes).abs()
    torch.testing.assert_close(boundary_features(latent), whole, rtol=1e-9, atol=1e-12)


def test_the_mask_is_the_published_one_and_a_constant_has_no_boundary():
    mask = torch.fft.fftshift(high_pass(torch.zeros(1, 1, 32, 32, 32)))
    expected = torch.ones(32, 32, 32)
    expected[8:24, 8:24, 8:24] = 0
    assert torch.equal(mask, expected)
    assert float(boundary_features(torch.full((1, 1, 8, 8, 8), 3.0)).abs().max()) < 1e-6
    edge = torch.zeros(1, 1, 16, 16, 16)
    edge[..., 8:] = 1
    assert boundary_features(edge)[..., 7:9].mean() > 2 * boundary_features(edge)[..., 3:5].mean()
    with pytest.raises(ValueError, match=r"\*spatial"):
        boundary_features(torch.zeros(2, 3))


def test_dice_and_cross_entropy_voxel_by_voxel():
    logits = some(7, 2, 3, 2, 2, 2)
    classes = torch.randint(3, (2, 1, 2, 2, 2), generator=torch.Generator().manual_seed(1))
    dice, entropy = [], []
    for b in range(2):
        numbers = logits[b].flatten(1).T.tolist()
        truth = classes[b].flatten().tolist()
        p = [[math.exp(v) / sum(map(math.exp, row)) for v in row] for row in numbers]
        entropy += [-math.log(row[t]) for row, t in zip(p, truth, strict=True)]
        for c in range(3):
            both = sum(row[c] for row, t in zip(p, truth, strict=True) if t == c)
            total = sum(row[c] for row in p) + sum(t == c for t in truth)
            dice.append(1 - (2 * both + 1e-5) / (total + 1e-5))
    expected = sum(dice) / len(dice) + sum(entropy) / len(entropy)
    assert float(dice_ce(logits, classes)) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match=r"are \(2, 1, 2, 2, 2\); got \(2, 2, 2, 2\)"):
        dice_ce(logits, classes[:, 0])
