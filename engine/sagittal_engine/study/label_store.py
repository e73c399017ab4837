"""Label files of a study: saved generations, and the journals of what was painted on top of each.

    labels/<scan>/<set>.0004.…           generation 4; see `generations`
    labels/<scan>/<set>.0004.journal     edits made on top of generation 4 (0 is what there was before any save)

A save writes the next generation and opens the next journal, so a crash at any point leaves a generation and exactly
the journals that belong on top of it. The last generations are kept with their journals: where the newest is damaged,
the one before with every edit since gives the same voxels. Older journals stay as the history that undo reaches.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import Edit, Label, Recovery
from sagittal_engine import imaging
from sagittal_engine.study import generations, journal
from sagittal_engine.study.generations import KEPT, Generation, numbered, safe
from sagittal_engine.study.journal_writer import JournalWriter, Target, reason

Array = np.ndarray[Any, Any]

RECENT_SECONDS = 30
"""How old a copy handed to `save` may be: edits since then are recognised as not in it."""
ROOM = 4 * 2**20
"""Bytes that must be free, beside those of the last save, before a save is tried."""
HISTORY_BYTES = 256 * 2**20
"""Most bytes of journals that a label set keeps for undo alone, beside those that belong on a kept generation."""
HISTORY_SHARE = 0.05
"""Most of the free disk that they may take."""
JOURNAL = ".journal"


@dataclass(frozen=True)
class Edits:
    """What the journals of a label set hold, oldest first."""

    on_top: list[journal.Entry]
    """Edits that the generation they are asked for does not contain."""
    all: list[journal.Entry]
    """These and, before them, those that it does contain: the history."""
    lost: bool
    """Records that were there once are missing from `on_top`: a journal was cut short or damaged."""


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
            if generation.is_whole():
                return generation
        return None

    def damaged(self, scan: str, label_set: str) -> bool:
        """Whether a newer generation than `newest` is there but not as it was written."""
        found = self._generations(scan, label_set)
        return bool(found) and not found[-1].is_whole()

    def read(self, generation: Generation, grid: imaging.SourceGrid) -> Array:
        """uint16 (X, Y, Z), canonical order, writable."""
        return np.ascontiguousarray(imaging.read_labels(generation.path, grid))

    def edits(self, scan: str, label_set: str, base: int) -> Edits:
        """Every edit the journals hold, those on their way to the disk included; `base` is the generation in use."""
        self.writer.flush(2.0)
        on_top: dict[int, journal.Entry] = {}
        history: dict[int, journal.Entry] = {}
        lost = False
        for folder in (self.folder, self.spare):
            for number, path in self._journals(folder, scan, label_set):
                found = journal.read(path)
                lost = lost or (number >= base and (found is None or found.lost))
                for entry in found.entries if found is not None else ():
                    (on_top if number >= base else history)[entry.time] = entry
        on_top.update((entry.time, entry) for entry in self.writer.pending(scan, label_set))
        history.update(on_top)
        return Edits(_by_time(on_top), _by_time(history), lost)

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
        self,
        scan: str,
        label_set: str,
        data: Array,
        grid: imaging.SourceGrid,
        table: Sequence[Label],
        origin: Mapping[str, Any],
        *,
        painted: bool = True,
    ) -> Generation:
        """Writes the next generation; `origin` is kept with it.

        `data` may be a copy taken some seconds ago: edits recorded since then are carried into the next journal; every
        other edit recorded before this call counts as contained. Where it was not `painted`, earlier edits can no
        longer be taken back and are dropped. Raises `SagittalError` where the study's disk takes no more; a copy is
        then left in the spare place if that can be written, and the journal stays as it is.
        """
        with self._numbering:
            number = self._current[scan, label_set] = self._highest(scan, label_set) + 1
            later = journal.not_yet_in(data, list(self._recent.pop((scan, label_set), ())))
            if later:
                self._recent[scan, label_set] = deque(later)
                self.writer.add_again(self._target(scan, label_set, number), later)
        if later:
            self.writer.flush(2.0)
        facts = {"scan": scan, "set": label_set, "origin": dict(origin)}
        made = self._generation(self.folder, scan, label_set, number)
        try:
            self._check_room(scan, label_set)
            generations.write(made, data, grid, table, facts)
        except (OSError, imaging.ImagingError) as error:
            copy = self._generation(self.spare, scan, label_set, number)
            raise SagittalError(_not_saved(copy, data, grid, table, facts, error)) from error
        with contextlib.suppress(OSError):  # what could not be cleared away now goes with the next save
            self._tidy(scan, label_set, number, painted)
        return made

    def recoveries(self, *, all_of_them: bool = False) -> list[Recovery]:
        """Label sets with edits in their journal that no save has taken up: of an earlier session, or `all_of_them`."""
        rows = []
        for scan, label_set in self._painted_on():
            newest = self.newest(scan, label_set)
            on_top = self.edits(scan, label_set, newest.number if newest is not None else 0).on_top
            left = [entry for entry in on_top if all_of_them or self.is_old(entry)]
            if left:
                when = datetime.fromtimestamp(left[-1].time / 1e9, UTC).isoformat(timespec="seconds")
                rows.append(Recovery(scan, label_set, len(left), when))
        return rows

    def _painted_on(self) -> list[tuple[str, str]]:
        """(scan, label set) of every journal on top of the newest generation."""
        owners: dict[tuple[str, str], None] = {}
        for folder in (self.folder, self.spare):
            # No hidden name: those are files half written, which have another name the next moment.
            for path in sorted(folder.glob(f"*/[!.]*{JOURNAL}")):
                scan, (stem, number) = path.parent.name, path.name.removesuffix(JOURNAL).rsplit(".", 1)
                saved = [n for n, _ in numbered(self.folder / scan, stem, generations.FACTS)]
                if saved and int(number) < saved[-1]:
                    continue
                found = journal.read(path)
                if found is not None:
                    owners[str(found.owner.get("scan")), str(found.owner.get("set"))] = None
        return list(owners)

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

    def _highest(self, scan: str, label_set: str) -> int:
        """The highest number in use, so that a journal never lands under a save that already contains it."""
        journals = [n for folder in (self.folder, self.spare) for n, _ in self._journals(folder, scan, label_set)]
        saved = [generation.number for generation in self._generations(scan, label_set)]
        return max([0, self._current.get((scan, label_set), 0), *journals, *saved])

    def _generation(self, folder: Path, scan: str, label_set: str, number: int) -> Generation:
        return Generation(number, folder / scan / f"{safe(label_set)}.{number:04d}{generations.VOXELS}")

    def _generations(self, scan: str, label_set: str) -> list[Generation]:
        """Every saved generation, oldest first, damaged ones included."""
        return generations.all_of(self.folder / scan, label_set)

    def _target(self, scan: str, label_set: str, number: int) -> Target:
        name = f"{safe(label_set)}.{number:04d}{JOURNAL}"
        return Target(self.folder / scan / name, self.spare / scan / name, scan, label_set)

    def _journals(self, folder: Path, scan: str, label_set: str) -> list[tuple[int, Path]]:
        return numbered(folder / scan, safe(label_set), JOURNAL)

    def _check_room(self, scan: str, label_set: str) -> None:
        """Raises `OSError` (disk full) before a save that could not end well."""
        last = [generation.path for generation in self._generations(scan, label_set)[-1:]]
        if shutil.disk_usage(self.folder).free < ROOM + sum(path.stat().st_size for path in last if path.exists()):
            raise OSError(errno.ENOSPC, "No space left on device")

    def _tidy(self, scan: str, label_set: str, number: int, painted: bool) -> None:
        """After generation `number` was saved: brings home what waited in the spare place, drops what is too old.

        What was damaged stands for nothing any more: voxels are dropped, journals put aside.
        """
        found = self._generations(scan, label_set)
        damaged = [generation for generation in found[-KEPT:-1] if not generation.is_whole(thorough=False)]
        for outdated in (*found[:-KEPT], *damaged, *generations.all_of(self.spare / scan, label_set)):
            outdated.remove()
        for old, path in self._journals(self.spare, scan, label_set):
            if old < number:
                self._bring_home(path, self._target(scan, label_set, old))
        room = min(HISTORY_BYTES, HISTORY_SHARE * shutil.disk_usage(self.folder).free)
        for old, path in reversed(self._journals(self.folder, scan, label_set)):
            if old >= number:
                continue
            if not journal.is_as_long_as_it_says(path):
                path.replace(path.with_name(f"{path.name}.damaged"))
                continue
            if old < found[-KEPT:][0].number:
                room -= path.stat().st_size
            if room < 0 or not painted:
                path.unlink()

    def _bring_home(self, spare: Path, target: Target) -> None:
        """Moves edits from the spare place into the journal they belong to."""
        found = journal.read(spare)
        if found is not None and found.entries:
            self.writer.add_again(target, list(found.entries))
            if not self.writer.flush(2.0) or self.writer.problem:
                return
        spare.unlink(missing_ok=True)


def _not_saved(
    copy: Generation,
    data: Array,
    grid: imaging.SourceGrid,
    table: Sequence[Label],
    facts: Mapping[str, Any],
    error: Exception,
) -> str:
    """Leaves a copy in the spare place and says what happened."""
    cause = error if isinstance(error, OSError) else error.__cause__
    why = reason(cause) if isinstance(cause, OSError) else str(error).rstrip(".")
    sentence = f"The labels '{facts['set']}' could not be saved in the study: {why}."
    try:
        generations.write(copy, data, grid, table, facts)
    except (OSError, imaging.ImagingError):
        return f"{sentence} Every stroke is still in the journal. Make room or reconnect the drive, then save again."
    return f"{sentence} A copy is at {copy.path}. Make room or reconnect the drive, then save again."


def _by_time(entries: Mapping[int, journal.Entry]) -> list[journal.Entry]:
    return [entries[time] for time in sorted(entries)]


def _move(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    while target.exists():
        target = target.with_name(f"{target.name}_")
    source.replace(target)
