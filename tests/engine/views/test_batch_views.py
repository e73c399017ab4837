"""Views of whole batches against slow, literal versions of one image at a time, and the promises about draws."""

from __future__ import annotations

import colorsys
import dataclasses
import math
import random

import numpy as np
import pytest
import torch

from sagittal_engine.prefetch import over_tensors
from sagittal_engine.views import batch_views, colour, draws
from sagittal_engine.views.batch_views import GREY, SIMCLR, CropRules, ViewRules, apply_views, draw_views, multi_crop
from sagittal_engine.views.geometry import ElasticRange

STILL = ViewRules(crop_low=1, crop_high=1, stretch=1, flip=0, jitter=0, greyscale=0, blur=0)
"""Nothing changes."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_images(count: int, channels: int, size: int) -> torch.Tensor:
    return torch.rand(count, channels, size, size, generator=seeded(7), dtype=torch.float64)


def drawn(count: int, size: int, rules: ViewRules, seed: int = 0) -> batch_views.ViewDraw:
    return draw_views(count, size, rules, seeded(seed))


def wide(draw: batch_views.ViewDraw) -> batch_views.ViewDraw:
    """The same draw in float64, for exact comparisons."""
    return over_tensors(draw, lambda t: t.double() if t.is_floating_point() else t)


# One image at a time, literally -------------------------------------------------------------------------------------


def reflected(x: float, size: int) -> float:
    """`x` folded back into −0.5…size − 0.5, the outer edges of the first and last pixel."""
    x = abs(x + 0.5)
    turns, rest = divmod(x, size)
    x = rest if int(turns) % 2 == 0 else size - rest
    return min(max(x - 0.5, 0.0), size - 1.0)


def literal_warp(image: np.ndarray, affine: np.ndarray, size: int, bent: np.ndarray | None = None) -> np.ndarray:
    channels, height, width = image.shape
    out = np.zeros((channels, size, size))
    for i in range(size):
        for j in range(size):
            x, y = (2 * j + 1) / size - 1, (2 * i + 1) / size - 1
            u = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
            v = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
            if bent is not None:
                u, v = u + bent[i, j, 0], v + bent[i, j, 1]
            column, row = reflected(((u + 1) * width - 1) / 2, width), reflected(((v + 1) * height - 1) / 2, height)
            c, r = int(column), int(row)
            for dr, wr in ((0, 1 - (row - r)), (1, row - r)):
                for dc, wc in ((0, 1 - (column - c)), (1, column - c)):
                    if wr * wc:
                        out[:, i, j] += wr * wc * image[:, min(r + dr, height - 1), min(c + dc, width - 1)]
    return out


def literal_blur(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    out = image
    for axis in (1, 2):
        size, source, out = image.shape[axis], out, np.zeros_like(image)
        for place in range(size):
            for k, weight in enumerate(weights):
                at = abs(place + k - 2)
                at = at if at < size else 2 * (size - 1) - at
                index = [slice(None)] * 3
                index[axis] = at
                to = [slice(None)] * 3
                to[axis] = place
                out[tuple(to)] += weight * source[tuple(index)]
    return out


def literal_grey(image: np.ndarray) -> np.ndarray:
    return image[0] if len(image) == 1 else 0.2989 * image[0] + 0.587 * image[1] + 0.114 * image[2]


def literal_hue(image: np.ndarray, turn: float) -> np.ndarray:
    out = np.zeros_like(image)
    for i in range(image.shape[1]):
        for j in range(image.shape[2]):
            h, s, v = colorsys.rgb_to_hsv(*image[:, i, j])
            out[:, i, j] = colorsys.hsv_to_rgb((h + turn) % 1.0, s, v)
    return out


def literal_view(image: np.ndarray, draw: batch_views.ViewDraw, n: int) -> np.ndarray:
    bent = None if draw.elastic is None else draw.elastic[n].numpy()
    view = literal_warp(image, draw.affine[n].numpy(), draw.size, bent)
    if draw.brightness is not None:
        view = np.clip(float(draw.brightness[n]) * view, 0, 1)
    if draw.contrast is not None:
        f = float(draw.contrast[n])
        view = np.clip(f * view + (1 - f) * literal_grey(view).mean(), 0, 1)
    if len(image) == 3:
        if draw.saturation is not None:
            f = float(draw.saturation[n])
            view = np.clip(f * view + (1 - f) * literal_grey(view), 0, 1)
        if draw.hue is not None:
            view = literal_hue(view, float(draw.hue[n]))
        if draw.greyscale is not None and draw.greyscale[n]:
            view = np.stack([literal_grey(view)] * 3)
    if draw.blur is not None:
        view = literal_blur(view, draw.blur[n].numpy())
    if draw.noise is not None:
        view = view + draw.noise[n].numpy()
    if draw.holes is not None:
        for top, bottom, left, right in draw.holes[n].tolist():
            view[:, top:bottom, left:right] = 0
    return view


EACH = {
    "nothing": STILL,
    "crop": dataclasses.replace(STILL, crop_low=0.1, stretch=4 / 3),
    "flip": dataclasses.replace(STILL, flip=0.5),
    "rotation": dataclasses.replace(STILL, rotation=40.0),
    "elastic deformation": dataclasses.replace(STILL, elastic=0.6, bend=ElasticRange(20.0, 2.0), rotation=10.0),
    "brightness": dataclasses.replace(STILL, jitter=0.7, contrast=0, saturation=0, hue=0),
    "contrast": dataclasses.replace(STILL, jitter=0.7, brightness=0, saturation=0, hue=0),
    "saturation": dataclasses.replace(STILL, jitter=0.7, brightness=0, contrast=0, hue=0),
    "hue": dataclasses.replace(STILL, jitter=0.7, brightness=0, contrast=0, saturation=0, hue=0.5),
    "greyscale": dataclasses.replace(STILL, greyscale=0.5),
    "blur": dataclasses.replace(STILL, blur=0.7),
    "holes": dataclasses.replace(STILL, holes=3),
    "noise": dataclasses.replace(STILL, noise=0.2),
    "grey list": GREY,
    "SimCLR's list": SIMCLR,
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", EACH)
def test_each_transform_is_what_it_says_for_one_image(name: str, channels: int) -> None:
    images = some_images(5, channels, 12)
    draw = wide(drawn(5, 9, EACH[name], seed=3))
    views = apply_views(images, draw)
    literal = np.stack([literal_view(image.numpy(), draw, n) for n, image in enumerate(images)])
    assert views.dtype == torch.float64
    assert np.abs(views.numpy() - literal).max() < 1e-9


def test_rules_without_effect_leave_the_image_as_it_is() -> None:
    images = some_images(3, 3, 16).float()
    assert (apply_views(images, drawn(3, 16, STILL)) - images).abs().max() < 1e-6
    unjittered = dataclasses.replace(SIMCLR, jitter=1e-9, greyscale=1e-9, blur=1e-9, flip=0)
    whole = dataclasses.replace(unjittered, crop_low=1, crop_high=1, stretch=1)
    assert (apply_views(images, drawn(3, 16, whole)) - images).abs().max() < 1e-6


def test_an_oblong_image_is_warped_in_its_own_proportions() -> None:
    images = torch.rand(2, 1, 8, 14, generator=seeded(1), dtype=torch.float64)
    draw = wide(drawn(2, 7, EACH["rotation"], seed=2))
    literal = np.stack([literal_view(image.numpy(), draw, n) for n, image in enumerate(images)])
    assert np.abs(apply_views(images, draw).numpy() - literal).max() < 1e-9


def test_bytes_are_read_as_0_to_1() -> None:
    images = (some_images(2, 1, 8) * 255).to(torch.uint8)
    draw = drawn(2, 8, STILL)
    assert torch.equal(apply_views(images, draw), apply_views(images.float() / 255, draw))


def test_some_images_are_bent_and_the_others_left() -> None:
    field = drawn(200, 16, dataclasses.replace(STILL, elastic=0.6, bend=ElasticRange(20.0, 2.0))).elastic
    assert field is not None and field.shape == (200, 16, 16, 2)
    bent = field.flatten(1).any(1)
    assert 90 < int(bent.sum()) < 150
    pixels = field[bent].abs().mean() * 16 / 2
    assert 0.5 < pixels < 4


# Draws --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [GREY, SIMCLR])
def test_a_draw_replays_bit_for_bit(rules: ViewRules) -> None:
    images = some_images(6, 3, 16).float()
    before = images.clone()
    draw = drawn(6, 16, rules)
    assert torch.equal(apply_views(images, draw), apply_views(images, draw))
    assert torch.equal(images, before)
    again = drawn(6, 16, rules)
    assert torch.equal(apply_views(images, draw), apply_views(images, again))
    assert not torch.equal(apply_views(images, draw), apply_views(images, drawn(6, 16, rules, seed=1)))


@pytest.mark.parametrize("rules", [GREY, SIMCLR])
def test_a_view_depends_on_its_image_and_its_row_alone(rules: ViewRules) -> None:
    images = some_images(6, 3, 16).float()
    draw = drawn(6, 16, rules)
    order = torch.tensor([4, 0, 5, 2])
    assert torch.equal(apply_views(images[order], draw.take(order)), apply_views(images, draw)[order])
    one = torch.cat([apply_views(images[n : n + 1], draw.take([n])) for n in range(6)])
    assert torch.equal(one, apply_views(images, draw))


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    images, draw = some_images(7, 3, 16).float(), drawn(7, 16, SIMCLR)
    whole = apply_views(images, draw)
    monkeypatch.setattr(draws, "BLOCK", 2 * 3 * 16 * 16)
    assert torch.equal(apply_views(images, draw), whole)


def test_drawing_touches_no_global_generator() -> None:
    state = torch.get_rng_state()
    apply_views(some_images(4, 1, 16).float(), drawn(4, 16, GREY))
    assert torch.equal(torch.get_rng_state(), state)


def test_draws_travel_as_a_batch_does() -> None:
    moved = over_tensors(drawn(3, 8, GREY), torch.clone)
    assert moved.size == 8 and len(moved) == 3
    assert torch.equal(moved.noise, drawn(3, 8, GREY).noise)


def literal_crop_area(chance: random.Random) -> float:
    """RandomResizedCrop's rule on a square of side one: ten attempts, then the whole image."""
    for _ in range(10):
        area = chance.uniform(0.08, 1)
        stretch = math.exp(chance.uniform(math.log(3 / 4), math.log(4 / 3)))
        if math.sqrt(area * stretch) <= 1 and math.sqrt(area / stretch) <= 1:
            return area
    return 1.0


