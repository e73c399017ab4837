"""KneeMRI: 917 sagittal knee volumes from Rijeka.

Source: Štajduhar et al., Computer Methods and Programs in Biomedicine 140, 2017.

    metadata.csv              examId, seriesNo, aclDiagnosis, kneeLR, roiX, …, volumeFilename
    vol01/329637-8.pck, …     ten folders; a numpy array (slices, rows, columns) in a pickle, read without running it

Attributes: `exam`, `acl` (0 healthy, 1 partially injured, 2 completely ruptured, in words), `acl injury` (0 or 1: any
injury), `acl rupture` (0 or 1), `knee` as the table has it, `volume folder`, and `split`, the one of the thesis on
SKID (ch. 3): 03, 04, 06, 07, 08 and 09 for training, 05 and 10 for validation, 01 and 02 for testing.
"""

from __future__ import annotations

import re
from pathlib import Path

from sagittal_engine.imaging.slice_stack import KINDS
from sagittal_engine.study.layouts.parts import Files, Found, Member, has_columns, known, rows

TITLE = "KneeMRI"
EXPECTS = "It has metadata.csv with the columns examId, aclDiagnosis and volumeFilename, and the .pck files it names."

_GRADES = {"0": "healthy", "1": "partially injured", "2": "completely ruptured"}
_FOLDER = re.compile(r"^vol0?(?P<number>\d{1,2})$", re.IGNORECASE)
_NEEDED = frozenset({"examid", "acldiagnosis", "volumefilename"})
_VALIDATION, _TESTING = {5, 10}, {1, 2}


def find(files: Files) -> Found:
    """The volumes that the table lists, wherever they lie."""
    table = _table(files)
    found = Found()
    if table is None:
        return found
    for row in rows(table):
        path = files.only(row["volumefilename"]) if row.keys() >= _NEEDED else None
        if path is None:
            continue
        exam, grade = row["examid"], row["acldiagnosis"]
        folder, split = _place(path)
        found.members.append(
            Member(
                path,
                f"{TITLE} {exam}",
                known(
                    exam=exam,
                    plane="sagittal",
                    acl=_GRADES.get(grade, ""),
                    acl_injury=str(int(grade != "0")) if grade in _GRADES else "",
                    acl_rupture=str(int(grade == "2")) if grade in _GRADES else "",
                    knee=row.get("kneelr", ""),
                    volume_folder=folder,
                    split=split,
                ),
                {},
                kind=KINDS["sagittal"],
                modality="MR",
                tables=(table,),
            )
        )
    return found


def _table(files: Files) -> Path | None:
    """`metadata.csv` with the set's columns: among the files, or in a folder above a volume."""
    volumes = {path.parent for path in files if path.suffix.lower() in (".pck", ".pkl")}
    beside = (place / "metadata.csv" for folder in volumes for place in (folder, folder.parent))
    for path in (*files.by_name.get("metadata.csv", ()), *dict.fromkeys(beside)):
        if has_columns(path, _NEEDED):
            return path
    return None


def _place(path: Path) -> tuple[str, str]:
    """The volume folder ("vol08") and its part of the split; empty where the files lie elsewhere."""
    for folder in path.parents:
        if named := _FOLDER.match(folder.name):
            number = int(named["number"])
            split = "testing" if number in _TESTING else "validation" if number in _VALIDATION else "training"
            return f"vol{number:02d}", split
    return "", ""
