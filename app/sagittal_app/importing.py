"""From files to an import: a look through them first, and a question where somebody's scans have several series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from sagittal.engine_port import EnginePort
from sagittal.facts import SeriesFacts
from sagittal_app.desk import Desk
from sagittal_app.widgets.series_dialog import SeriesDialog


def begin(port: EnginePort, paths: Sequence[Path], labels: Sequence[Path] = (), meta: Path | None = None) -> str:
    """Starts what leads to an import and returns the task's id.

    Files alone are looked through first, and `go_on` does the rest; with label maps or a table named by hand there is
    nothing to choose.
    """
    if paths and not labels and meta is None:
        return port.start_look(paths)
    return port.start_import(paths, labels=labels, meta=meta)


def go_on(desk: Desk, owner: QWidget, looked: Mapping[str, Any]) -> None:
    """Imports what a look found; asks first which series, where that is a question."""
    series: list[SeriesFacts] = list(looked["series"])

    def take(paths: Sequence[Path]) -> None:
        desk.ask(lambda: desk.port.start_import(paths), owner=owner)

    if not is_mixed(series):
        take([Path(path) for path in looked["paths"]])
        return
    dialog = SeriesDialog(desk, series, owner)
    dialog.chosen.connect(lambda chosen: take(files_of(chosen)))
    dialog.open()


def is_mixed(series: Sequence[SeriesFacts]) -> bool:
    """Whether several DICOM series are of one person (or of nobody known, in one folder)."""
    people = Counter(one.subject or str(Path(one.files[0]).parent) for one in series if one.kind == "dicom")
    return any(count > 1 for count in people.values())


def files_of(series: Sequence[SeriesFacts]) -> list[Path]:
    """All that is to be imported for `series`: their files and their label maps."""
    return [Path(file) for one in series for file in (*one.files, *one.labels)]
