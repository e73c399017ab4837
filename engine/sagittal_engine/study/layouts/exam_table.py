"""A table of exams: any CSV with the columns exam, plane and path, and a column for each label.

    exam,plane,path,acl,meniscus
    E01,sagittal,E01/sag.nii.gz,1,0
    E01,coronal,E01/cor.npy,1,0

Paths count from the table's folder, and may name a folder with one DICOM series. A file may be any image; bare arrays
(.npy, .pck) are slices of the named plane (axial, coronal or sagittal). The column `subject` (or `patient`) names the
person, else the exam does. Every other column becomes an attribute.
"""

from __future__ import annotations

from pathlib import Path

from sagittal_engine.imaging.slice_stack import KINDS
from sagittal_engine.study.layouts.parts import Files, Found, Member, has_columns, rows

TITLE = "Table of exams"
EXPECTS = "It has a CSV with the columns exam, plane and path."

_NEEDED = frozenset({"exam", "plane", "path"})
_BARE = (".npy", ".pck", ".pkl")


def find(files: Files) -> Found:
    """The files that such tables list."""
    found = Found()
    for table in (path for path in files if path.suffix.lower() == ".csv"):
        for number, row in enumerate(_rows(table), start=2):
            path = _place(table, row["path"])
            if path not in files and path not in files.by_folder:
                found.left.setdefault(path, f"Row {number} of {table.name} names {row['path']}, which is not there.")
                continue
            plane, bare = row["plane"].lower(), path.suffix.lower() in _BARE
            if bare and plane not in KINDS:
                found.left[path] = (
                    f"Row {number} of {table.name} calls the plane of {path.name} '{row['plane']}'; slices are"
                    f" {', '.join(KINDS)}."
                )
                continue
            person = row.get("subject") or row.get("patient") or row["exam"]
            columns = {name: value for name, value in row.items() if name and value}
            attributes = {n: v for n, v in columns.items() if n not in ("path", "subject", "patient")}
            found.members += [
                Member(
                    file,
                    person,
                    {**attributes, "plane": plane},
                    name=f"{row['exam']} {plane}",
                    kind=KINDS[plane] if bare else "",
                    tables=(table,),
                )
                for file in files.by_folder.get(path, (path,))  # which file a series is known by shows later
            ]
    return found if found.members else Found()


def files_of(table: Path) -> list[Path]:
    """The files and folders that an exam table lists and that are there; none where it is no such table."""
    return [path for row in _rows(table) if (path := _place(table, row["path"])).exists()]


def _rows(table: Path) -> list[dict[str, str]]:
    if not has_columns(table, _NEEDED):
        return []
    return [row for row in rows(table) if row.keys() >= _NEEDED and row["path"]]


def _place(table: Path, path: str) -> Path:
    return (table.parent / path.replace("\\", "/")).absolute()
