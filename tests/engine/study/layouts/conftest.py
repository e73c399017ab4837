"""Published data sets in miniature: their folders and names as they are given out, with tiny images in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from sagittal_engine.study import Study

SIZE = (24, 20)
"""Columns and rows of a photograph."""


class Maker:
    """Writes tiny files, each a function of its seed."""

    def scan(self, path: Path, seed: int = 0, shape: tuple[int, ...] = (6, 5, 4)) -> Path:
        """A NIfTI image of random intensities."""
        return self._nifti(path, np.random.default_rng(seed + 1).integers(0, 900, shape).astype(np.int16))

    def labels(self, path: Path, numbers: tuple[int, ...], seed: int = 0) -> Path:
        """A NIfTI label map that has every one of `numbers`."""
        data = np.random.default_rng(seed + 100).choice([0, *numbers], (6, 5, 4)).astype(np.int16)
        data.flat[: len(numbers)] = numbers
        return self._nifti(path, data)

    def mhd(self, path: Path, data: np.ndarray) -> Path:
        """A MetaImage header with its raw data; `data` is (Z, Y, X)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(data), str(path))
        return path

    def photo(self, path: Path, seed: int, size: tuple[int, int] = SIZE) -> Path:
        """A colour picture of `size` (columns, rows)."""
        pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
        return self.picture(path, pixels)

    def picture(self, path: Path, pixels: np.ndarray) -> Path:
        """A picture of (rows, columns), or with colours behind."""
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        return path

    def array(self, path: Path, seed: int = 0, shape: tuple[int, int, int] = (4, 6, 5)) -> Path:
        """A stack of slices as .npy."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8), allow_pickle=False)
        return path

    def disc_and_cup(self, size: tuple[int, int] = SIZE, at: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
        """bool (rows, columns): a disc, and the cup within it."""
        rows, columns = np.mgrid[: size[1], : size[0]]
        away = np.hypot(rows - size[1] / 2, columns - size[0] * at)
        return away < 6, away < 3

    @staticmethod
    def _nifti(path: Path, data: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = nib.Nifti1Image(data, np.diag([-2.0, 2.0, 3.0, 1.0]))
        image.header.set_xyzt_units("mm")
        nib.save(image, path)
        return path


@pytest.fixture
def make() -> Maker:
    return Maker()


@pytest.fixture
def bring(study: Study) -> Callable[..., dict]:
    """Imports a folder into the test's study and checks that every file of it is in the report."""

    def bring(folder: Path, **options: object) -> dict:
        report = study.import_paths([folder], **options)
        told = {f for entry in report["imported"] for f in entry["files"]} | {r["path"] for r in report["refused"]}
        assert {str(path) for path in folder.rglob("*") if path.is_file()} <= told
        return report

    return bring


@pytest.fixture
def scans(study: Study) -> Callable[[], dict]:
    """The study's scans by name."""
    return lambda: {scan.name: scan for scan in study.facts().scans}
