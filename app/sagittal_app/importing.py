"""From files to an import: a look through them first, and questions where somebody has to choose.

Asked is which series, where somebody's scans have several; and whether label maps that lie on another grid than their
image may be resampled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from sagittal.engine_port import EnginePort
from sagittal.facts import OtherGrid, SeriesFacts
from sagittal_app.desk import Desk
from sagittal_app.widgets.grid_dialog import GridDialog
from sagittal_app.widgets.series_dialog import SeriesDialog


def begin(port: EnginePort, paths: Sequence[Path], labels: Sequence[Path] = (), meta: Path | None = None) -> str:
    """Starts what leads to an import and returns the task's id.

    Files are looked through first, and `go_on` does the rest; with a table of meta labels there is nothing to choose.
    """
    if paths and meta is None:
        return port.start_look(paths, labels=labels)
    return port.start_import(paths, labels=labels, meta=meta)


def go_on(desk: Desk, owner: QWidget, looked: Mapping[str, Any]) -> None:
    """Imports what a look found; asks first which series, where that is a question."""
    series: list[SeriesFacts] = list(looked["series"])
    labels = [Path(path) for path in looked["labels"]]
    grids: list[OtherGrid] = list(looked["other_grids"])
    if labels or not is_mixed(series):  # label maps given by hand go by the order of the images
        _take(desk, owner, [Path(path) for path in looked["paths"]], labels, grids)
        return

    def take(chosen: Sequence[SeriesFacts]) -> None:
        files = files_of(chosen)
        _take(desk, owner, files, (), [one for one in grids if Path(one.files[0]) in files])

    dialog = SeriesDialog(desk, series, owner)
    dialog.chosen.connect(take)
    dialog.open()


def _take(
    desk: Desk, owner: QWidget, paths: Sequence[Path], labels: Sequence[Path], grids: Sequence[OtherGrid]
) -> None:
    """Starts the import; asks first which label maps of another grid are to be resampled."""

    def start(resample: Sequence[Path]) -> None:
        desk.ask(lambda: desk.port.start_import(paths, labels=labels, resample=resample), owner=owner)

    if not grids:
        start(())
        return
    dialog = GridDialog(desk, grids, owner)
    dialog.chosen.connect(start)
    dialog.open()


def is_mixed(series: Sequence[SeriesFacts]) -> bool:
    """Whether several DICOM series are of one person (or of nobody known, in one folder)."""
    people = Counter(one.subject or str(Path(one.files[0]).parent) for one in series if one.kind == "dicom")
    return any(count > 1 for count in people.values())


def files_of(series: Sequence[SeriesFacts]) -> list[Path]:
    """All that is to be imported for `series`: their files and their label maps."""
    return [Path(file) for one in series for file in (*one.files, *one.labels)]
