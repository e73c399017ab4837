"""Giving a study another folder: the unnamed one a name, or any one another place."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from sagittal.engine_port import SagittalError
from sagittal_engine.study import locations
from sagittal_engine.study.study import Study
from sagittal_engine.study.tables import LabelSetRow, ScanRow


def check(path: Path) -> None:
    """Raises `SagittalError` unless a study can be moved to `path`: a new folder, or an empty one."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SagittalError(f"{path} is not empty. Choose a new folder, so that nothing there is mixed in.")


def move(old: Path, path: Path) -> Study:
    """Moves a closed study and opens it in its new folder.

    Raises `SagittalError` where that fails; the study is then where it was, closed.
    """
    path = path.absolute()
    check(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.rmdir()
        try:
            old.rename(path)
        except OSError:  # another disk
            shutil.copytree(old, path)
            shutil.rmtree(old)
    except OSError as error:
        raise SagittalError(f"The study could not be moved to {path}: {error.strerror or error}.") from error
    study = Study.open(path)
    with study.catalogue.writing() as session:
        for scan in session.scalars(select(ScanRow)):
            scan.files = _anew(scan.files, old, path)
        for labels in session.scalars(select(LabelSetRow)):
            labels.source_files = _anew(labels.source_files, old, path)
    study.changed()
    return study


def _anew(remembered: Sequence[Sequence[Any]], old: Path, new: Path) -> list[Any]:
    """Files as they are seen from the study's new folder."""
    found = locations.recall(remembered, old)
    return [[locations.from_study(file, new), str(file), row[2]] for file, row in zip(found, remembered, strict=True)]
