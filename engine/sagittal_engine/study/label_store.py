"""Label files of a study: generations with checksums, and the journal of what was painted since.

    labels/<scan>/<set>.0004.nii.gz          voxels in the source grid
    labels/<scan>/<set>.0004.labels.json     names and colours
    labels/<scan>/<set>.0004.json            SHA-256 of the voxels' file: written last, it makes the generation count
    labels/<scan>/<set>.0004.journal         edits made on top of generation 4 (0 is what there was before any save)

A save writes the next generation and opens the next journal, so a crash at any point leaves a generation and exactly
the journals that belong on top of it. The last three generations are kept; one whose checksum is wrong is passed over.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import Edit, Label, Recovery
from sagittal_engine import imaging
from sagittal_engine.store.atomic import write_json
from sagittal_engine.study import journal
from sagittal_engine.study.journal_writer import JournalWriter, Target, reason

Array = np.ndarray[Any, Any]

KEPT = 3
"""Generations kept per label set."""
RECENT_SECONDS = 30
"""How old a copy handed to `save` may be: edits since then are recognised as not in it."""
ROOM = 4 * 2**20
"""Bytes that must be free before a save is tried."""


@dataclass(frozen=True)
class Generation:
    """One saved state of a label set."""

    number: int
    path: Path


class LabelStore:
    """The `labels/` folder. Reading may happen in any thread; saves of one label set come one after another."""

    def __init__(self, folder: Path, spare: Path) -> None:
        """`spare` is where edits and saves go when the study's own disk takes no more."""
        self.folder, self.spare = folder, spare
        self.opened = time.time_ns()
        self.writer = JournalWriter()
        self._numbering = threading.Lock()
        self._recent: dict[tuple[str, str], deque[journal.Entry]] = {}
        self._current: dict[tuple[str, str], int] = {}
        """The number of the journal that edits of a label set go to: a save in progress already has its own."""

    def newest(self, scan: str, label_set: str) -> Generation | None:
        """The newest whole generation; None where none was saved."""
        for generation in reversed(self._generations(scan, label_set)):
            if _is_whole(generation):
                return generation
        return None

    def damaged(self, scan: str, label_set: str) -> bool:
        """Whether a newer generation than `newest` is there but not as it was written."""
        generations = self._generations(scan, label_set)
        return bool(generations) and not _is_whole(generations[-1])

    def read(self, generation: Generation, grid: imaging.SourceGrid) -> Array:
        """uint16 (X, Y, Z), canonical order, writable."""
        return np.ascontiguousarray(imaging.read_labels(generation.path, grid))

    def edits(self, scan: str, label_set: str) -> list[journal.Entry]:
        """Edits that no save has taken up, oldest first, those still on their way to the disk included."""
        self.writer.flush(2.0)
        base = self._number(scan, label_set)
        entries = [
            entry
            for folder in (self.folder, self.spare)
            for number, path in self._journals(folder, scan, label_set)
            if number >= base and (found := journal.read(path)) is not None
            for entry in found.entries
        ]
        entries += self.writer.pending(scan, label_set)
        by_time = {entry.time: entry for entry in entries}
        return [by_time[time] for time in sorted(by_time)]

    def record(self, scan: str, label_set: str, edit: Edit) -> None:
        """Queues an edit for the journal. Raises `SagittalError` where earlier edits could not be put on disk."""
        with self._numbering:
            number = self._current.get((scan, label_set))
            if number is None:
                number = self._current[scan, label_set] = self._highest(scan, label_set)
            entry = self.writer.add(self._target(scan, label_set, number), edit)
            recent = self._recent.setdefault((scan, label_set), deque())
            recent.append(entry)
            while recent[0].time < entry.time - RECENT_SECONDS * 1_000_000_000:
                recent.popleft()
        if self.writer.problem:
            raise SagittalError(self.writer.problem)

    def save(
        self, scan: str, label_set: str, data: Array, grid: imaging.SourceGrid, table: Sequence[Label]
    ) -> Generation:
        """Writes the next generation.

        `data` may be a copy taken some seconds ago: edits recorded since then are carried into the next journal; every
        other edit recorded before this call counts as contained. Raises `SagittalError` where the study's disk takes
        no more; a copy is then left in the spare place if that can be written, and the journal stays as it is.
        """
        with self._numbering:
            number = self._current[scan, label_set] = self._highest(scan, label_set) + 1
            later = journal.not_yet_in(data, list(self._recent.pop((scan, label_set), ())))
            if later:
                self._recent[scan, label_set] = deque(later)
                self.writer.add_again(self._target(scan, label_set, number), later)
        if later:
            self.writer.flush(2.0)
        path = self._path(self.folder, scan, label_set, number)
        try:
            _check_room(self.folder)
            _write(path, data, grid, table, scan, label_set)
        except (OSError, imaging.ImagingError) as error:
            raise SagittalError(self._not_saved(scan, label_set, number, data, grid, table, error)) from error
        self._drop_before(scan, label_set, number)
        return Generation(number, path)

    def recoveries(self) -> list[Recovery]:
        """Label sets with edits of an earlier session in their journal."""
        owners: dict[tuple[str, str], None] = {}
        for folder in (self.folder, self.spare):
            for path in sorted(folder.glob("*/*.journal")):
                found = journal.read(path)
                if found is not None and path.parent.name != "removed":
                    owners[str(found.owner.get("scan")), str(found.owner.get("set"))] = None
        rows = []
        for scan, label_set in owners:
            old = [entry for entry in self.edits(scan, label_set) if self.is_old(entry)]
            if old:
                newest = datetime.fromtimestamp(old[-1].time / 1e9, UTC).isoformat(timespec="seconds")
                rows.append(Recovery(scan, label_set, len(old), newest))
        return rows

    def is_old(self, entry: journal.Entry) -> bool:
        """Whether an edit was made before this program opened the study."""
        return entry.time < self.opened

    def remove(self, scan: str) -> None:
        """Moves a scan's label files to `labels/removed/`."""
        self.writer.flush()
        self._current = {key: number for key, number in self._current.items() if key[0] != scan}
        _move(self.folder / scan, self.folder / "removed" / scan)

    def restore(self, scan: str) -> None:
        """Moves them back."""
        _move(self.folder / "removed" / scan, self.folder / scan)

    def _number(self, scan: str, label_set: str) -> int:
        newest = self.newest(scan, label_set)
        return newest.number if newest is not None else 0

    def _highest(self, scan: str, label_set: str) -> int:
        """The highest number in use, so that a journal never lands under a save that already contains it."""
        journals = [n for folder in (self.folder, self.spare) for n, _ in self._journals(folder, scan, label_set)]
        generations = [generation.number for generation in self._generations(scan, label_set)]
        return max([0, self._current.get((scan, label_set), 0), *journals, *generations])

    def _path(self, folder: Path, scan: str, label_set: str, number: int) -> Path:
        return folder / scan / f"{safe(label_set)}.{number:04d}.nii.gz"

    def _generations(self, scan: str, label_set: str) -> list[Generation]:
        """Every saved generation, oldest first, damaged ones included."""
        return [
            Generation(number, self._path(self.folder, scan, label_set, number))
            for number, _ in _numbered(self.folder / scan, label_set, "json")
        ]

    def _target(self, scan: str, label_set: str, number: int) -> Target:
        name = f"{safe(label_set)}.{number:04d}.journal"
        return Target(self.folder / scan / name, self.spare / scan / name, scan, label_set)

    def _journals(self, folder: Path, scan: str, label_set: str) -> list[tuple[int, Path]]:
        return _numbered(folder / scan, label_set, "journal")

    def _drop_before(self, scan: str, label_set: str, number: int) -> None:
        """Clears what generation `number` replaces: journals, and generations beyond the last three."""
        for folder in (self.folder, self.spare):
            for old, path in self._journals(folder, scan, label_set):
                if old < number:
                    self.writer.forget(path)
                    path.unlink(missing_ok=True)
        copies = [
            self._path(self.spare, scan, label_set, n) for n, _ in _numbered(self.spare / scan, label_set, "json")
        ]
        outdated = [generation.path for generation in self._generations(scan, label_set)[:-KEPT]]
        for path in (*copies, *outdated):
            for ending in (".json", ".labels.json", ".nii.gz"):
                path.with_name(path.name.removesuffix(".nii.gz") + ending).unlink(missing_ok=True)

    def _not_saved(
        self, scan: str, label_set: str, number: int, data: Array, grid: imaging.SourceGrid, table: Sequence[Label],
        error: Exception,
    ) -> str:  # fmt: skip
        """Leaves a copy in the spare place and says what happened."""
        cause = error if isinstance(error, OSError) else error.__cause__
        why = reason(cause) if isinstance(cause, OSError) else str(error).rstrip(".")
        sentence = f"The labels '{label_set}' could not be saved in the study: {why}."
        copy = self._path(self.spare, scan, label_set, number)
        try:
            _write(copy, data, grid, table, scan, label_set)
        except (OSError, imaging.ImagingError):
            return f"{sentence} Every stroke is still in the journal. Make room on the disk, then save again."
        return f"{sentence} A copy is at {copy}. Make room on the disk, then save again."


