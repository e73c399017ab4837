"""Writing files so that a crash leaves either the old content or the new, never a half."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RENAME_TRIES = 5
"""Windows refuses to replace a file that a virus scanner or a reader holds open for a moment."""


def flush_to_disk(path: Path) -> None:
    """Forces what the system holds of `path` onto the disk (fsync); folders only where the system can."""
    if path.is_dir():
        if os.name == "nt":
            return
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Lends a temporary path beside `path`; when the block ends well it is flushed and renamed to `path`.

    The temporary name keeps the suffix, because some writers add their own where it is missing. With
    `durable=False` the rename is still atomic, but is not awaited on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}.part-{path.name}")
    try:
        yield temporary
        if durable:
            flush_to_disk(temporary)
        _rename(temporary, path)
        if durable:
            flush_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _rename(temporary: Path, path: Path) -> None:
    for attempt in range(1, RENAME_TRIES + 1):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if attempt == RENAME_TRIES:
                raise
            time.sleep(0.05 * attempt)


def write_json(path: Path, document: Any, *, durable: bool = True) -> None:
    """Writes `document` as indented JSON, atomically."""
    with replacing(path, durable=durable) as temporary:
        temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class JsonLines:
    """An append-only file of one JSON document per line; a torn last line is skipped by every reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, document: Any) -> None:
        """Adds one line and hands it to the system, so that it survives the death of this program."""
        line = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            if file.tell() and not self._ends_whole():
                line = b"\n" + line
            file.write(line + b"\n")

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def read(self) -> list[Any]:
        """Every whole line, oldest first; lines that are not JSON (torn by a crash) are left out."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        documents = []
        for line in lines:
            with contextlib.suppress(ValueError):
                if line.strip():
                    documents.append(json.loads(line))
        return documents
