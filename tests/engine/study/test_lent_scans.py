"""Scans as methods see them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from sagittal.facts import ScanFacts
from sagittal_engine.data import ArrayCache, StudyScan


def lent(data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    study = SimpleNamespace(volume=lambda scan: SimpleNamespace(data=data))
    facts = ScanFacts("s", "s", "", "", "nifti", data.shape, (1.0, 1.0, 1.0), "RAS")
    return StudyScan(study, facts, "truth", ArrayCache(1 << 20)).image()  # type: ignore[arg-type]


def test_voxels_that_are_no_number_are_zero_as_the_import_report_says() -> None:
    odd = np.full((4, 5, 6), -1000, np.float32)
    odd[0, 0, :3] = np.nan, np.inf, -np.inf
    found = lent(odd)
    assert found[0, 0].tolist() == [0, 0, 0, -1000, -1000, -1000]
    assert np.isnan(odd[0, 0, 0]), "what was read stays as it is"
    assert found.dtype == np.float32 and found.flags.c_contiguous and not found.flags.writeable


def test_great_values_are_numbers() -> None:
    assert lent(np.full((4, 4, 4), 3e38, np.float32)).min() > 2.9e38
