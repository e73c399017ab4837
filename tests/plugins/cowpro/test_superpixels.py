"""Superpixels: contiguous ids, within the body, and none of the reference's relabelling fault."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.segmentation import felzenszwalb

from sagittal_engine.kit.body import body
from sagittal_engine.views.geometry import AffineRange, ElasticRange
from sagittal_plugins.cowpro.episodes import TrainingSlice, ViewRange, draw_episodes, masks_of
from sagittal_plugins.cowpro.superpixels import (
    SuperpixelRule,
    body_level,
    relabelled,
    superpixels_of_scan,
    superpixels_of_slice,
)

SMALL = SuperpixelRule(min_size=40)


def picture(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256]
    inside = ((x - 128) / 90) ** 2 + ((y - 120) / 70) ** 2 < 1
    blobs = 200 + 150 * np.sin(x / 17) * np.cos(y / 13)
    return (inside * blobs + rng.normal(0, 8, (256, 256))).astype(np.float32)


def test_ids_are_contiguous_and_large_enough() -> None:
    found = superpixels_of_slice(picture(), SuperpixelRule(), 50.0001)
    sizes = np.bincount(found.ravel())
    assert found.dtype == np.uint16 and len(sizes) > 5
    assert (sizes[1:] >= 200).all()


def test_superpixels_are_felzenszwalbs_cut_to_the_body() -> None:
    image = picture(1)
    found, raw = (
        superpixels_of_slice(image, SuperpixelRule(), 50.0001),
        felzenszwalb(image.astype(float), scale=1, sigma=1, min_size=400),
    )
    inside = body(image, 50.0001)
    assert not found[~inside].any()
    for number in range(1, found.max() + 1):
        region = found == number
        ids = np.unique(raw[region])
        assert len(ids) == 1
        assert np.array_equal(region, (raw == ids[0]) & inside)


def test_the_region_with_raw_id_zero_is_kept() -> None:
    raw = np.repeat(np.arange(5), 20).reshape(10, 10)
    found = relabelled(raw + 1, 10)
    assert [int((found == n).sum()) for n in range(6)] == [0, 20, 20, 20, 20, 20]


def test_small_regions_lose_their_id_without_a_gap() -> None:
    regions = np.array([[0, 0, 3, 3], [7, 9, 9, 9]])
    assert relabelled(regions, 2).tolist() == [[0, 0, 1, 1], [0, 2, 2, 2]]


def test_no_draw_is_ever_an_empty_mask() -> None:
    regions = superpixels_of_slice(picture(2), SMALL, 50.0001)
    slices = [TrainingSlice(np.zeros((128, 128), np.float32), regions, int(regions.max()))]
    still = ViewRange(AffineRange(0, 0, 0, (1, 1)), ElasticRange(0, 1), (1, 1))
    seen = set()
    for seed in range(30):
        drawn = draw_episodes(slices, 1, 5, still, torch.Generator().manual_seed(seed))
        areas = drawn.support_masks.sum((2, 3))
        assert (areas > 0).all()
        seen |= {int(a) for a in areas.flatten()}
    assert len(seen) > 20


def test_the_body_is_the_largest_bright_part_with_its_holes() -> None:
    image = np.zeros((20, 20))
    image[2:12, 2:12] = 100
    image[5:7, 5:7] = 0
    image[15:18, 15:18] = 100
    found = body(image, 50)
    assert found[2:12, 2:12].all() and found.sum() == 100
    assert not body(np.zeros((4, 4)), 50).any()
    # Reached from a corner only: four-connected, as the largest component is taken.
    assert body(np.array([[9, 0], [0, 9]]), 5).sum() == 1


@pytest.mark.parametrize("foreground", ["otsu", "triangle"])
def test_the_body_is_found_on_any_scale(foreground: str) -> None:
    image = picture(3)
    same = [
        superpixels_of_scan((np.stack([image * factor]), SuperpixelRule(foreground=foreground))) > 0
        for factor in (1.0, 0.001)
    ]
    assert np.mean(same[0] == same[1]) > 0.97 and same[0].any()
    flat = np.zeros((1, 256, 256), np.float32)
    assert not superpixels_of_scan((flat, SuperpixelRule(foreground=foreground))).any()


def test_the_triangle_level_keeps_dark_organs_where_otsu_leaves_them_out() -> None:
    """Three populations as in fat-free MR: much dark air, a body of dark organs, and few bright ones."""
    rng = np.random.default_rng(0)
    slices = rng.normal(20, 5, (2, 256, 256))
    slices[:, 64:192, 64:192] = rng.normal(120, 20, (2, 128, 128))
    slices[:, 80:110, 80:110] = rng.normal(900, 30, (2, 30, 30))
    slices = np.clip(slices, 0, None).astype(np.float32)
    assert body_level(slices, SuperpixelRule(foreground="otsu")) > 200
    assert 30 < body_level(slices, SuperpixelRule(foreground="triangle")) < 80
    assert body_level(slices, SuperpixelRule()) == 50.0001


@pytest.mark.parametrize("size", [128, 256])
def test_masks_of_ids(size: int) -> None:
    regions = np.zeros((256, 256), np.uint16)
    regions[:100, :50], regions[200:, 10:11] = 2, 65535
    masks = masks_of(regions, [2, 65535], size)
    factor = (256 // size) ** 2
    assert masks.shape == (2, size, size)
    assert masks.sum((1, 2)).mul(factor).tolist() == [5000, 56]