def safe(label_set: str) -> str:
    """A file name for a label set: itself where that is safe on every system, else with a mark of its own."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", label_set.lower())[:60]
    if plain == label_set:
        return plain
    return f"{plain}-{hashlib.sha256(label_set.encode()).hexdigest()[:6]}"


def _numbered(folder: Path, label_set: str, ending: str) -> list[tuple[int, Path]]:
    """Files `<set>.<number>.<ending>` by their number."""
    pattern = re.compile(rf"{re.escape(safe(label_set))}\.(\d{{4,}})\.{re.escape(ending)}")
    try:
        names = [path for path in folder.iterdir() if pattern.fullmatch(path.name)]
    except OSError:
        return []
    return sorted((int(path.name.split(".")[1]), path) for path in names)


def _write(
    path: Path, data: Array, grid: imaging.SourceGrid, table: Sequence[Label], scan: str, label_set: str
) -> None:
    imaging.write_labels(path, data, grid, table)
    facts = {
        "scan": scan,
        "set": label_set,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(path.with_name(path.name.removesuffix(".nii.gz") + ".json"), facts)


def _is_whole(generation: Generation) -> bool:
    """Whether the voxels' file is the one its checksum was taken of."""
    beside = generation.path.with_name(generation.path.name.removesuffix(".nii.gz") + ".json")
    try:
        wanted = json.loads(beside.read_text(encoding="utf-8"))["sha256"]
        return hashlib.sha256(generation.path.read_bytes()).hexdigest() == wanted
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _check_room(folder: Path) -> None:
    """Raises `OSError` (disk full) before a save that could not end well."""
    if shutil.disk_usage(folder).free < ROOM:
        import errno

        raise OSError(errno.ENOSPC, "No space left on device")


def _move(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    while target.exists():
        target = target.with_name(f"{target.name}_")
    source.replace(target)
