"""Preprocessing and the way back: identity where nothing is resampled, exact geometry elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from sagittal_plugins.cowpro.volume import (
    Axis,
    Preparation,
    cropped,
    frame_of,
    grey,
    pool_plane,
    resampled,
    sample,
)


@dataclass
class Scan:
    voxels: np.ndarray[Any, Any]
    spacing: tuple[float, float, float] = (1.25, 1.25, 7.7)
    masks: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    id: str = "a"
    subject: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)

    def image(self) -> np.ndarray[Any, Any]:
        return self.voxels

    def labels(self) -> dict[str, np.ndarray[Any, Any]]:
        return self.masks


def test_a_scan_of_the_published_grid_is_only_clipped_and_normalised() -> None:
    voxels = np.random.default_rng(0).gamma(2, 100, (256, 256, 3)).astype(np.float32)
    prepared = Preparation(256).prepare(Scan(voxels))
    ceiling = np.percentile(voxels, 99.5)
    clipped = np.minimum(voxels, ceiling)
    literal = (clipped - clipped.mean()) / clipped.std()
    assert np.allclose(prepared.slices, np.moveaxis(literal, 2, 0), atol=1e-4)
    assert prepared.slices.mean() == pytest.approx(0, abs=1e-4) and prepared.slices.std() == pytest.approx(1, abs=1e-3)
    back = prepared.frame.backward(prepared.slices, 0.0)
    assert np.allclose(back, literal, atol=1e-4)


def test_half_resolution_is_the_mean_of_four_pixels() -> None:
    voxels = np.random.default_rng(1).random((256, 256, 2), dtype=np.float32)
    full, half = Preparation(256).prepare(Scan(voxels)), Preparation(128).prepare(Scan(voxels))
    literal = full.slices.reshape(2, 128, 2, 128, 2).mean((2, 4))
    assert np.allclose(half.slices, literal, atol=1e-5)
    assert half.frame.x == Axis(0.5, 2.0, 128, 256)


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((200, 180, 20), (1.25, 1.25, 7.7)), ((300, 310, 9), (0.9, 1.4, 5.0)), ((64, 80, 30), (3.0, 2.0, 10.0))],
)
def test_a_linear_ramp_comes_back_exactly(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], size: int
) -> None:
    x, y, z = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij")
    ramp = 2 * x + 3 * y - 5 * z
    frame = frame_of(shape, spacing, pixel_mm=1.25, slice_mm=7.7)
    prepared = pool_plane(frame.forward(ramp, 0.0), 256 // size)
    back = frame.pooled(256 // size).backward(prepared, np.nan)
    # Linear interpolation reproduces a ramp wherever no border takes part.
    core = tuple(slice(int(n * 0.2) + 1, n - int(n * 0.2) - 1) for n in shape)
    inside = back[core][~np.isnan(back[core])]
    assert len(inside) > 0
    assert np.allclose(inside, ramp[core][~np.isnan(back[core])], atol=2e-2)


def test_what_the_crop_leaves_out_is_filled() -> None:
    frame = frame_of((300, 40, 2), (1.25, 1.25, 7.7), pixel_mm=1.25, slice_mm=7.7)
    prepared = frame.forward(np.ones((300, 40, 2), np.float32), -7.0)
    assert prepared.shape == (2, 256, 256)
    assert (prepared[:, :, 108:148] == 1).all() and (prepared[:, :, :108] == -7).all()
    back = frame.backward(prepared, -3.0)
    assert back.shape == (300, 40, 2)
    assert (back[:22] == -3).all() and (back[22:278] == 1).all() and (back[278:] == -3).all()


def test_some_slices_come_back_as_all_do() -> None:
    frame = frame_of((30, 40, 21), (2.0, 2.0, 5.0), pixel_mm=1.25, slice_mm=7.7)
    prepared = np.random.default_rng(2).random((frame.z.size, 256, 256), dtype=np.float32)
    wanted = np.array([3, 11, 20])
    assert np.array_equal(frame.backward(prepared, 0.0, wanted), frame.backward(prepared, 0.0)[:, :, wanted])


def test_the_middle_of_a_scan_stays_the_middle() -> None:
    for length, spacing, target in [(100, 1.0, 1.25), (41, 3.3, 7.7), (512, 0.7, 1.25)]:
        axis = resampled(length, spacing, target)
        assert axis.voxels().mean() == pytest.approx((length - 1) / 2)
        assert axis.size == round(length * spacing / target)
        assert np.allclose(axis.cells(axis.voxels()), np.arange(axis.size))
    assert cropped(Axis(0, 1, 300, 300), 256).start == 22
    assert cropped(Axis(0, 1, 100, 100), 256).start == -78


def test_sampling_interpolates_linearly() -> None:
    values = np.array([0.0, 10.0, 20.0], np.float32)
    at = np.array([-0.6, -0.5, 0, 0.25, 1.5, 2.4, 2.6])
    assert sample(values, 0, at, -1.0).tolist() == [-1, 0, 0, 2.5, 15, 20, -1]


def test_support_slices_are_prepared_like_the_scan() -> None:
    voxels = np.random.default_rng(3).random((200, 220, 6), dtype=np.float32)
    mask = np.zeros(voxels.shape, bool)
    mask[60:100, 80:160, 2:4] = True
    scan = Scan(voxels, masks={"organ": mask})
    preparation = Preparation(128)
    prepared = preparation.prepare(scan)
    assert np.allclose(prepared.native_slices(scan, (1, 4)), prepared.slices[[1, 4]], atol=1e-5)
    shares = prepared.native_masks(mask, (2, 5))
    assert shares[0].sum() * 4 == pytest.approx(40 * 80) and shares[1].sum() == 0
    classes = preparation.classes(scan, preparation.frame(scan))
    assert [int(plane.sum()) for plane in classes["organ"]] == [0, 0, 3200, 3200, 0, 0]


def test_colours_become_grey() -> None:
    colour = np.zeros((2, 2, 1, 3))
    colour[..., 0] = 3
    assert np.array_equal(grey(colour), np.ones((2, 2, 1), np.float32))


def test_an_empty_scan_does_not_divide_by_zero() -> None:
    assert np.isfinite(Preparation().prepare(Scan(np.zeros((16, 16, 2), np.float32))).slices).all()