def test_crops_keep_to_their_range_and_inside_the_image() -> None:
    rules = dataclasses.replace(STILL, crop_low=0.08, stretch=4 / 3)
    affine = drawn(4000, 8, rules).affine
    width, height, centre = affine[:, 0, 0], affine[:, 1, 1], affine[:, :, 2]
    area, stretch = width * height, width / height
    assert area.min() >= 0.08 and area.max() <= 1
    # Large crops are refused more often than small ones, so the mean is less than the middle of the range.
    assert abs(float(area.mean()) - sum(literal_crop_area(random.Random(n)) for n in range(4000)) / 4000) < 0.02
    assert stretch.min() > 0.75 - 1e-5 and stretch.max() < 4 / 3 + 1e-5
    assert (centre.abs() + torch.stack([width, height], 1) <= 1 + 1e-6).all()


def test_shares_and_spreads_are_those_asked_for() -> None:
    draw = drawn(4000, 16, dataclasses.replace(GREY, jitter=0.5, saturation=0))
    assert abs(float((draw.brightness != 1).float().mean()) - 0.5) < 0.03
    assert 0.8 <= float(draw.brightness.min()) < 0.81 and 1.19 < float(draw.brightness.max()) <= 1.2
    assert abs(float((draw.blur[:, 2] < 1).float().mean()) - 0.5) < 0.08  # σ near 0.1 blurs by less than rounding
    assert torch.allclose(draw.blur.sum(1), torch.ones(4000))
    assert draw.saturation is None and draw.hue is None and draw.greyscale is None
    assert abs(float(draw.noise.std()) - 0.1) < 0.002
    number = ((draw.holes[..., 1] > draw.holes[..., 0]) & (draw.holes[..., 3] > draw.holes[..., 2])).sum(1)
    assert set(number.tolist()) == {1, 2, 3, 4}
    assert (draw.holes[..., 1] - draw.holes[..., 0]).max() == 4
    # a flip turns the determinant's sign
    flipped = torch.linalg.det(draw.affine[:, :, :2]) < 0
    assert abs(float(flipped.float().mean()) - 0.5) < 0.03


