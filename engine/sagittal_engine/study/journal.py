"""The stroke journal's file format: every edit of a label set on top of one saved state, safe against a torn end.

A file is the 8 bytes `SAGJRNL2`, how long the file was when it was last written to (64 bits) and that number's CRC-32,
and records: length and CRC-32 of the payload (32 bits each), then the payload; all numbers are unsigned and
little-endian. The first record is JSON that names the label set; each further one is an edit: a JSON head (its own
length before it, 16 bits) and the zlib-packed arrays (int64 differences of indices, uint16 before, uint16 after).
Records carry the values after the edit, so replaying one twice changes nothing. The length is written after the
records: a file that is shorter than it says has lost its end, even where what is left ends with a whole record.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.facts import Edit

MAGIC = b"SAGJRNL2"
_LENGTH = struct.Struct("<QI")
START = len(MAGIC) + _LENGTH.size
"""Where the records begin."""
_FRAME = struct.Struct("<II")
_HEAD = struct.Struct("<H")
_LONGEST = 2**31


@dataclass(frozen=True)
class Entry:
    """One edit as the journal keeps it."""

    time: int
    """Nanoseconds since the epoch; within one program strictly rising, so it also orders edits of two files."""
    edit: Edit


@dataclass(frozen=True)
class JournalFile:
    """What a journal file holds."""

    owner: dict[str, Any]
    """{"scan", "set"}."""
    entries: tuple[Entry, ...]
    good: int
    """Bytes up to the end of the last whole record."""
    lost: bool
    """Records that were whole once are missing or damaged: not just the torn end that a crash leaves."""


def head(length: int) -> bytes:
    """The file's first bytes, which say that it is `length` bytes long."""
    number = length.to_bytes(8, "little")
    return MAGIC + number + zlib.crc32(number).to_bytes(4, "little")


def owner_record(owner: dict[str, Any]) -> bytes:
    """The first record of a new journal file."""
    return _framed(json.dumps(owner).encode())


def encode(entry: Entry) -> bytes:
    """One record."""
    edit = entry.edit
    indices = np.ascontiguousarray(edit.indices, dtype="<i8").ravel()
    more = {"continues": True} if edit.continues else {}
    facts = json.dumps({"time": entry.time, "tool": edit.tool, "size": int(indices.size), **more}).encode()
    arrays = (
        np.diff(indices, prepend=np.int64(0)).astype("<i8").tobytes()
        + np.ascontiguousarray(edit.before, dtype="<u2").tobytes()
        + np.ascontiguousarray(edit.after, dtype="<u2").tobytes()
    )
    return _framed(_HEAD.pack(len(facts)) + facts + zlib.compress(arrays, 1))


def read(path: Path) -> JournalFile | None:
    """Every whole record of a file; None where it does not begin as a journal. A torn or damaged tail is left out."""
    data = path.read_bytes()
    if not data.startswith(MAGIC) or len(data) < START:
        return None
    records = _records(data)
    try:
        first, good = next(records)
        owner = json.loads(first)
    except (StopIteration, ValueError):
        return None
    entries = []
    whole = True
    for payload, end in records:
        entry = _decode(payload) if payload else None
        if entry is None:
            whole = False
        else:
            entries.append(entry)
            good = end
    length, checksum = _LENGTH.unpack_from(data, len(MAGIC))
    told = zlib.crc32(data[len(MAGIC) : len(MAGIC) + 8]) == checksum
    return JournalFile(owner, tuple(entries), good, lost=not (whole and told and good >= length))


def is_as_long_as_it_says(path: Path) -> bool:
    """Whether a file has not lost its end, known without reading its records."""
    with path.open("rb") as file:
        start = file.read(START)
    if len(start) < START or not start.startswith(MAGIC):
        return False
    length, checksum = _LENGTH.unpack_from(start, len(MAGIC))
    return zlib.crc32(start[len(MAGIC) : len(MAGIC) + 8]) == checksum and path.stat().st_size >= length


def replay(labels: np.ndarray[Any, Any], entries: Iterator[Entry] | tuple[Entry, ...] | list[Entry]) -> int:
    """Applies edits to `labels` (uint16 (X, Y, Z), changed in place); returns how many could be applied.

    An edit that points outside the volume was made for another scan and is left out.
    """
    flat = labels.reshape(-1)
    applied = 0
    for entry in entries:
        indices = entry.edit.indices
        if indices.size and (indices.min() < 0 or indices.max() >= flat.size):
            continue
        flat[indices] = entry.edit.after
        applied += 1
    return applied


def not_yet_in(labels: np.ndarray[Any, Any], entries: list[Entry]) -> list[Entry]:
    """The edits made after the copy `labels` was taken.

    `entries` are the newest edits in order. The copy stood somewhere between two of them: the latest such place at
    which every voxel they touch agrees is found. Empty where there is none: the copy was not painted by them.
    """
    if not entries:
        return []
    touched = np.unique(np.concatenate([entry.edit.indices for entry in entries]))
    have = labels.reshape(-1)[touched]
    state = np.zeros(touched.size, np.uint16)
    for entry in entries:
        state[np.searchsorted(touched, entry.edit.indices)] = entry.edit.after
    for contained in range(len(entries), -1, -1):
        if np.array_equal(state, have):
            return entries[contained:]
        if contained:
            edit = entries[contained - 1].edit
            state[np.searchsorted(touched, edit.indices)] = edit.before
    return []


def _framed(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Each payload with the position of its end; one that is there but not as it was written comes empty."""
    position = START
    while position + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, position)
        end = position + _FRAME.size + length
        if length > _LONGEST or end > len(data):
            return
        payload = data[position + _FRAME.size : end]
        yield payload if zlib.crc32(payload) == checksum else b"", end
        position = end


def _decode(payload: bytes) -> Entry | None:
    try:
        (length,) = _HEAD.unpack_from(payload)
        facts = json.loads(payload[_HEAD.size : _HEAD.size + length])
        size = int(facts["size"])
        arrays = zlib.decompress(payload[_HEAD.size + length :])
        indices = np.cumsum(np.frombuffer(arrays, "<i8", size), dtype=np.int64)
        before, after = np.frombuffer(arrays, "<u2", 2 * size, offset=8 * size).reshape(2, size).astype(np.uint16)
        edit = Edit(str(facts["tool"]), indices, before, after, bool(facts.get("continues")))
        return Entry(int(facts["time"]), edit)
    except (struct.error, ValueError, KeyError, zlib.error):
        return None
