"""The vessel phantom: the same from its seed, of one piece, with small targets, and four ways of imaging it."""

from __future__ import annotations

import csv

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from sagittal_engine import phantom
from sagittal_engine.phantom.vessel_cohort import ANEURYSM, VESSEL

SITES = phantom.INSTITUTIONS


def subject(number, site=0):
    return phantom.make_vessel_subject(np.random.default_rng([0, number, 1]), SITES[site])


@pytest.fixture(scope="module")
def one_of_each():
    """The same tree imaged everywhere."""
    return [subject(3, site) for site in range(len(SITES))]


def test_the_same_seed_gives_the_same_voxels():
    for a, b in zip(subject(1), subject(1), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(subject(1)[0], subject(2)[0])


@pytest.mark.parametrize("number", range(1, 7))
def test_a_tree_is_of_one_piece_and_bulges_are_small_parts_of_it(number):
    _, labels, affine = subject(number, (number - 1) % len(SITES))
    assert ndimage.label(labels > 0, np.ones((3, 3, 3)))[1] == 1
    voxel = abs(np.linalg.det(affine[:3, :3]))
    vessel, aneurysm = ((labels == n).sum() * voxel for n in (VESSEL, ANEURYSM))
    assert 300 < vessel < 4000 and 20 < aneurysm < 900, "cubic millimetres"
    beside = ndimage.binary_dilation(labels == ANEURYSM) & (labels == VESSEL)
    assert beside.any(), "a bulge grows on a vessel"
    assert (labels > 0).mean() < 0.06, "small targets"


def test_institutions_differ_in_resolution_contrast_noise_and_law(one_of_each):
    assert len({site.spacing for site in SITES}) == 4 and len({site.law for site in SITES}) == 4
    contrast, noise = [], []
    for image, labels, _ in one_of_each:
        solid = ndimage.binary_erosion(labels > 0)
        around = ndimage.binary_dilation(labels > 0, iterations=3) & (labels == 0)
        contrast.append(image[solid].mean() / image[around].mean())
        smooth = ndimage.uniform_filter(image.astype(float), 3)
        noise.append(np.std((image - smooth)[labels == 0]) / image[solid].mean())
    assert all(1.1 < c < 6 for c in contrast), contrast
    assert noise[3] > 1.3 * noise[0] and len({round(c, 1) for c in contrast}) == 4, (noise, contrast)


def test_bone_outshines_blood_at_one_of_them(one_of_each):
    image, labels, _ = one_of_each[2]
    assert np.percentile(image[:, :, :6], 95) > image[labels == VESSEL].mean()


def test_a_cohort_is_written_as_four_institutions_store_it(tmp_path):
    said = []
    files = phantom.generate_vessels(tmp_path, subjects=5, seed=1, progress=lambda *row: said.append(row))
    assert [path.name for path in files] == [f"image_{n:02d}.nii.gz" for n in range(1, 6)] and said[-1][:2] == (5, 5)
    rows = list(csv.DictReader((tmp_path / "meta.csv").read_text().splitlines()))
    assert [row["domain"] for row in rows] == ["A", "B", "C", "D", "A"]
    axes = ["".join(nib.aff2axcodes(nib.load(path).affine)) for path in files]
    assert axes == ["RAS", "LAS", "LPS", "RAS", "RAS"]
    again = tmp_path / "again"
    phantom.generate_vessels(again, subjects=2, seed=1)
    assert np.array_equal(
        nib.load(again / "label_02.nii.gz").get_fdata(), nib.load(tmp_path / "label_02.nii.gz").get_fdata()
    )
    with pytest.raises(ValueError, match="at least one subject; got 0"):
        phantom.generate_vessels(tmp_path, subjects=0)