def test_multi_crop_gives_large_then_small_views() -> None:
    large = dataclasses.replace(GREY, crop_low=0.4)
    small = dataclasses.replace(GREY, crop_low=0.05, crop_high=0.4)
    draws = multi_crop(3, [CropRules(2, 16, large), CropRules(4, 8, small)], seeded())
    views = [apply_views(some_images(3, 1, 16).float(), draw) for draw in draws]
    assert [tuple(view.shape) for view in views] == [(3, 1, 16, 16)] * 2 + [(3, 1, 8, 8)] * 4
    assert not torch.equal(views[0], views[1])


# Bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop_low": 0.0}, {"crop_low": 0.5, "crop_high": 0.4}, {"crop_high": 1.1}, {"stretch": 0.5}, {"flip": 1.5},
        {"blur_low": 0.0}, {"blur_low": 3.0}, {"hue": 0.6}, {"rotation": 181.0}, {"noise": -0.1}, {"holes": -1},
        {"jitter": math.nan},
    ],
)  # fmt: skip
def test_rules_out_of_range_are_refused_with_their_value(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"got .*" + str(next(iter(wrong.values())))):
        ViewRules(**wrong)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="3 draws go with images"):
        apply_views(torch.rand(2, 1, 8, 8), drawn(3, 8, GREY))
    with pytest.raises(ValueError, match="at least one image"):
        draw_views(0, 8, GREY, seeded())


def test_tiny_views_have_no_border_to_reflect() -> None:
    assert apply_views(torch.rand(2, 1, 4, 4), drawn(2, 2, GREY)).shape == (2, 1, 2, 2)


def test_a_full_turn_of_the_hue_changes_nothing() -> None:
    images = some_images(4, 3, 6)
    turned = colour.turned(images, torch.ones(4, dtype=torch.float64))
    assert (turned - images).abs().max() < 1e-12
