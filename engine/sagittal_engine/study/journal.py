"""The stroke journal's file format: every edit of a label set since its last save, safe against a torn end.

A file is the 8 bytes `SAGJRNL1` and records: length and CRC-32 of the payload (unsigned 32-bit little-endian each),
then the payload. The first record is JSON that names the label set; each further one is an edit: a JSON head (its own
length before it, 16 bits) and the zlib-packed arrays (int64 differences of indices, uint16 before, uint16 after).
Records carry the values after the edit, so replaying one twice changes nothing.
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

MAGIC = b"SAGJRNL1"
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


def beginning(owner: dict[str, Any]) -> bytes:
    """The first bytes of a new journal file."""
    return MAGIC + _framed(json.dumps(owner).encode())


def encode(entry: Entry) -> bytes:
    """One record."""
    edit = entry.edit
    indices = np.ascontiguousarray(edit.indices, dtype="<i8").ravel()
    head = json.dumps({"time": entry.time, "tool": edit.tool, "size": int(indices.size)}).encode()
    arrays = (
        np.diff(indices, prepend=np.int64(0)).astype("<i8").tobytes()
        + np.ascontiguousarray(edit.before, dtype="<u2").tobytes()
        + np.ascontiguousarray(edit.after, dtype="<u2").tobytes()
    )
    return _framed(_HEAD.pack(len(head)) + head + zlib.compress(arrays, 1))


def read(path: Path) -> JournalFile | None:
    """Every whole record of a file; None where it does not begin as a journal. A torn or damaged tail is left out."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        return None
    payloads = _payloads(data)
    try:
        first, end = next(payloads)
        owner = json.loads(first)
    except (StopIteration, ValueError):
        return None
    entries = []
    for payload, position in payloads:
        entry = _decode(payload)
        if entry is None:
            break
        entries.append(entry)
        end = position
    return JournalFile(owner, tuple(entries), end)


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


def _payloads(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Each whole payload with the position of its end."""
    position = len(MAGIC)
    while position + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, position)
        end = position + _FRAME.size + length
        payload = data[position + _FRAME.size : end]
        if length > _LONGEST or end > len(data) or zlib.crc32(payload) != checksum:
            return
        yield payload, end
        position = end


def _decode(payload: bytes) -> Entry | None:
    try:
        (length,) = _HEAD.unpack_from(payload)
        head = json.loads(payload[_HEAD.size : _HEAD.size + length])
        size = int(head["size"])
        arrays = zlib.decompress(payload[_HEAD.size + length :])
        indices = np.cumsum(np.frombuffer(arrays, "<i8", size), dtype=np.int64)
        before, after = np.frombuffer(arrays, "<u2", 2 * size, offset=8 * size).reshape(2, size).astype(np.uint16)
        return Entry(int(head["time"]), Edit(str(head["tool"]), indices, before, after))
    except (struct.error, ValueError, KeyError, zlib.error):
        return None
