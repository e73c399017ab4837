"""MRNet v1.0 (Bien et al., PLOS Medicine 15(11), 2018): 1,370 knee MR exams in three planes, labelled by exam.

    train/axial/0000.npy, train/coronal/…, train/sagittal/…               uint8 (slices, 256, 256), exams 0000 to 1129
    valid/axial/1130.npy, …                                               exams 1130 to 1249
    train-abnormal.csv, train-acl.csv, train-meniscus.csv, valid-…        no heading; a row is `0000,1`

The tables lie beside the folders or in `labels`. A plane of an exam is a scan, an exam a subject. Attributes: `exam`,
`plane`, `split`, and one for each table: `abnormal`, `acl`, `meniscus`, 0 or 1.
"""

from __future__ import annotations

import re
from pathlib import Path

from sagittal_engine.imaging.slice_stack import KINDS
from sagittal_engine.study.layouts.parts import SPLITS, Files, Found, Member, cells

TITLE = "MRNet"
EXPECTS = "It has train/sagittal/0000.npy and train-acl.csv beside train."

_TABLE = "{split}-*.csv"


def find(files: Files) -> Found:
    """Arrays in a folder named for their plane, in a folder named for their part."""
    found = Found()
    tables: dict[Path, dict[str, tuple[Path, dict[str, str]]]] = {}
    for path in files:
        plane, split = path.parent.name.lower(), path.parent.parent.name
        if path.suffix.lower() != ".npy" or plane not in KINDS or split.lower() not in SPLITS:
            continue
        part = path.parent.parent
        if part not in tables:
            tables[part] = _labels(part)
        exam = path.stem
        labels = {label: values[exam] for label, (_, values) in tables[part].items() if exam in values}
        found.members.append(
            Member(
                path,
                f"{TITLE} {exam}",
                {"exam": exam, "plane": plane, "split": SPLITS[split.lower()], **labels},
                {},
                name=f"{exam} {plane}",
                kind=KINDS[plane],
                modality="MR",
                tables=tuple(tables[part][label][0] for label in labels),
            )
        )
    return found if any(tables.values()) else Found()


def _labels(part: Path) -> dict[str, tuple[Path, dict[str, str]]]:
    """Label → its table and exam → value, of the tables of one part."""
    found: dict[str, tuple[Path, dict[str, str]]] = {}
    for folder in (part.parent, part.parent / "labels"):
        for table in sorted(folder.glob(_TABLE.format(split=part.name))):
            label = table.stem.partition("-")[2].lower()
            values = {row[0]: row[1] for row in cells(table) if len(row) == 2 and re.fullmatch(r"\d+", row[1])}
            if label and values:
                found.setdefault(label, (table, values))
    return found
