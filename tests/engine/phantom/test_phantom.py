"""The synthetic cohort: deterministic, plausible where it can be measured, and stored as two scanners would."""

import dataclasses
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from sagittal_engine import phantom


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    phantom.generate(folder, subjects=2, seed=3)
    return folder


@pytest.fixture(scope="module", params=[0, 1])
def subject(request: pytest.FixtureRequest):
    return phantom.make_subject(np.random.default_rng([5, request.param]), phantom.SCANNERS[request.param])


def centre(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    return affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + affine[:3, 3]


def test_organs_lie_on_their_sides(subject):
    _, labels, affine = subject
    middle = centre(labels > -1, affine)
    x = {n: centre(labels == n, affine)[0] - middle[0] for n in phantom.LABELS}
    assert x[1] > 20 and x[2] > 30 and x[3] < -30 and x[4] < -40
    assert centre(labels == 1, affine)[2] > centre(labels == 2, affine)[2]


def test_organs_have_human_sizes_and_one_part_each(subject):
    from scipy import ndimage

    _, labels, affine = subject
    millilitres = abs(np.linalg.det(affine[:3, :3])) / 1000
    for number, (least, most) in {1: (500, 2200), 2: (60, 320), 3: (60, 320), 4: (30, 500)}.items():
        assert least < (labels == number).sum() * millilitres < most, phantom.LABELS[number]
        assert ndimage.label(labels == number)[1] == 1


def test_contrast_is_that_of_fat_suppressed_t2(subject):
    image, labels, _ = subject
    mean = {n: image[labels == n].mean() for n in range(5)}
    assert all(mean[n] > 1.2 * mean[1] for n in (2, 3, 4))
    assert mean[1] > 2 * mean[0]
    assert image[:6, :6].mean() < 0.35 * mean[1]


def test_background_noise_is_rician(subject):
    """Without signal a Rician magnitude is Rayleigh: its mean over its deviation is sqrt(pi / (4 - pi)) = 1.91."""
    image, _, _ = subject
    corner = image[:8, :8].astype(float)
    assert corner.mean() / corner.std() == pytest.approx(1.91, rel=0.12)


def test_same_seed_same_voxels_other_seed_other_voxels():
    coarse = {"shape": (64, 56), "spacing": (5.5, 5.7, 14.0), "slices": (14, 16)}
    scanner = dataclasses.replace(phantom.SCANNERS[0], **coarse)
    first, again, other = (phantom.make_subject(np.random.default_rng(s), scanner) for s in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert first[0].shape != other[0].shape or (first[0] != other[0]).any()


def test_files_say_their_scanner_and_orientation(cohort: Path):
    images = [nib.load(cohort / f"image_0{n}.nii.gz") for n in (1, 2)]
    assert ["".join(nib.aff2axcodes(image.affine)) for image in images] == ["LAS", "RAS"]
    assert images[0].header.get_zooms() != images[1].header.get_zooms()
    for n, image in enumerate(images, start=1):
        labels = nib.load(cohort / f"label_0{n}.nii.gz")
        assert np.array_equal(labels.affine, image.affine) and labels.shape == image.shape
        assert b"synthetic" in image.header["descrip"].item()
        x = {k: (image.affine[:3, :3] @ np.argwhere(labels.get_fdata() == k).mean(axis=0))[0] for k in (1, 4)}
        assert x[1] > x[4]


def test_a_subject_does_not_depend_on_how_many_follow(cohort: Path, tmp_path: Path):
    phantom.generate(tmp_path, subjects=1, seed=3)
    assert (tmp_path / "image_01.nii.gz").read_bytes() == (cohort / "image_01.nii.gz").read_bytes()


def test_cancel_takes_effect_between_subjects(tmp_path: Path):
    def boundary() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        phantom.generate(tmp_path, subjects=2, boundary=boundary)
    assert not list(tmp_path.glob("*.nii.gz"))


def test_no_subject_is_no_cohort(tmp_path: Path):
    with pytest.raises(ValueError, match="at least one"):
        phantom.generate(tmp_path, subjects=0)
