"""Label maps of another grid: found by a look, drawn over the scan, resampled only where that was allowed."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from sagittal.facts import OtherGrid
from sagittal_engine.study import Study
from sagittal_engine.study.looking import look_through
from sagittal_engine.study.other_grids import resampled


@pytest.fixture
def folder(tmp_path: Path, image, label) -> Path:
    """An image, its label map twice as fine within the slices, and a second pair on one grid."""
    image(tmp_path / "d" / "image_1.nii.gz")
    affine = np.diag([-1.0, 1.0, 3.0, 1.0])
    affine[:3, 3] = [0.5, -0.5, 0.0]
    label(tmp_path / "d" / "label_1.nii.gz", shape=(12, 10, 4), affine=affine)
    image(tmp_path / "d" / "image_2.nii.gz", seed=1)
    label(tmp_path / "d" / "label_2.nii.gz", seed=1)
    return tmp_path / "d"


def look(*paths: Path, **given: object) -> list[OtherGrid]:
    return look_through(paths, lambda *_: None, lambda: None, **given)["other_grids"]


def test_a_look_tells_which_and_how_they_differ(folder: Path):
    (found,) = look(folder)
    assert (found.name, found.files) == ("image_1", (str(folder / "label_1.nii.gz"),))
    assert "12 × 10 × 4" in found.difference
    (by_hand,) = look(folder / "image_2.nii.gz", labels=[folder / "label_1.nii.gz"])
    assert by_hand.image_files == (str(folder / "image_2.nii.gz"),)


def test_the_picture_is_what_an_import_makes_of_it(folder: Path, study: Study):
    (found,) = look(folder)
    made = resampled(found)
    assert made.edges == ("RLAP", "RLSI", "APSI") and made.unit == "ml"
    assert all(plane.dtype == np.uint8 and plane.shape[2] == 3 and max(plane.shape) == 320 for plane in made.planes)
    report = study.import_paths([folder], resample=[folder / "label_1.nii.gz"])
    scan = next(row["scan"] for row in report["imported"] if row["name"] == "image_1")
    data = np.asarray(study.labels(scan, "truth").data)
    voxel = float(np.prod(study.scan(scan).spacing)) / 1000
    for row, _, after in made.volumes:
        assert after == pytest.approx((data == row.number).sum() * voxel)
    # The axial picture lies as a radiologist reads it: right at the left, front above.
    at = int(np.argmax((data > 0).sum(axis=(0, 1))))
    wanted = (data[:, :, at] > 0)[::-1, ::-1].T
    rows, columns, _ = made.planes[0].shape
    coloured = np.ptp(made.planes[0].astype(int), axis=2) > 0
    for y, x in np.ndindex(wanted.shape):
        at = int((y + 0.5) * rows / wanted.shape[0]), int((x + 0.5) * columns / wanted.shape[1])
        assert coloured[at] == wanted[y, x]


def test_one_that_may_not_be_resampled_is_left_out_and_said_so(folder: Path, study: Study):
    report = study.import_paths([folder], resample=[])
    (refused,) = report["refused"]
    assert refused["path"] == str(folder / "label_1.nii.gz")
    assert "lies on another grid than its image and was not to be resampled. The label map has" in refused["reason"]
    sets = {row["name"]: [one["set"] for one in row["labels"]] for row in report["imported"]}
    assert sets == {"image_1": [], "image_2": ["truth"]}
    assert any("left out: it lies on another grid" in said for said in study.facts().scans[0].warnings)


def test_an_empty_map_has_no_sizes(tmp_path: Path, image, label):
    image(tmp_path / "image_1.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4)), tmp_path / "label_1.nii.gz")
    (found,) = look(tmp_path)
    assert resampled(found).volumes == ()
