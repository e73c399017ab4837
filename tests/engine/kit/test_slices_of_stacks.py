"""Slices without a header, in the plane that their data set names."""

from pathlib import Path

import numpy as np
import pytest

from sagittal_engine import imaging
from sagittal_engine.imaging.slice_stack import KINDS
from sagittal_engine.kit.slices import as_stack


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_planes_are_cut_as_they_were_stored(tmp_path: Path, plane: str):
    stored = np.random.default_rng(0).integers(0, 255, (4, 6, 5)).astype(np.uint8)
    np.save(tmp_path / "0000.npy", stored, allow_pickle=False)
    volume = imaging.read(imaging.Source(KINDS[plane], (tmp_path / "0000.npy",), "0000"))
    stack = np.asarray(as_stack(volume.data, plane))
    # The order of slices is not known; rows and columns are.
    assert (stack == stored).all() or (stack == stored[::-1]).all()
