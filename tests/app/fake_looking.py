"""What the fake engine finds when it looks through files: one NIfTI image a path, or series of a "disc"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.facts import Label, OtherGrid, Resampled, SeriesFacts


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
    _open: Callable[[], object]

    resample: tuple[Path, ...] | None = None
    """What the last import was told."""

    def start_look(self, paths: Sequence[Path], *, labels: Sequence[Path] = (), layout: str = "auto") -> str:
        self.calls.append(("start_look", tuple(paths)))
        return self._begin("look", 2, (tuple(paths), tuple(labels)))

    def start_import(
        self,
        paths: Sequence[Path],
        *,
        labels: Sequence[Path] = (),
        meta: Path | None = None,
        layout: str = "auto",
        resample: Sequence[Path] | None = None,
    ) -> str:
        self.calls.append(("start_import", (tuple(paths), tuple(labels), meta)))
        self.resample = None if resample is None else tuple(resample)
        self._open()
        return self._begin("import", 10, tuple(paths))

    def _end_look(self, given: tuple[tuple[Path, ...], tuple[Path, ...]]) -> dict[str, Any]:
        paths, labels = given
        series = [
            one
            for path in paths
            for one in (disc(path) if path.name == "disc" else [SeriesFacts(path.name, "nifti", (str(path),))])
        ]
        refused = [
            {"path": str(path / "notes.txt"), "reason": "It is no image."} for path in paths if path.name == "disc"
        ]
        return {
            "paths": [str(path) for path in paths],
            "labels": [str(path) for path in labels],
            "series": series,
            "other_grids": [
                OtherGrid(path.name, "nifti", (str(path),), "nifti", (f"{path}-{n}.nii",), "It has 3 × 3 × 3 voxels.")
                for path in paths
                if path.name.startswith("coarse")
                for n in range(2)
            ],
            "refused": refused,
        }

    def resampled(self, found: OtherGrid) -> Resampled:
        self.calls.append(("resampled", found.files))
        plane = np.full((60, 80, 3), 90, np.uint8)
        plane[20:40, 30:60] = (230, 159, 0)
        row = Label(1, "liver", "#E69F00")
        return Resampled((plane,) * 3, ("RLAP", "RLSI", "APSI"), ((row, 1500.0, 1498.04),))

    def series_thumbnail(self, series: SeriesFacts) -> np.ndarray[Any, Any]:
        rows, columns = np.mgrid[0:96, 0:72]
        return ((rows * 2 + columns * len(series.name)) % 256).astype(np.uint8)

    def patient(self, file: Path) -> str:
        return "Mustermann Erika, 4711"
