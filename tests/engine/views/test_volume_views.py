"""Views of batches of 3D patches against slow, literal versions of one patch at a time, and what draws promise."""

from __future__ import annotations

import dataclasses
import math
from itertools import product

import numpy as np
import pytest
import torch

from sagittal_engine.prefetch import over_tensors
from sagittal_engine.views import draws
from sagittal_engine.views.draws import ViewDraw
from sagittal_engine.views.volume_views import (
    GREY_VOLUME,
    SIMCLR_VOLUME,
    VolumeRules,
    apply_volume_views,
    draw_volume_views,
)

STILL = VolumeRules(crop_low=1, crop_high=1, stretch=1, flip=0, jitter=0, blur=0)
"""Nothing changes."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_patches(count: int, size: int, channels: int = 1) -> torch.Tensor:
    return torch.rand(count, channels, size, size, size, generator=seeded(7), dtype=torch.float64)


def drawn(count: int, size: int, rules: VolumeRules, seed: int = 0) -> ViewDraw:
    return draw_volume_views(count, size, rules, seeded(seed))


def wide(draw: ViewDraw) -> ViewDraw:
    """The same draw in float64, for exact comparisons."""
    return over_tensors(draw, lambda t: t.double() if t.is_floating_point() else t)


# One patch at a time, literally -------------------------------------------------------------------------------------


def reflected(x: float, size: int) -> float:
    """`x` folded back into −0.5…size − 0.5, the outer faces of the first and last voxel."""
    x = abs(x + 0.5)
    turns, rest = divmod(x, size)
    x = rest if int(turns) % 2 == 0 else size - rest
    return min(max(x - 0.5, 0.0), size - 1.0)


def literal_warp(patch: np.ndarray, affine: np.ndarray, size: int) -> np.ndarray:
    sides = patch.shape[1:]
    out = np.zeros((len(patch), size, size, size))
    for place in product(range(size), repeat=3):
        view = [(2 * p + 1) / size - 1 for p in place]
        at = [sum(affine[k, m] * view[m] for m in range(3)) + affine[k, 3] for k in range(3)]
        at = [reflected(((u + 1) * side - 1) / 2, side) for u, side in zip(at, sides, strict=True)]
        low = [int(u) for u in at]
        for corner in product((0, 1), repeat=3):
            weight = math.prod(u - lo if up else 1 - (u - lo) for u, lo, up in zip(at, low, corner, strict=True))
            if weight:
                x, y, z = (min(lo + up, side - 1) for lo, up, side in zip(low, corner, sides, strict=True))
                out[(slice(None), *place)] += weight * patch[:, x, y, z]
    return out


def literal_blur(patch: np.ndarray, weights: np.ndarray) -> np.ndarray:
    out = patch
    for axis in (1, 2, 3):
        size, source, out = patch.shape[axis], out, np.zeros_like(patch)
        for place in range(size):
            for k, weight in enumerate(weights):
                at = abs(place + k - 2)
                at = at if at < size else 2 * (size - 1) - at
                to, of = [slice(None)] * 4, [slice(None)] * 4
                to[axis], of[axis] = place, at
                out[tuple(to)] += weight * source[tuple(of)]
    return out


def literal_view(patch: np.ndarray, draw: ViewDraw, n: int) -> np.ndarray:
    view = literal_warp(patch, draw.affine[n].numpy(), draw.size)
    if draw.brightness is not None:
        view = np.clip(float(draw.brightness[n]) * view, 0, 1)
    if draw.contrast is not None:
        f = float(draw.contrast[n])
        view = np.clip(f * view + (1 - f) * view.mean(), 0, 1)
    if draw.gamma is not None:
        view = view ** float(draw.gamma[n])
    if draw.blur is not None:
        view = literal_blur(view, draw.blur[n].numpy())
    if draw.noise is not None:
        view = view + draw.noise[n].numpy()
    if draw.holes is not None:
        for a, b, c, d, e, f in draw.holes[n].tolist():
            view[:, a:b, c:d, e:f] = 0
    return view


EACH = {
    "nothing": STILL,
    "crop": dataclasses.replace(STILL, crop_low=0.1, stretch=4 / 3),
    "flip": dataclasses.replace(STILL, flip=0.5),
    "all flips": dataclasses.replace(STILL, flip=0.5, flip_axes=(0, 1, 2)),
    "rotation": dataclasses.replace(STILL, rotation=40.0),
    "any rotation": dataclasses.replace(STILL, rotation=180.0, crop_low=0.3),
    "brightness": dataclasses.replace(STILL, jitter=0.7, contrast=0),
    "contrast": dataclasses.replace(STILL, jitter=0.7, brightness=0),
    "gamma": dataclasses.replace(STILL, jitter=0.7, brightness=0, contrast=0, gamma=0.5),
    "blur": dataclasses.replace(STILL, blur=0.7),
    "holes": dataclasses.replace(STILL, holes=3),
    "noise": dataclasses.replace(STILL, noise=0.2),
    "grey list": GREY_VOLUME,
    "SimCLR's list": SIMCLR_VOLUME,
}


@pytest.mark.parametrize("name", EACH)
def test_each_transform_is_what_it_says_for_one_patch(name: str) -> None:
    patches = some_patches(4, 8)
    draw = wide(drawn(4, 6, EACH[name], seed=3))
    views = apply_volume_views(patches, draw)
    literal = np.stack([literal_view(patch.numpy(), draw, n) for n, patch in enumerate(patches)])
    assert views.dtype == torch.float64
    assert np.abs(views.numpy() - literal).max() < 1e-9


def test_rules_without_effect_leave_the_patch_as_it_is() -> None:
    patches = some_patches(3, 10).float()
    assert (apply_volume_views(patches, drawn(3, 10, STILL)) - patches).abs().max() < 1e-6


def test_a_flip_turns_the_axis_it_names_round() -> None:
    patches = some_patches(2, 6).float()
    for axis in range(3):
        rules = dataclasses.replace(STILL, flip=1.0, flip_axes=(axis,))
        assert (apply_volume_views(patches, drawn(2, 6, rules)) - patches.flip(2 + axis)).abs().max() < 1e-6


def test_left_and_right_are_exchanged_only_when_asked() -> None:
    ramp = torch.linspace(0, 1, 9).view(1, 1, 9, 1, 1).expand(400, 1, 9, 9, 9)
    for rules in (SIMCLR_VOLUME, GREY_VOLUME):
        plain = dataclasses.replace(rules, crop_low=1, crop_high=1, stretch=1, jitter=0, blur=0, noise=0, holes=0)
        views = apply_volume_views(ramp, drawn(400, 9, plain))
        assert (views[:, :, 6:].mean((1, 2, 3, 4)) > views[:, :, :3].mean((1, 2, 3, 4))).all()
        views = apply_volume_views(ramp, drawn(400, 9, dataclasses.replace(plain, flip_axes=(0, 1, 2))))
        share = (views[:, :, 6:].mean((1, 2, 3, 4)) < views[:, :, :3].mean((1, 2, 3, 4))).float().mean()
        assert abs(float(share) - 0.5) < 0.1


@pytest.mark.parametrize("rules", [GREY_VOLUME, SIMCLR_VOLUME])
def test_a_draw_replays_bit_for_bit_and_a_view_depends_on_its_own_row_alone(rules: VolumeRules) -> None:
    patches = some_patches(6, 10).float()
    before, state = patches.clone(), torch.get_rng_state()
    draw = drawn(6, 8, rules)
    views = apply_volume_views(patches, draw)
    assert torch.equal(torch.get_rng_state(), state), "no global generator is touched"
    assert torch.equal(views, apply_volume_views(patches, draw)) and torch.equal(patches, before)
    assert torch.equal(views, apply_volume_views(patches, drawn(6, 8, rules)))
    assert not torch.equal(views, apply_volume_views(patches, drawn(6, 8, rules, seed=1)))
    order = torch.tensor([4, 0, 5, 2])
    assert torch.equal(apply_volume_views(patches[order], draw.take(order)), views[order])


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    patches, draw = some_patches(7, 8).float(), drawn(7, 8, GREY_VOLUME)
    whole = apply_volume_views(patches, draw)
    monkeypatch.setattr(draws, "BLOCK", 2 * 8**3)
    assert torch.equal(apply_volume_views(patches, draw), whole)


def test_shares_and_spreads_are_those_asked_for() -> None:
    draw = drawn(3000, 4, dataclasses.replace(GREY_VOLUME, jitter=0.5))
    assert abs(float((draw.gamma != 1).float().mean()) - 0.5) < 0.04
    assert draw.gamma.min() >= 1 / 1.3 - 1e-6 and draw.gamma.max() <= 1.3 + 1e-6
    assert 0.8 <= float(draw.brightness.min()) < 0.81 and 1.19 < float(draw.brightness.max()) <= 1.2 + 1e-6
    assert abs(float(draw.noise.std()) - 0.1) < 0.002
    # Columns of the map are a rotation's times the crop's sides; two independent flips of half each.
    matrix = draw.affine[:, :, :3]
    sides = matrix.norm(dim=1)
    assert sides.max() <= 1 + 1e-5 and (draw.affine[:, :, 3].abs() <= 1 - sides + 1e-5).all()
    assert (sides.prod(1) >= 0.08 * 0.7).all(), "only a side cut to the patch's makes a crop smaller than asked"
    assert (sides.amax(1) / sides.amin(1)).max() <= 4 / 3 + 1e-4
    turned = matrix / sides.unsqueeze(1)
    assert (turned.transpose(1, 2) @ turned - torch.eye(3)).abs().max() < 1e-5
    assert abs(float((torch.linalg.det(matrix) < 0).float().mean()) - 0.5) < 0.04
    rotated = dataclasses.replace(STILL, rotation=15.0)
    trace = drawn(3000, 4, rotated).affine[:, :, :3].diagonal(dim1=1, dim2=2).sum(1)
    angles = torch.rad2deg(torch.arccos(((trace - 1) / 2).clamp(max=1)))
    assert 14.5 < float(angles.max()) <= 15.01 and abs(float(angles.mean()) - 7.5) < 0.3


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop_low": 0.0}, {"crop_high": 1.1}, {"stretch": 0.5}, {"flip": 1.5}, {"blur_low": 3.0}, {"rotation": 181.0},
        {"noise": -0.1}, {"holes": -1}, {"gamma": -1.0}, {"jitter": math.nan}, {"flip_axes": (3,)},
    ],
)  # fmt: skip
def test_rules_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got "):
        VolumeRules(**wrong)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="3 draws go with patches"):
        apply_volume_views(torch.rand(2, 1, 8, 8, 8), drawn(3, 8, GREY_VOLUME))
    with pytest.raises(ValueError, match="3 draws go with patches"):
        apply_volume_views(torch.rand(3, 1, 8, 8), drawn(3, 8, GREY_VOLUME))
    with pytest.raises(ValueError, match="at least one patch"):
        draw_volume_views(0, 8, GREY_VOLUME, seeded())


def test_tiny_views_have_no_border_to_reflect() -> None:
    assert apply_volume_views(torch.rand(2, 1, 4, 4, 4), drawn(2, 2, GREY_VOLUME)).shape == (2, 1, 2, 2, 2)
