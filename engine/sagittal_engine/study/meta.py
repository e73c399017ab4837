"""Meta labels from a table: one row per scan, named by file, stem, scan name, id or subject."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts
from sagittal_engine.imaging.naming import stem

NAMING = ("scan", "image", "file", "filename", "path", "name", "id", "subject", "patient", "case")
"""Columns that may name the scan, the first present wins; else the first column does."""


@dataclass
class MetaTable:
    """What a table says about the scans of a study."""

    values: dict[str, dict[str, str]] = field(default_factory=dict)
    """Scan id → column → value; empty cells are left out."""
    unknown: list[str] = field(default_factory=list)
    """One sentence per row that names no scan of the study."""


def read_meta(path: Path, scans: Iterable[ScanFacts]) -> MetaTable:
    """Reads a CSV (comma, semicolon or tab) with a heading line; raises `SagittalError` where it is not one."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SagittalError(f"The table {path} could not be read: {error}. Save it as CSV in UTF-8.") from error
    lines = text.splitlines()
    if not lines or not lines[0].strip():
        raise SagittalError(f"The table {path.name} is empty. Its first line names the columns, one of them the scan.")
    delimiter = max(",;\t", key=lines[0].count)
    reader = csv.reader(lines, delimiter=delimiter)
    heading = [cell.strip() for cell in next(reader)]
    lowered = [cell.lower() for cell in heading]
    column = next((lowered.index(name) for name in NAMING if name in lowered), 0)
    by_name = _names(scans)
    table = MetaTable()
    for number, row in enumerate(reader, start=2):
        if not any(cell.strip() for cell in row):
            continue
        named = row[column].strip() if column < len(row) else ""
        found = by_name.get(named.lower()) or by_name.get(stem(Path(named.replace("\\", "/"))).lower())
        if not found:
            table.unknown.append(f"Row {number} of {path.name} names '{named}', which is no scan of this study.")
            continue
        values = {
            key: cell.strip()
            for index, (key, cell) in enumerate(zip(heading, row, strict=False))
            if key and cell.strip() and (index != column or lowered[index] == "subject")
        }
        for scan in found:
            table.values.setdefault(scan, {}).update(values)
    return table


def _names(scans: Iterable[ScanFacts]) -> dict[str, list[str]]:
    """Every way to name a scan; a name that two scans share names neither, a subject names all its scans."""
    exact: dict[str, list[str]] = {}
    subjects: dict[str, list[str]] = {}
    for scan in scans:
        path = Path(scan.path)
        for name in {scan.scan, scan.name.lower(), stem(path).lower(), path.name.lower(), scan.path.lower()}:
            exact.setdefault(name, []).append(scan.scan)
        subjects.setdefault(scan.subject.lower(), []).append(scan.scan)
    return {**subjects, **{name: found for name, found in exact.items() if len(found) == 1}}
