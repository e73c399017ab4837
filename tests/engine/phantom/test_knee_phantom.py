"""The knee phantom: three planes of one knee, findings where the labels say, about MRNet's shares, two scanners."""

from __future__ import annotations

import csv
import dataclasses

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from sagittal_engine import phantom
from sagittal_engine.phantom.knees_anatomy import (
    BONE,
    BRUISE,
    CARTILAGE,
    FLUID,
    LIGAMENT,
    LIGAMENT_TEAR,
    MENISCUS,
    MENISCUS_TEAR,
)
from sagittal_engine.phantom.knees_findings import SHARES, findings_of

HEALTHY = phantom.Findings(acl=False, meniscus=False, effusion=0.05, bruise=False)
INJURED = phantom.Findings(acl=True, meniscus=True, effusion=0.8, bruise=True)


def small(site):
    """The same scanner with a coarser and smaller grid, so that a test takes no seconds."""
    scanner = dataclasses.replace(site.scanner, shape=(72, 72), spacing=(1.9, 1.9, site.scanner.spacing[2]))
    return dataclasses.replace(site, scanner=scanner)


SITES = [small(site) for site in phantom.KNEE_SITES]


@pytest.fixture(scope="module")
def healthy():
    return phantom.make_knee_exam(3, findings=HEALTHY, site=SITES[0])


@pytest.fixture(scope="module")
def injured():
    return phantom.make_knee_exam(3, findings=INJURED, site=SITES[0])


def millilitres(scan, *labels):
    return np.isin(scan.labels, labels).sum() * abs(np.linalg.det(scan.affine[:3, :3])) / 1000


def centre(scan, *labels):
    """Of these labels, RAS+ mm."""
    return nib.affines.apply_affine(scan.affine, np.argwhere(np.isin(scan.labels, labels)).mean(0))


def test_the_same_seed_gives_the_same_voxels():
    one, again, other = (phantom.make_knee_exam(n, site=SITES[0])["axial"] for n in (4, 4, 5))
    assert np.array_equal(one.image, again.image) and np.array_equal(one.labels, again.labels)
    assert not np.array_equal(one.image, other.image)


def test_an_exam_is_three_planes_of_thick_slices(healthy):
    assert list(healthy) == ["sagittal", "coronal", "axial"]
    for axis, scan in enumerate(healthy.values()):
        spacing = nib.affines.voxel_sizes(scan.affine)
        assert spacing.argmax() == axis and spacing[axis] > 2 * np.delete(spacing, axis).max()
        assert 20 <= scan.image.shape[axis] <= 40
        assert scan.image.dtype == np.int16 and scan.labels.dtype == np.uint8
        assert scan.image.shape == scan.labels.shape


def test_the_planes_show_one_knee(injured):
    """Whatever the grid, things lie in the same place of the room."""
    for labels in ((LIGAMENT, LIGAMENT_TEAR), (LIGAMENT_TEAR,), (MENISCUS, MENISCUS_TEAR), (BRUISE,)):
        found = [centre(scan, *labels) for scan in injured.values()]
        assert max(np.linalg.norm(a - b) for a in found for b in found) < 5, labels


def test_findings_lie_where_the_labels_say(healthy, injured):
    torn = (LIGAMENT_TEAR, MENISCUS_TEAR, FLUID, BRUISE)
    for scan in healthy.values():
        assert not np.isin(scan.labels, torn).any()
        assert 0.8 < millilitres(scan, LIGAMENT) < 5 and 1 < millilitres(scan, MENISCUS) < 15
        assert millilitres(scan, BONE) > 100 and millilitres(scan, CARTILAGE) > 2
    for scan in injured.values():
        assert all(millilitres(scan, label) > 0.05 for label in torn)
        assert millilitres(scan, LIGAMENT_TEAR) < 6 and millilitres(scan, MENISCUS_TEAR) < 4
        assert np.linalg.norm(centre(scan, LIGAMENT_TEAR) - centre(scan, LIGAMENT, LIGAMENT_TEAR)) < 12


