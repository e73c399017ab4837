"""Saved states of a label set: written whole or not at all, each file with its checksum, the last few kept.

<set>.0004.nii.gz          voxels in the source grid
<set>.0004.labels.json     names and colours
<set>.0004.json            size and SHA-256 of both: written last, it makes the generation count
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.facts import Label
from sagittal_engine import imaging
from sagittal_engine.store.atomic import replacing

Array = np.ndarray[Any, Any]

KEPT = 3
"""Generations kept per label set."""
VOXELS, TABLE, FACTS = ".nii.gz", ".labels.json", ".json"


@dataclass(frozen=True)
class Generation:
    """One saved state of a label set."""

    number: int
    path: Path
    """The voxels' file."""

    def beside(self, ending: str) -> Path:
        """Another file of the same state."""
        return self.path.with_name(self.path.name.removesuffix(VOXELS) + ending)

    def facts(self) -> Mapping[str, Any]:
        """What was written beside the voxels: "scan", "set", "saved", "origin" and checksums; {} where unreadable."""
        try:
            found = json.loads(self.beside(FACTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def files(self) -> tuple[Path, ...]:
        return tuple(self.beside(ending) for ending in (FACTS, TABLE, VOXELS))

    def is_whole(self, *, thorough: bool = True) -> bool:
        """Whether every file is as it was written; by size alone where not `thorough`."""
        facts = self.facts()
        marks = {VOXELS: facts.get("voxels"), TABLE: facts.get("table")}
        return all(isinstance(mark, list) and _agrees(self.beside(end), mark, thorough) for end, mark in marks.items())

    def remove(self) -> None:
        for path in self.files():
            path.unlink(missing_ok=True)


def write(
    generation: Generation, data: Array, grid: imaging.SourceGrid, table: Sequence[Label], facts: Mapping[str, Any]
) -> None:
    """Writes all files of a generation; `facts` go into the last. Raises `OSError` or `ImagingError`."""
    imaging.write_labels(generation.path, data, grid, table)
    document = {
        **facts,
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "voxels": mark(generation.path),
        "table": mark(generation.beside(TABLE)),
    }
    with replacing(generation.beside(FACTS)) as temporary:
        # No line end after the last brace: with any byte cut off, it is JSON no more.
        temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def all_of(folder: Path, label_set: str) -> list[Generation]:
    """Every generation of a label set in its scan's folder, oldest first, damaged ones included."""
    return [
        Generation(number, path.with_name(path.name.removesuffix(FACTS) + VOXELS))
        for number, path in numbered(folder, safe(label_set), FACTS)
    ]


def numbered(folder: Path, stem: str, ending: str) -> list[tuple[int, Path]]:
    """Files `<stem>.<number><ending>` by their number."""
    pattern = re.compile(rf"{re.escape(stem)}\.(\d{{4,}}){re.escape(ending)}")
    try:
        names = [path for path in folder.iterdir() if pattern.fullmatch(path.name)]
    except OSError:
        return []
    return sorted((int(path.name.split(".")[1]), path) for path in names)


def mark(path: Path) -> list[Any]:
    """[size in bytes, SHA-256] of a file, to know it again by."""
    with path.open("rb") as file:
        return [path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()]


def _agrees(path: Path, wanted: list[Any], thorough: bool) -> bool:
    try:
        return mark(path) == wanted if thorough else path.stat().st_size == wanted[0]
    except (OSError, IndexError):
        return False


def safe(label_set: str) -> str:
    """A file name for a label set: itself where that is safe on every system, else with a mark of its own."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", label_set.lower())[:60]
    if plain == label_set:
        return plain
    return f"{plain}-{hashlib.sha256(label_set.encode()).hexdigest()[:6]}"
