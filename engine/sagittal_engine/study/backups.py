"""Copies of the catalogue, for the day it is damaged: a few generations, each with its checksum, whole or not at all.

backups/catalogue.0007.sqlite
backups/catalogue.0007.json        when it was made, how many scans it holds, its size and SHA-256: written last
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal.facts import StudyCopy
from sagittal_engine.store.atomic import replacing
from sagittal_engine.study.generations import mark

FOLDER = "backups"
KEPT = 3
_NAME = re.compile(r"catalogue\.(\d{4,})\.sqlite")


def add(catalogue: Path) -> None:
    """Copies a whole catalogue into `backups/` beside it. Raises `OSError` or `sqlite3.Error`."""
    folder = catalogue.parent / FOLDER
    folder.mkdir(exist_ok=True)
    before = _numbered(folder)
    path = folder / f"catalogue.{before[-1][0] + 1 if before else 1:04d}.sqlite"
    with replacing(path) as temporary:
        with closing(sqlite3.connect(catalogue)) as source, closing(sqlite3.connect(temporary)) as target:
            source.backup(target)
            (scans,) = target.execute("SELECT count(*) FROM scans WHERE NOT removed").fetchone()
        found = {"saved": datetime.now(UTC).isoformat(timespec="seconds"), "scans": scans, "copy": mark(temporary)}
    with replacing(_facts(path)) as temporary:
        temporary.write_text(json.dumps(found), encoding="utf-8")
    for _, old in before[: max(0, len(before) + 1 - KEPT)]:
        _facts(old).unlink(missing_ok=True)
        old.unlink(missing_ok=True)


def copies(study: Path) -> list[StudyCopy]:
    """The whole copies in a study folder, newest first."""
    found = []
    for _, path in reversed(_numbered(study / FOLDER)):
        facts = _read(path)
        if _is_whole(path, facts):
            found.append(StudyCopy(str(path), str(facts["saved"]), int(facts["scans"])))
    return found


def damaged(study: Path) -> list[Path]:
    """Copies that are not as they were written; one that a kill left without its facts was never finished."""
    found = [path for _, path in _numbered(study / FOLDER) if _facts(path).exists()]
    return [path for path in found if not _is_whole(path, _read(path))]


def restore(catalogue: Path, copy: Path) -> Path:
    """Puts a copy in the place of a damaged or lost catalogue; returns where that is kept. Raises `SagittalError`."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    aside = catalogue.with_name(f"study.damaged-{stamp}.sqlite")
    try:
        if not _is_whole(copy, _read(copy)):
            raise SagittalError(f"The copy {copy.name} is damaged too. Choose another one.")
        with replacing(catalogue) as temporary:
            shutil.copyfile(copy, temporary)
            if catalogue.exists():
                shutil.copyfile(catalogue, aside)
            for rest in ("-journal", "-wal", "-shm"):  # they belong to the damaged file, and would be applied to ours
                catalogue.with_name(catalogue.name + rest).unlink(missing_ok=True)
    except OSError as error:
        raise SagittalError(
            f"The copy could not be put in place in {catalogue.parent}: {error.strerror or error}. Copy the study to "
            "where you may write, then try again."
        ) from error
    return aside


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    try:
        names = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except OSError:
        return []
    return sorted((int(path.name.split(".")[1]), path) for path in names)


def _facts(path: Path) -> Path:
    return path.with_suffix(".json")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_facts(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.keys() >= {"saved", "scans", "copy"} else {}


def _is_whole(path: Path, facts: dict[str, Any]) -> bool:
    try:
        return bool(facts) and mark(path) == facts["copy"]
    except OSError:
        return False
