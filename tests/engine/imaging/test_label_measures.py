"""Volumes and surfaces of labels, against shapes whose size is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sagittal.facts import Label
from sagittal_engine.imaging import ImagingError, Source, probe
from sagittal_engine.imaging.exporters import measures

Save = Callable[..., Path]


def ball(shape: tuple[int, int, int], spacing: tuple[float, float, float], radius: float) -> np.ndarray:
    """A ball around the middle, radius in millimetres."""
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), axis=-1)
    apart = (grid - (np.array(shape) - 1) / 2) * spacing
    return (apart**2).sum(axis=-1) <= radius**2


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.0)])
def test_a_ball(spacing: tuple[float, float, float], save_nifti: Save) -> None:
    shape = (60, 60, 46 if spacing[2] == 1 else 24)
    path = save_nifti(np.zeros(shape, np.int16), np.diag([-spacing[0], spacing[1], spacing[2], 1]))
    header = probe(Source("nifti", (path,), "scan"))
    labels = np.where(ball(shape, spacing, 18.0), 3, 0).astype(np.uint16)
    none, found = measures.measure(labels, [Label(1, "none", "#000000"), Label(3, "ball", "#000000")], header)
    assert (none.voxels, none.volume, none.surface) == (0, 0.0, 0.0)
    assert found.voxels == np.count_nonzero(labels)
    assert found.volume == pytest.approx(4 / 3 * np.pi * 18**3 / 1000, rel=0.01)
    assert found.surface == pytest.approx(4 * np.pi * 18**2 / 100, rel=0.02)


def test_what_touches_the_border_of_the_scan_ends_there(save_nifti: Save) -> None:
    path = save_nifti(np.zeros((10, 10, 10), np.int16), np.eye(4))
    header = probe(Source("nifti", (path,), "scan"))
    whole = measures.measure(np.ones((10, 10, 10), np.uint16), [Label(1, "all", "#000000")], header)[0]
    assert whole.volume == pytest.approx(1.0)
    # Crofton's lines see a little less than the 6 cm² of a small cube's flat faces.
    assert whole.surface == pytest.approx(6.0, rel=0.15)


def test_slanted_voxels_have_a_volume_and_no_surface(save_nifti: Save) -> None:
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[1, 2] = 1.5
    header = probe(Source("nifti", (save_nifti(np.zeros((4, 4, 4), np.int16), affine),), "scan"))
    found = measures.measure(np.ones((4, 4, 4), np.uint16), [Label(1, "all", "#000000")], header)[0]
    assert found.volume == pytest.approx(64 * 3 / 1000) and found.surface is None


def test_voxels_are_counted_a_second_time(save_nifti: Save) -> None:
    header = probe(Source("nifti", (save_nifti(np.zeros((4, 5, 6), np.int16), np.eye(4)),), "scan"))
    labels = np.zeros((4, 5, 6), np.uint16)
    labels[1:3, 1:3, 1:3] = 2
    found = measures.measure(labels, [Label(1, "liver", "#000000"), Label(2, "spleen", "#000000")], header)
    assert measures.miscounted(found, labels) == []
    labels[0, 0, 0] = 2
    assert measures.miscounted(found, labels) == ["'spleen' was measured with 8 voxels, and has 9."]


def test_a_number_without_a_name_is_refused(save_nifti: Save) -> None:
    header = probe(Source("nifti", (save_nifti(np.zeros((4, 5, 6), np.int16), np.eye(4)),), "scan"))
    with pytest.raises(ImagingError, match="Label 5 occurs"):
        measures.measure(np.full((4, 5, 6), 5, np.uint16), [Label(1, "liver", "#000000")], header)
