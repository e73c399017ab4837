"""Tiny scans on disk, and studies of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from sagittal_engine.study import Study

SHAPE = (6, 5, 4)


def write_nifti(path: Path, data: np.ndarray, affine: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, np.diag([-2.0, 2.0, 3.0, 1.0]) if affine is None else affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


@pytest.fixture
def image() -> Callable[..., Path]:
    """Writes an image of random intensities, a function of `seed`."""

    def make(path: Path, seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> Path:
        return write_nifti(path, np.random.default_rng(seed).integers(0, 900, shape).astype(np.int16))

    return make


@pytest.fixture
def label() -> Callable[..., Path]:
    """Writes a label map with two labels, a function of `seed`."""

    def make(path: Path, seed: int = 0, shape: tuple[int, int, int] = SHAPE, affine: np.ndarray | None = None) -> Path:
        return write_nifti(path, np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8), affine)

    return make


@pytest.fixture
def spare(tmp_path: Path) -> Path:
    """Where this test's studies put what their own disk does not take."""
    return tmp_path / "user_data" / "rescued"


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    with Study.create(tmp_path / "study") as made:
        yield made


@pytest.fixture
def scan(study: Study, tmp_path: Path, image: Callable[..., Path], label: Callable[..., Path]) -> str:
    """The id of one imported scan with a truth."""
    image(tmp_path / "data" / "image_1.nii.gz")
    label(tmp_path / "data" / "label_1.nii.gz")
    report = study.import_paths([tmp_path / "data"])
    return report["imported"][0]["scan"]
