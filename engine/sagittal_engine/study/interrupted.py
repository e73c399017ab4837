"""Studies with work nobody saved, as a killed program leaves them: known by their marks, offered at the next start."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal.facts import Interrupted
from sagittal_engine.store.atomic import write_json
from sagittal_engine.store.liveness import is_alive, this_program
from sagittal_engine.study import places
from sagittal_engine.study.catalogue import FILE
from sagittal_engine.study.label_store import LabelStore


def mark(study: str, path: Path) -> None:
    """Says that this program has a study (by its id) open."""
    _write(study, {"path": str(path), "program": this_program(), "opened": time.time()})


def unmark(study: str, path: Path, *, unsaved: bool) -> None:
    """Says that the study was closed; where something in it is `unsaved`, that nobody has it open."""
    if unsaved:
        _write(study, {"path": str(path), "program": "", "opened": 0.0})
        return
    with contextlib.suppress(OSError):
        _mark_of(study).unlink(missing_ok=True)


def _write(study: str, document: dict[str, Any]) -> None:
    """A mark that cannot be written keeps nobody from working."""
    with contextlib.suppress(OSError):
        write_json(_mark_of(study), document)


def find() -> list[Interrupted]:
    """Studies left by a program that is gone and that hold something nobody saved, the latest first.

    Unnamed studies are listed as long as they are there: their owner has no other way to know of them.
    """
    found = dict(_left())
    for folder in sorted(places.unnamed().glob(f"*/{FILE}")):
        if folder.parent not in found and not _is_open(folder.parent):
            row = _look(folder.parent, folder.stat().st_mtime)
            if row is not None:
                found[folder.parent] = row
    return sorted(found.values(), key=lambda row: row.newest, reverse=True)


def forget(path: Path) -> None:
    """Offers a study no more: its mark goes, and an unnamed one moves to the folder `removed` beside the others."""
    for mark_file, study, _program in _marks():
        if study == path:
            mark_file.unlink(missing_ok=True)
    if is_unnamed(path) and path.is_dir():
        removed = places.data() / "removed" / f"{path.name} {datetime.now(UTC):%Y%m%d-%H%M%S}"
        removed.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.move(path, removed)
        except OSError as error:
            raise SagittalError(f"{path} could not be moved away: {error.strerror or error}.") from error


def unnamed_folder() -> Path:
    """A free folder for a study that is begun without choosing one, named by the time."""
    name = f"Unnamed {datetime.now():%Y-%m-%d %H.%M}"
    numbered = (f"{name} ({n})" if n > 1 else name for n in itertools.count(1))
    return next(places.unnamed() / name for name in numbered if not (places.unnamed() / name).exists())


def is_unnamed(path: Path) -> bool:
    """Whether a study was begun without choosing a folder for it."""
    return path.parent == places.unnamed()


def _left() -> Iterator[tuple[Path, Interrupted]]:
    for mark_file, path, alive in _marks():
        if alive:
            continue
        try:
            row = _look(path, mark_file.stat().st_mtime, study=mark_file.stem)
        except OSError:
            continue
        if row is not None:
            yield path, row
        else:
            with contextlib.suppress(OSError):
                mark_file.unlink()


def _look(path: Path, touched: float, study: str = "") -> Interrupted | None:
    """What a study has that nobody saved; None where there is nothing to tell."""
    there = (path / FILE).is_file()
    scans, own = _scans_and_id(path) if there else (0, "")
    study = study or own
    store = LabelStore(path / "labels", places.rescued(study))
    try:
        rows = store.recoveries()
    finally:
        store.writer.close()
    unnamed = is_unnamed(path) and there
    if not rows and not (unnamed and scans):
        return None
    newest = max((row.newest for row in rows), default="")
    newest = newest or datetime.fromtimestamp(touched, UTC).isoformat(timespec="seconds")
    return Interrupted(str(path), path.name, newest, sum(row.edits for row in rows), unnamed, there)


def _scans_and_id(path: Path) -> tuple[int, str]:
    """How many scans a study holds, and its id; (1, "") where its catalogue is damaged: worth opening all the same."""
    try:
        with contextlib.closing(sqlite3.connect(f"{(path / FILE).as_uri()}?mode=ro", uri=True)) as catalogue:
            (scans,) = catalogue.execute("SELECT count(*) FROM scans WHERE NOT removed").fetchone()
            (own,) = catalogue.execute("SELECT value FROM info WHERE key = 'id'").fetchone()
            return int(scans), str(own)
    except (sqlite3.Error, TypeError):
        return 1, ""


def _is_open(path: Path) -> bool:
    return any(study == path and alive for _file, study, alive in _marks())


def _marks() -> Iterator[tuple[Path, Path, bool]]:
    """Each mark: its file, the study's folder, whether the program that made it still runs."""
    for file in sorted(places.open_marks().glob("*.json")):
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            yield file, Path(found["path"]), is_alive(str(found["program"]), float(found["opened"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _mark_of(study: str) -> Path:
    return places.open_marks() / f"{study}.json"
