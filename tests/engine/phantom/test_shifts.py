"""Simulated changes of camera and scanner."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sagittal_engine.phantom.shifts import NONE, SHIFTS, ShiftedScan, shifted


def image(colour=False):
    rng = np.random.default_rng(0)
    return rng.uniform(20, 200, (24, 20, 3, 3) if colour else (24, 20, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", [kind for kind in SHIFTS if kind != NONE])
def test_every_shift_keeps_shape_and_range_and_grows_with_its_strength(kind):
    given = image(colour=kind == "colour")
    before = given.copy()
    weak, strong = (shifted(given, kind, s, np.random.default_rng(1)) for s in (0.2, 1.0))
    assert np.array_equal(given, before), "the image is not written to"
    for view in (weak, strong):
        assert view.shape == given.shape and view.dtype == np.float32
        assert given.min() - 1e-3 <= view.min() and view.max() <= given.max() + 1e-3
    assert np.abs(strong - given).mean() > np.abs(weak - given).mean() > 0
    assert np.array_equal(shifted(given, kind, 0.0, np.random.default_rng(1)), given)


def test_definitions():
    given = np.linspace(0, 1, 5, dtype=np.float32).reshape(5, 1, 1)
    assert np.allclose(shifted(given, "gamma", 1.0, np.random.default_rng(0)).ravel(), np.linspace(0, 1, 5) ** 2.5)
    bright = np.stack([np.zeros((2, 2, 1)), np.full((2, 2, 1), 0.5), np.ones((2, 2, 1))], -1).astype(np.float32)
    cast = shifted(bright, "colour", 1.0, np.random.default_rng(0))
    assert np.allclose(cast[0, 0, 0], [0.0, 0.45, 0.5])
    flat = np.full((9, 9, 1), 1.0, np.float32)
    flat[0, 0, 0] = 0.0
    lit = shifted(flat, "illumination", 1.0, np.random.default_rng(0))
    assert lit[-1, -1, 0] == pytest.approx(1.0) and lit[0, 1, 0] == pytest.approx(0.2 + 0.8 / 16)


def test_a_shifted_scan_is_a_scan_of_its_own_with_the_same_truth():
    scan = SimpleNamespace(
        id="ab", subject="s", spacing=(1.0, 1.0, 1.0), meta={"domain": "A"}, image=image, labels=lambda: {"liver": 1}
    )
    one, two, other = (ShiftedScan(scan, "noise", 0.5, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.image(), two.image()) and not np.array_equal(one.image(), other.image())
    assert one.id == two.id != other.id != scan.id and one.labels() == {"liver": 1} and one.meta == scan.meta


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="must be one of"):
        shifted(image(), "rain", 1.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="not be negative"):
        shifted(image(), "gamma", -1.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="needs a colour picture"):
        shifted(image(), "colour", 1.0, np.random.default_rng(0))
    flat = np.ones((4, 4, 1), np.float32)
    assert np.array_equal(shifted(flat, "noise", 1.0, np.random.default_rng(0)), flat)
