"""What a layout says of a data set's files, and the tools layouts share."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from sagittal_engine.imaging.naming import stem


@dataclass(frozen=True)
class Truth:
    """One label map of a scan."""

    files: tuple[Path, ...]
    """More than one where each structure has a file of its own."""
    names: Mapping[int, str]
    """What the data set calls its label numbers, all of them."""
    kind: str = ""
    """How the files are read (see `imaging.formats`), where their own beginning does not tell."""


@dataclass(frozen=True)
class Member:
    """One scan of a data set, and what its place and the tables beside it tell of it."""

    image: Path
    subject: str = ""
    """Unique among all data sets: it begins with the data set's name. Empty where nothing tells persons apart."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Meta labels. What is not known is left out."""
    truths: Mapping[str, Truth] | None = None
    """Label set → label map; None leaves it to names (see `study.pairing`), empty means that there is none."""
    name: str = ""
    """What to call the scan, where its file's name does not tell it from others."""
    kind: str = ""
    """How the image is read, where its beginning does not tell."""
    modality: str = ""
    tables: tuple[Path, ...] = ()
    """Files that its attributes were read from."""


@dataclass
class Found:
    """What a layout recognised."""

    members: list[Member] = field(default_factory=list)
    left: dict[Path, str] = field(default_factory=dict)
    """Files that belong to the data set and are not imported: one sentence each."""


class Layout(Protocol):
    """One data set's way to lay out its folders: a module of this package."""

    TITLE: str
    EXPECTS: str
    """One sentence: by which files it is known."""

    @staticmethod
    def find(files: Files) -> Found:
        """What of `files` is laid out so; nothing where none is. Looks at names and tables, rarely at a voxel."""


class Files:
    """The files that an import found, absolute, in natural order; no file is looked into."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = tuple(dict.fromkeys(paths))

    def __iter__(self) -> Iterator[Path]:
        return iter(self.paths)

    def __contains__(self, path: object) -> bool:
        return path in self._known

    @cached_property
    def _known(self) -> frozenset[Path]:
        return frozenset(self.paths)

    @cached_property
    def by_name(self) -> Mapping[str, Sequence[Path]]:
        """Lower-case file name → files of that name."""
        found: dict[str, list[Path]] = defaultdict(list)
        for path in self.paths:
            found[path.name.lower()].append(path)
        return found

    @cached_property
    def by_folder(self) -> Mapping[Path, Sequence[Path]]:
        """Folder → files that lie right in it."""
        found: dict[Path, list[Path]] = defaultdict(list)
        for path in self.paths:
            found[path.parent].append(path)
        return dict(found)

    @cached_property
    def by_stem(self) -> Mapping[str, Sequence[Path]]:
        """Lower-case name without its ending → files of that name."""
        found: dict[str, list[Path]] = defaultdict(list)
        for path in self.paths:
            found[stem(path).lower()].append(path)
        return found

    def only(self, name: str) -> Path | None:
        """The file of that name, where there is exactly one."""
        found = self.by_name.get(name.lower(), ())
        return found[0] if len(found) == 1 else None

    def without(self, taken: Iterable[Path]) -> Files:
        """The files that are not among `taken`."""
        gone = frozenset(taken)
        return Files(path for path in self.paths if path not in gone)


def nifti(folder: Path, name: str, files: Files) -> Path | None:
    """The NIfTI file `name` (without its ending) of `folder`, packed or not, where it is among `files`."""
    return next((path for end in (".nii.gz", ".nii") if (path := folder / f"{name}{end}") in files), None)


def above(path: Path, names: Mapping[str, str]) -> str:
    """What `names` (lower-case folder name → word) says of the nearest folder above `path` that it knows; or ""."""
    return next((names[folder.name.lower()] for folder in path.parents if folder.name.lower() in names), "")


SPLITS = {
    "train": "training", "training": "training", "train_data": "training", "val": "validation", "valid": "validation",
    "validation": "validation", "test": "testing", "testing": "testing",
}  # fmt: skip
"""Folder names that say which part of a data set lies in them."""

_HEADING_LIMIT = 2**16


def has_columns(path: Path, names: frozenset[str]) -> bool:
    """Whether the table's first line, in small letters, has all of `names`; no more of it is read."""
    try:
        with path.open("rb") as file:
            line = file.readline(_HEADING_LIMIT).decode("utf-8-sig", "replace").lower()
    except OSError:
        return False
    return names <= {cell.strip(' "') for cell in line.strip().split(max(",;\t", key=line.count))}


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table (comma, semicolon or tab) by its heading, in small letters; empty where it cannot be read."""
    lines = cells(path)
    if not lines:
        return []
    heading = [cell.lower() for cell in lines[0]]
    return [dict(zip(heading, line, strict=False)) for line in lines[1:]]


def cells(path: Path) -> list[list[str]]:
    """The cells of a table, stripped, without empty lines; empty where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    if not lines:
        return []
    delimiter = max(",;\t", key=lines[0].count)
    try:
        found = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return []
    return [row for row in found if any(row)]


def known(**attributes: str) -> dict[str, str]:
    """`attributes` without those that are not known (empty); underscores in names become spaces."""
    return {name.replace("_", " "): value for name, value in attributes.items() if value}
