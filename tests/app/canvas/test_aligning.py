"""Oblique scans resampled along the patient's axes: every voxel is where it was in the patient, compared with scipy."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import SHAPE, loan

from sagittal.engine_port import SagittalError
from sagittal_app.canvas import aligning
from sagittal_app.canvas.geometry import from_millimetres, is_oblique, to_millimetres


def turned(seed: int, order: str, dtype: type) -> object:
    """A scan of smooth noise, turned about two axes."""
    rng = np.random.default_rng(seed)
    data = ndimage.gaussian_filter(rng.normal(0, 1, SHAPE), 2) * 3000 + 500
    a, b = rng.uniform(0.1, 0.6, 2)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    scan = loan()
    affine = scan.affine.copy()
    affine[:3, :3] = turn @ affine[:3, :3]
    return replace(scan, data=np.asarray(data, dtype=dtype, order=order), affine=affine)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_intensities_are_interpolated_where_they_were(order: str, dtype: type) -> None:
    scan = turned(5, order, dtype)
    made = aligning.aligned(scan)
    assert is_oblique(scan.affine) and not is_oblique(made.affine)
    assert made.data.dtype == dtype and not made.data.flags.writeable
    assert made.scan != scan.scan and made.spacing == scan.spacing
    turn = np.linalg.inv(scan.affine) @ made.affine
    expected = ndimage.affine_transform(
        scan.data.astype(float), turn[:3, :3], turn[:3, 3], output_shape=made.data.shape, order=1, cval=np.nan
    )
    inside = np.isfinite(expected)
    assert np.count_nonzero(inside) > 0.8 * scan.data.size
    assert np.abs(made.data[inside] - expected[inside]).max() <= 0.5 + 1e-2


def test_all_of_the_scan_is_in_the_box() -> None:
    scan = turned(6, "C", np.int16)
    made = aligning.aligned(scan)
    for corner in ((0, 0, 0), (SHAPE[0] - 1, 0, SHAPE[2] - 1), tuple(n - 1 for n in SHAPE)):
        voxel = from_millimetres(made.affine, to_millimetres(scan.affine, corner))
        assert all(-0.5 <= v <= n - 0.5 for v, n in zip(voxel, made.data.shape, strict=True))


def test_labels_take_the_nearest_and_none_is_made_up() -> None:
    scan = turned(7, "C", np.int16)
    labels = np.zeros(SHAPE, np.uint16)
    labels[10:25, 8:20, 3:9], labels[12, 10, 5] = 3, 700
    made = aligning.aligned_labels(labels, scan.affine, aligning.aligned(scan))
    assert set(np.unique(made)) <= {0, 3, 700} and np.count_nonzero(made == 3) == pytest.approx(15 * 12 * 6, rel=0.05)


def test_a_colour_scan_keeps_its_channels() -> None:
    scan = turned(8, "C", np.int16)
    colour = replace(scan, data=np.stack([scan.data, scan.data // 2, scan.data * 0], -1).clip(0, 255).astype(np.uint8))
    made = aligning.aligned(colour)
    assert made.data.shape[3] == 3 and not made.data[..., 2].any() and made.data[..., 0].any()


def test_a_copy_that_would_not_fit_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aligning, "LARGEST", 1000)
    with pytest.raises(SagittalError, match="too many"):
        aligning.aligned(turned(9, "C", np.int16))
