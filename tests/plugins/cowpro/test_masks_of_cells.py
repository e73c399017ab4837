"""From margins of cells to the scan's grid, against the plain way: enlarge every slice, then interpolate the volume."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sagittal_plugins.cowpro.masks import to_scan
from sagittal_plugins.cowpro.volume import enlarging, frame_of, pool_plane


@pytest.mark.parametrize(("size", "side"), [(128, 32), (256, 32), (256, 64)])
@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((90, 70, 21), (2.0, 2.5, 3.0)), ((340, 60, 5), (1.25, 1.25, 7.7)), ((330, 300, 9), (0.9, 1.3, 12.0))],
)
def test_margins_come_back_as_enlarged_and_interpolated(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], size: int, side: int
) -> None:
    frame = frame_of(shape, spacing, pixel_mm=1.25, slice_mm=7.7).pooled(256 // size)
    rng = np.random.default_rng(4)
    cells = (rng.standard_normal((frame.z.size, side, side)) * 4).astype(np.float32)
    looked_at = rng.random(frame.z.size) > 0.3
    cells[~looked_at] = -20
    large = F.interpolate(torch.from_numpy(cells).unsqueeze(0), size=(size, size), mode="bilinear")[0].numpy()
    margin = frame.backward(large, -20.0)
    mask, confidence, entropy = to_scan(cells, looked_at, frame, -20.0)
    seen = looked_at[np.clip(np.round(frame.z.cells()).astype(int), 0, frame.z.size - 1)]
    clear = np.abs(margin) > 1e-4
    assert mask.shape == shape and not mask[:, :, ~seen].any()
    assert np.array_equal(mask[:, :, seen][clear[:, :, seen]], (margin > 0)[:, :, seen][clear[:, :, seen]])
    assert np.array_equal(np.isnan(confidence), ~seen)
    for z in np.flatnonzero(seen):
        front = margin[:, :, z][margin[:, :, z] > 0]
        expected = (2 / (1 + np.exp(-front.astype(float))) - 1).mean() if front.size else 0.0
        assert confidence[z] == pytest.approx(expected, abs=1e-3)
        p = 1 / (1 + np.exp(-margin[:, :, z].astype(float)))
        p = p[p >= 0.05]
        bits = float(np.mean(-p * np.log2(p) - (1 - p) * np.log2(1 - p))) if p.size else 0.0
        assert entropy[z] == pytest.approx(bits, abs=1e-3)
    assert np.array_equal(np.isnan(entropy), ~seen)


def test_weights_of_a_voxel_sum_to_one_or_the_crop_left_it_out() -> None:
    axis = frame_of((340, 60, 5), (1.25, 1.25, 7.7), pixel_mm=1.25, slice_mm=7.7).x
    total = enlarging(32, axis).sum(1)
    left_out = np.zeros(340, bool)
    left_out[:42] = left_out[298:] = True
    assert np.allclose(total, np.where(left_out, 0, 1), atol=1e-6)


def test_pooling_takes_means_of_squares() -> None:
    values = np.random.default_rng(5).random((3, 12, 8), dtype=np.float32)
    literal = values.reshape(3, 3, 4, 2, 4).mean((2, 4))
    assert np.allclose(pool_plane(values, 4), literal, atol=1e-6)
    assert pool_plane(values, 1) is values