def test_a_tear_is_bright_in_what_is_dark(healthy, injured):
    def bright(scan, label):
        return np.median(scan.image[scan.labels == label]) / np.median(scan.image[scan.labels == BONE])

    for plane in healthy:
        assert bright(injured[plane], LIGAMENT_TEAR) > 1.8 * bright(healthy[plane], LIGAMENT), plane
        assert bright(injured[plane], MENISCUS_TEAR) > 1.5 * bright(healthy[plane], MENISCUS), plane
        assert bright(injured[plane], FLUID) > bright(injured[plane], CARTILAGE)


def test_nothing_but_findings_differs_far_from_them(healthy, injured):
    """A classifier must look at the findings: the same exam with and without is equal elsewhere."""
    a, b = healthy["sagittal"], injured["sagittal"]
    assert a.image.shape == b.image.shape and np.array_equal(a.affine, b.affine)
    far = ndimage.binary_dilation(np.isin(b.labels, (LIGAMENT, *range(LIGAMENT_TEAR, BRUISE + 1))), iterations=6)
    moved = ndimage.gaussian_filter(np.abs(a.image - b.image.astype(float)), 2)
    assert np.median(moved[~far & (a.image > 100)]) < 0.2 * np.median(moved[b.labels == LIGAMENT_TEAR])


def test_findings_come_in_about_their_shares_in_any_run_of_exams():
    for start in (1, 30):
        rows = [findings_of(n, 0).labels for n in range(start, start + 40)]
        share = {name: np.mean([row[name] == "1" for row in rows]) for name in rows[0]}
        assert share["abnormal"] == pytest.approx(1 - SHARES["nothing"], abs=0.1)
        assert share["acl"] == pytest.approx(SHARES["acl"] + SHARES["both"], abs=0.06)
        assert share["meniscus"] == pytest.approx(SHARES["meniscus"] + SHARES["both"], abs=0.06)
    assert all(row["abnormal"] == "1" for row in rows if "1" in (row["acl"], row["meniscus"]))
    sites = [{findings_of(n, 0).labels["acl"] for n in range(first, 40, 2)} for first in (1, 2)]
    assert sites == [{"0", "1"}, {"0", "1"}], "a scanner must not tell the finding"


def test_scanners_differ_in_fat_noise_and_slices():
    scans = [phantom.make_knee_exam(6, findings=HEALTHY, site=site)["coronal"] for site in SITES]
    marrow = [np.median(s.image[s.labels == BONE]) / np.median(s.image[s.labels == CARTILAGE]) for s in scans]
    assert marrow[1] > 1.2 * marrow[0]
    assert scans[0].affine[1, 1] > scans[1].affine[1, 1]
    air = [s.image[:6, :, :6].std() / np.median(s.image[s.labels == CARTILAGE]) for s in scans]
    assert air[1] > 1.2 * air[0]


def test_a_cohort_is_written_as_scanners_store_it(tmp_path):
    said = []
    files = phantom.generate_knees(tmp_path, subjects=2, seed=1, progress=lambda *row: said.append(row))
    planes = ("sagittal", "coronal", "axial")
    assert [path.name for path in files] == [f"image_{n:02d}_{p}.nii.gz" for n in (1, 2) for p in planes]
    assert said[-1][:2] == (2, 2)
    rows = list(csv.DictReader((tmp_path / "meta.csv").read_text().splitlines()))
    assert list(rows[0]) == ["scan", "subject", "exam", "plane", "scanner", "knee", "abnormal", "acl", "meniscus"]
    assert [row["plane"] for row in rows[:3]] == list(planes) and len({row["exam"] for row in rows}) == 2
    assert [nib.aff2axcodes(nib.load(path).affine)[2] for path in files[:3]] == ["R", "A", "S"]
    assert b"synthetic" in nib.load(files[0]).header["descrip"].item()
    with pytest.raises(ValueError, match="at least one subject; got 0"):
        phantom.generate_knees(tmp_path, subjects=0)
