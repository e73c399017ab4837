"""What the fake engine finds when it looks through files: one NIfTI image a path, or series of a "disc"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.facts import SeriesFacts


def disc(folder: Path) -> list[SeriesFacts]:
    """Three series of one person, one with a warning."""
    kinds = (("MR T1", 24, ()), ("MR T2", 30, ("The distances between slices are uneven.",)), ("MR localizer", 3, ()))
    return [
        SeriesFacts(
            name, "dicom", tuple(str(folder / f"{name}{n}") for n in range(slices)), "P-1234", "MR",
            (64, 48, slices), (1.0, 1.0, 3.0), warnings=warnings,
        )
        for name, slices, warnings in kinds
    ]  # fmt: skip


class FakeLooking:
    """A part of `FakeEngine`."""

    calls: list[tuple[str, Any]]
    _begin: Callable[..., str]

    def start_look(self, paths: Sequence[Path]) -> str:
        self.calls.append(("start_look", tuple(paths)))
        return self._begin("look", 2, tuple(paths))

    def _end_look(self, paths: tuple[Path, ...]) -> dict[str, Any]:
        series = [
            one
            for path in paths
            for one in (disc(path) if path.name == "disc" else [SeriesFacts(path.name, "nifti", (str(path),))])
        ]
        refused = [
            {"path": str(path / "notes.txt"), "reason": "It is no image."} for path in paths if path.name == "disc"
        ]
        return {"paths": [str(path) for path in paths], "series": series, "refused": refused}

    def series_thumbnail(self, series: SeriesFacts) -> np.ndarray[Any, Any]:
        rows, columns = np.mgrid[0:96, 0:72]
        return ((rows * 2 + columns * len(series.name)) % 256).astype(np.uint8)

    def patient(self, file: Path) -> str:
        return "Mustermann Erika, 4711"
