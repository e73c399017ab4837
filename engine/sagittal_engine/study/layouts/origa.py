"""ORIGA-light (Zhang et al., IEEE EMBC 2010): 650 fundus photographs of the Singapore Malay Eye Study, disc and cup.

    Images/001.jpg … 650.jpg
    Masks/001.png …                             0 background, 1 disc around the cup, 2 cup
    Semi-automatic-annotations/001.mat …        the same as a MATLAB matrix; used where there is no Masks folder
    OrigaList.csv                               Eye (OD, OS), Filename, ExpCDR, Set (A, B), Glaucoma (0, 1)
    Images_Cropped, Images_Square, Masks_…      cut copies, which are left

Attributes: `diagnosis`, `eye`, `split` (set A or B), `domain`.
"""

from __future__ import annotations

import re
from pathlib import Path

from sagittal_engine.study.layouts import fundus
from sagittal_engine.study.layouts.parts import Files, Found, Member, Truth, known, rows

TITLE = "ORIGA"
EXPECTS = "It has Images/001.jpg with Masks/001.png or Semi-automatic-annotations/001.mat, and OrigaList.csv."

_IMAGE = re.compile(r"^\d{3}\.jpg$", re.IGNORECASE)
_MATLAB = "Semi-automatic-annotations"
_COPIES = {"images_cropped", "images_square", "masks_cropped", "masks_square"}


def find(files: Files) -> Found:
    """Numbered pictures in "Images" that have a mask, or are listed in the table beside."""
    found = Found()
    tables: dict[Path, dict[str, dict[str, str]]] = {}
    for path in files:
        if not _IMAGE.match(path.name) or path.parent.name.lower() != "images":
            continue
        root = path.parent.parent
        if root not in tables:
            tables[root] = {row.get("filename", "").lower(): row for row in rows(root / "OrigaList.csv")}
        row = tables[root].get(path.name.lower())
        truth = _truth(root, path.stem, files)
        if row is None and (truth is None or not _is_origa(root)):
            continue
        row = row or {}
        found.members.append(
            Member(
                path,
                f"{TITLE} {path.stem}",
                known(
                    diagnosis=fundus.GLAUCOMA.get(row.get("glaucoma", ""), ""),
                    eye=fundus.EYES.get(row.get("eye", "").lower(), ""),
                    split=row.get("set", ""),
                    domain=TITLE,
                ),
                fundus.truths(truth=truth),
                name=f"{TITLE} {path.stem}",
                modality=fundus.MODALITY,
                tables=(root / "OrigaList.csv",) if row else (),
            )
        )
    roots = {member.image.parent.parent for member in found.members}
    used = {file for member in found.members for truth in (member.truths or {}).values() for file in truth.files}
    for path in files:
        if path.parent.parent not in roots or path in used:
            continue
        if path.parent.name.lower() in _COPIES:
            found.left[path] = f"{path.name} in {path.parent.name} is a cut copy of a picture that is imported whole."
        elif path.parent.name.lower() == _MATLAB.lower() and path.suffix.lower() == ".mat":
            found.left[path] = f"{path.name} holds the mask that is imported from Masks."
    return found


def _is_origa(root: Path) -> bool:
    return "origa" in root.name.lower() or (root / _MATLAB).is_dir()


def _truth(root: Path, number: str, files: Files) -> Truth | None:
    if (mask := root / "Masks" / f"{number}.png") in files:
        return fundus.in_levels(mask)
    if (matrix := root / _MATLAB / f"{number}.mat") in files:
        return Truth((matrix,), fundus.NAMES, "matlab mask")
    return None
