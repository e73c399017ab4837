"""Finding the files of a study again after they were moved: looked for by name and size, known by their content.

An image of one file may have another name by now; the files of a series are looked for under their own."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sagittal.engine_port import SagittalError
from sagittal_engine import imaging
from sagittal_engine.study import locations
from sagittal_engine.study.tables import LabelSetRow, ScanRow

if TYPE_CHECKING:
    from sagittal_engine.study.study import Study

Remembered = Sequence[Sequence[Any]]
"""Files as `locations.remember` keeps them."""
_Places: TypeAlias = dict[str | int, list[Path]]
"""Files by name in small letters, or by size in bytes."""


@dataclass(frozen=True)
class _Gone:
    """An image, or an imported label map, that is not where it was."""

    table: type[ScanRow] | type[LabelSetRow]
    key: str | int
    scan: str
    name: str
    kind: str
    files: Remembered
    digest: str = ""
    """Of a label map's voxels."""


def relink(
    study: Study,
    folder: Path,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
    boundary: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Looks under `folder` for every file of the study that is not where it was, and remembers the new places.

    A file counts only where its content is, byte for byte, what was imported (of a label map: voxel for voxel). Returns
    the document of `study relink --json`. `boundary` may raise to cancel: what was found by then stays found.
    """
    if not folder.is_dir():
        raise SagittalError(f"{folder} is not a folder. Choose the folder that the scans were moved to.")
    gone = _gone(study)
    progress(0, len(gone), f"Looking through {folder.name or folder}")
    there = _files_under(folder, gone, boundary)
    found: list[dict[str, str]] = []
    missing: list[dict[str, str]] = []
    for done, one in enumerate(gone):
        progress(done, len(gone), f"Comparing {one.name}")
        files = next((files for files in _candidates(one.files, there) if _is_it(one, files, boundary)), ())
        (found if files else missing).append(
            {"scan": one.scan, "name": one.name, "path": str(files[0]) if files else str(one.files[0][1])}
        )
        if files:
            with study.catalogue.writing() as session:
                row = session.get_one(one.table, one.key)
                setattr(row, "files" if one.table is ScanRow else "source_files", locations.remember(files, study.path))
            study.changed([one.scan])
    progress(len(gone), len(gone), f"{len(found)} found")
    return {"found": found, "missing": missing}


def _gone(study: Study) -> list[_Gone]:
    rows: list[_Gone] = []
    for scan in study.facts().scans:
        with study.catalogue.reading() as session:
            row = session.get_one(ScanRow, scan.scan)
            if locations.is_missing(row.files, study.path):
                rows.append(_Gone(ScanRow, row.id, row.id, row.name, row.kind, row.files))
            rows += [
                _Gone(
                    LabelSetRow, labels.id, row.id, f"the label map '{labels.name}' of {row.name}",
                    labels.source_kind, labels.source_files, labels.digest,
                )
                for labels in row.label_sets
                if labels.source_files and locations.is_missing(labels.source_files, study.path)
            ]  # fmt: skip
    return rows


def _files_under(folder: Path, gone: Sequence[_Gone], boundary: Callable[[], None]) -> _Places:
    """Files that have the name of one that is gone, by that name; by size, those as large as an image of one file."""
    names = {_base(row[1]).lower() for one in gone for row in one.files}
    sizes = {one.files[0][2] for one in gone if len(one.files) == 1}
    found: _Places = defaultdict(list)
    for parent, folders, files in os.walk(folder):
        boundary()
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if name.lower() in names:
                found[name.lower()].append(path)
            elif sizes and (size := _size(path)) in sizes:
                found[size].append(path)
    return found


def _candidates(remembered: Remembered, there: _Places) -> Iterator[tuple[Path, ...]]:
    """Sets of files with the names and sizes that were imported: each new place of the first, and the others from it.

    The files of a series keep their places relative to each other. Last come files of other names, for a single one.
    """
    old = [_parts(row[1]) for row in remembered]
    levels = list(zip(*(parts[:-1] for parts in old), strict=False))
    shared = next((depth for depth, names in enumerate(levels) if len(set(names)) > 1), len(levels))
    for first in there.get(old[0][-1].lower(), ()):
        up = len(old[0]) - shared - 1
        if up >= len(first.parents):
            continue
        root = first.parents[up]
        files = tuple(root.joinpath(*parts[shared:]) for parts in old)
        if all(_size(file) == row[2] for file, row in zip(files, remembered, strict=True)):
            yield files
    if len(remembered) == 1:
        yield from ((file,) for file in there.get(remembered[0][2], ()))


def _is_it(one: _Gone, files: tuple[Path, ...], boundary: Callable[[], None]) -> bool:
    source = imaging.Source(one.kind, files, one.name)
    try:
        if one.table is ScanRow:
            return imaging.content_id(source, boundary) == one.key
        from sagittal_engine.study.importing import voxel_digest

        return voxel_digest(imaging.label_map(imaging.read(source)).data) == one.digest
    except SagittalError:
        return False


def _parts(path: str) -> list[str]:
    """A path of whichever system as its parts: a study may have moved from Windows."""
    return path.replace("\\", "/").split("/")


def _base(path: str) -> str:
    return _parts(path)[-1]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
