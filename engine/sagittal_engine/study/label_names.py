"""Names and colours of an imported label map, from whatever table lies beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sagittal.engine_port import SagittalError
from sagittal.facts import Label, colour_of
from sagittal_engine import imaging

_FOLDER_TABLES = ("labels.json", "dataset.json", "labels.label", "labels.txt")


def names_of(source: imaging.Source, numbers: Iterable[int]) -> tuple[tuple[Label, ...], Path | None]:
    """The label table for `numbers`, and the file it was read from (None where nothing is beside the map).

    Looked for, in this order: the map's own table (`<stem>.labels.json`, a Slicer segmentation's header), a table
    with the map's stem (.json, ITK-SNAP .label or .txt), then one for the whole folder or the folder above
    (`labels.json`, `dataset.json`, `labels.label`, `labels.txt`, or the only ITK-SNAP table there). A number without a
    name is called "label N".
    """
    found: dict[int, Label] = {}
    used: Path | None = None
    try:
        found = {row.number: row for row in imaging.label_table(source)}
        used = next((c for c in source.companions if found), None)
    except SagittalError:
        found = {}
    if not found:
        for path in _tables_beside(source):
            found = read(path)
            if found:
                used = path
                break
    return tuple(found.get(n) or Label(n, f"label {n}", colour_of(n)) for n in sorted(numbers)), used


def read(path: Path) -> dict[int, Label]:
    """A table of label names; empty where the file is not one."""
    try:
        return {row.number: row for row in imaging.read_label_table(path)}
    except SagittalError:
        return {}


def _tables_beside(source: imaging.Source) -> Iterable[Path]:
    folder, stem = source.path.parent, _stem(source.path)
    named = [folder / f"{stem}{ending}" for ending in (".json", ".label", ".txt")]
    shared = [place / name for place in (folder, folder.parent) for name in _FOLDER_TABLES]
    snap = sorted(folder.glob("*.label"))
    return [p for p in (*named, *shared, *(snap if len(snap) == 1 else ())) if p.is_file()]


def _stem(path: Path) -> str:
    from sagittal_engine.imaging.naming import stem

    return stem(path)
