"""The one thread that puts edits on disk, within a second of each stroke, and does not lose them to a full disk."""

from __future__ import annotations

import errno
import io
import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sagittal.engine_port import SagittalError
from sagittal.facts import Edit
from sagittal_engine.store.atomic import replacing
from sagittal_engine.study import journal

RETRY_SECONDS = 1.0
"""How long edits that could not be written wait before the next try."""
FLUSH_SECONDS = 10.0
"""Longest wait for the queue to reach the disk before the caller is told."""


@dataclass(frozen=True)
class Target:
    """A journal file, the label set it belongs to, and where edits go while its disk is full."""

    path: Path
    spare: Path
    scan: str
    label_set: str


@dataclass
class _Queue:
    """Edits waiting for one target, oldest first."""

    entries: list[journal.Entry] = field(default_factory=list)


class JournalWriter:
    """Queues edits from any thread and appends them, flushed to the disk, on a thread of its own.

    Where a journal cannot be written (a full disk, a lost drive), its edits go to the target's spare place; where
    that fails too they stay in memory and are tried again every second. `problem` then says what is wrong.
    """

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._queues: dict[Target, _Queue] = {}
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._newest = 0
        self._lengths: dict[Path, int] = {}
        self.problem = ""
        """One sentence while edits are not where they belong; "" otherwise."""

    def add(self, target: Target, edit: Edit) -> journal.Entry:
        """Queues one edit and returns at once."""
        with self._wake:
            self._newest = max(self._newest + 1, time.time_ns())
            entry = journal.Entry(self._newest, edit)
            self.add_again(target, [entry])
        return entry

    def add_again(self, target: Target, entries: list[journal.Entry]) -> None:
        """Queues entries under the times they have, for instance for the journal of the next generation."""
        with self._wake:
            if self._closed:
                raise SagittalError("The study is closed, so the edit cannot be recorded. Open the study again.")
            self._queues.setdefault(target, _Queue()).entries.extend(entries)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="sagittal-journal", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def pending(self, scan: str, label_set: str) -> list[journal.Entry]:
        """Edits of a label set that are in memory only."""
        with self._wake:
            return [e for t, q in self._queues.items() if (t.scan, t.label_set) == (scan, label_set) for e in q.entries]

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Waits until everything queued so far is on disk; False where it could not be written in time."""
        deadline = time.monotonic() + seconds
        with self._wake:
            while self._queues or self._busy:
                self._wake.notify_all()
                left = deadline - time.monotonic()
                if left <= 0 or (self.problem and not self._busy):
                    return not self._queues
                self._wake.wait(min(left, 0.1))
            return True

    def close(self) -> None:
        """Writes what is left, tries failed files once more, and ends the thread.

        Raises `SagittalError` where edits are left that no disk takes; they are then still there, and still tried.
        """
        deadline = time.monotonic() + 2 * RETRY_SECONDS
        while not self.flush():
            if time.monotonic() > deadline:
                raise SagittalError(self.problem or "Strokes are still on their way to the disk. Wait, then try again.")
            time.sleep(0.1)
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._queues and not self._closed:
                    self._wake.wait()
                if not self._queues:
                    return
                batch = {target: list(queue.entries) for target, queue in self._queues.items()}
                self._busy = True
            written, problem = {}, ""
            for target, entries in batch.items():
                failed = _write_somewhere(target, entries, self._lengths)
                problem = problem or failed.sentence
                if failed.kept:
                    written[target] = len(entries)
            with self._wake:
                for target, count in written.items():
                    if target in self._queues:
                        del self._queues[target].entries[:count]
                        if not self._queues[target].entries:
                            del self._queues[target]
                self.problem, self._busy = problem, False
                self._wake.notify_all()
                if self._queues and problem:
                    if self._closed:
                        return
                    self._wake.wait(RETRY_SECONDS)


@dataclass(frozen=True)
class _Outcome:
    kept: bool
    sentence: str = ""


def _write_somewhere(target: Target, entries: list[journal.Entry], lengths: dict[Path, int]) -> _Outcome:
    """Appends to the journal, else to the spare place."""
    try:
        # Without its parents: where a drive is unplugged, nothing is written to the empty place it leaves.
        target.path.parent.mkdir(exist_ok=True)
        append(target.path, target, entries, lengths)
        return _Outcome(True)
    except OSError as error:
        why = reason(error)
    try:
        append(target.spare, target, entries, lengths)
        return _Outcome(
            True,
            f"Strokes in '{target.label_set}' could not be written to the study: {why}. They are kept in "
            f"{target.spare.parent}. Mend that (make room, reconnect the drive), then save.",
        )
    except OSError as error:
        return _Outcome(
            False,
            f"Strokes in '{target.label_set}' could not be written to disk: {reason(error)}. They are kept in memory "
            "and tried again every second. Make room, and do not close the program yet.",
        )


def append(path: Path, target: Target, entries: list[journal.Entry], lengths: dict[Path, int]) -> None:
    """Appends records and forces them to disk. A tail torn by an earlier crash is cut off first.

    `lengths` remembers how long the whole part of each file is, so that a stroke does not read its journal again.
    Raises `OSError`, after taking back what was half written.
    """
    data = b"".join(journal.encode(entry) for entry in entries)
    size = path.stat().st_size if path.exists() else 0
    good = size if size and lengths.get(path) == size else _good_length(path)
    if good == 0:
        data = journal.owner_record({"scan": target.scan, "set": target.label_set}) + data
        good = journal.START
        with replacing(path) as temporary:
            temporary.write_bytes(journal.head(good + len(data)) + data)
    else:
        with path.open("r+b", buffering=0) as file:
            file.truncate(good)
            try:
                _write_at(file, good, data)
                _write_at(file, 0, journal.head(good + len(data)))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(good)
                _write_at(file, 0, journal.head(good))
                raise
    lengths[path] = good + len(data)


def _write_at(file: io.FileIO, position: int, data: bytes) -> None:
    file.seek(position)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _good_length(path: Path) -> int:
    """Bytes up to the end of the last whole record; 0 where there is no journal yet.

    A file that lost records is kept aside as it is before anything is written over its end.
    """
    if not path.exists():
        return 0
    found = journal.read(path)
    if found is None or found.lost:
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside) if found is None else shutil.copy2(path, aside)
    return found.good if found is not None else 0


def reason(error: OSError) -> str:
    """Why a file could not be written, in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "its folder may not be written to"
    if error.errno in (errno.ENOENT, errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE):
        return "its folder is not there any more, as when a drive is unplugged"
    return (error.strerror or str(error)).lower()
