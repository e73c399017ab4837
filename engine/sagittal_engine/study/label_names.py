"""Names and colours of an imported label map, from whatever table lies beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal.facts import Label, colour_of
from sagittal_engine import imaging

_ITK_SNAP = re.compile(r'^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\S+\s+\S+\s+\S+\s+"(.*)"\s*$')
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
        text = path.read_text(encoding="utf-8-sig")
        return _from_json(json.loads(text)) if path.suffix == ".json" else _from_itk_snap(text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
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


def _from_json(document: Any) -> dict[int, Label]:
    """Three shapes: a list of rows, number → name (Decathlon), name → number (nnU-Net)."""
    rows = document["labels"] if isinstance(document, Mapping) and "labels" in document else document
    if isinstance(rows, Mapping):
        pairs = [(int(k), str(v)) if str(k).isdigit() else (int(v), str(k)) for k, v in rows.items()]
        return {n: Label(n, name, colour_of(n)) for n, name in pairs if n > 0}
    found = {}
    for row in rows:
        number = int(row["number"])
        if number > 0:
            found[number] = Label(number, str(row["name"]), str(row.get("colour") or colour_of(number)))
    return found


def _from_itk_snap(text: str) -> dict[int, Label]:
    """ITK-SNAP's label description: number, red, green, blue, opacity, visibility, mesh visibility, "name"."""
    found = {}
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        if row := _ITK_SNAP.match(line):
            number, red, green, blue = (int(row[i]) for i in range(1, 5))
            if number > 0:
                found[number] = Label(number, row[5], f"#{red & 255:02X}{green & 255:02X}{blue & 255:02X}")
    return found
