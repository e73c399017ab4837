"""Names and colours of labels in files: our own `.labels.json`, ITK-SNAP's `.label`, 3D Slicer's `.seg.nrrd` headers.

Colours are "#RRGGBB". Number 0, the background, has no row; ITK-SNAP's line for it is written and skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sagittal.facts import Label, colour_of
from sagittal_engine.imaging import storage
from sagittal_engine.imaging.volume import ImagingError, Source

READABLE = (".label", ".txt", ".json", ".seg.nrrd", ".nrrd")
"""Endings of files that a label table can be read from."""

WRITABLE = (".label", ".json")
"""Endings a label table can be written to by itself; a `.seg.nrrd` is an export, which has voxels."""

_SIZE_LIMIT = 2**24
"""Bytes: a table of all 65,535 labels stays far below."""

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")

_SNAP_LINE = re.compile(r'\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\S+\s+\S+\s+\S+\s+"(.*)"\s*')
"""Index, red, green, blue, opacity, visibility, mesh visibility, "name"."""

_SNAP_HEAD = """\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    MSH:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
    0     0    0    0        0  0  0    "Clear Label"
"""


def read_label_table(path: Path) -> tuple[Label, ...]:
    """The rows of a table, in order of number; its kind is told by the ending.

    A JSON table may be a list of rows, number → name (Decathlon's `dataset.json`) or name → number (nnU-Net's). Of a
    `.seg.nrrd` only the header is read. Raises `ImagingError` where the file is no table, or names nothing.
    """
    if not path.name.lower().endswith(READABLE):
        raise ImagingError(
            f"{path.name} is no label table that can be read. Choose an ITK-SNAP .label, a 3D Slicer .seg.nrrd or a"
            " .labels.json."
        )
    table = _table(path)
    if not table:
        raise ImagingError(f"{path.name} holds no label names.")
    return table


def write_label_table(path: Path, table: Sequence[Label]) -> None:
    """Writes a table in the kind its ending says (`WRITABLE`), atomically.

    ITK-SNAP ends a name at a quotation mark, so there “"” becomes “'”.
    """
    if path.name.lower().endswith(".label"):
        text = _SNAP_HEAD + "".join(_snap_line(row) for row in table)
    elif path.name.lower().endswith(".json"):
        rows = [{"number": row.number, "name": row.name, "colour": row.colour} for row in table]
        text = json.dumps({"labels": rows}, indent=1, ensure_ascii=False) + "\n"
    else:
        raise ImagingError(f"A label table is written as .label (ITK-SNAP) or .labels.json; '{path.name}' is neither.")
    with storage.atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_snap_writes(row: Label) -> Label:
    """`row` as ITK-SNAP's format can hold it: one line, no quotation mark."""
    return Label(row.number, " ".join(row.name.replace('"', "'").split()), row.colour)


def label_table(source: Source) -> tuple[Label, ...]:
    """Names and colours that come with a label map: its `.labels.json`, or a segmentation's header (Slicer, DICOM)."""
    for companion in source.companions:
        if companion.name.endswith(".labels.json"):
            return _table(companion)
    if source.kind == "dicom-seg":
        from sagittal_engine.imaging.dicom import segmentation

        return segmentation.label_table(source.path)
    return _table(source.path) if source.kind == "nrrd" else ()


def components(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of "#RRGGBB", each 0…255."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return (red, green, blue)


def _table(path: Path) -> tuple[Label, ...]:
    try:
        named = {row.number: row for row in _rows(path) if row.number}
    except ImagingError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImagingError(f"{path.name} is not a table of label names: {error}.") from error
    if named and not 0 < min(named) <= max(named) <= 65535:
        raise ImagingError(f"{path.name} has a label number outside 1 to 65535.")
    return tuple(named[number] for number in sorted(named))


def _rows(path: Path) -> Iterable[Label]:
    if path.name.lower().endswith((".nrrd", ".nhdr")):
        return _slicer(path)
    if path.stat().st_size > _SIZE_LIMIT:
        raise ImagingError(f"{path.name} is far too large for a table of label names.")
    block = path.read_bytes()
    try:
        text = block.decode("utf-8-sig")
    except UnicodeDecodeError:  # as older Windows programs write
        text = block.decode("cp1252", "replace")
    return _json(json.loads(text)) if path.suffix.lower() == ".json" else _snap(text)


def _json(document: Any) -> Iterable[Label]:
    rows = document["labels"] if isinstance(document, Mapping) and "labels" in document else document
    if isinstance(rows, Mapping):
        pairs = ((int(k), str(v)) if str(k).isdigit() else (int(v), str(k)) for k, v in rows.items())
        return [_label(number, name, "") for number, name in pairs]
    return [_label(int(row["number"]), str(row["name"]), str(row.get("colour") or "")) for row in rows]


def _snap(text: str) -> Iterable[Label]:
    for line in text.splitlines():
        if found := _SNAP_LINE.fullmatch(line):
            number, *colour = (int(part) & 0xFFFFFF for part in found.groups()[:4])
            yield _label(number, found[5], "#" + "".join(f"{min(part, 255):02X}" for part in colour))


def _slicer(path: Path) -> Iterable[Label]:
    from sagittal_engine.imaging import nrrd

    return [_label(number, name, colour) for number, name, colour in nrrd.segments(path)]


def _snap_line(row: Label) -> str:
    red, green, blue = components(row.colour)
    return f'{row.number:5d} {red:5d} {green:4d} {blue:4d}        1  1  1    "{as_snap_writes(row).name}"\n'


def _label(number: int, name: str, colour: str) -> Label:
    return Label(number, name, colour.upper() if _COLOUR.fullmatch(colour) else colour_of(max(1, number)))
