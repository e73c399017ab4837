"""Drishti-GS1 (Sivaswamy et al., JSM Biomedical Imaging Data Papers 2(1), 2015): 101 fundus photographs, disc and cup.

    Training/Images/GLAUCOMA/drishtiGS_002.png, Training/Images/NORMAL/…          or without the folder of diagnosis
    Training/GT/drishtiGS_002/SoftMap/drishtiGS_002_ODsegSoftmap.png, …_cupsegSoftmap.png
    Training/GT/drishtiGS_002/AvgBoundary/….txt, drishtiGS_002_cdrValues.txt      left
    Test/Images/…, Test/Test_GT/…                                                 the same

A soft map's level is the share of four experts who agreed: 0, 64, 128, 191, 255. The structure is where most of them
did, three or four. Attributes: `diagnosis` (where the folder tells), `split`, `domain`.
"""

from __future__ import annotations

import re
from pathlib import Path

from sagittal_engine.study.layouts import fundus
from sagittal_engine.study.layouts.parts import SPLITS, Files, Found, Member, above, known

TITLE = "Drishti-GS"
EXPECTS = "It has Training/Images/drishtiGS_002.png and …/SoftMap/drishtiGS_002_ODsegSoftmap.png."

_IMAGE = re.compile(r"^(?P<number>drishtigs_\d+)\.(png|jpg)$", re.IGNORECASE)
_DIAGNOSES = {"glaucoma": "glaucoma", "normal": "no glaucoma"}


def find(files: Files) -> Found:
    """Pictures by their name, with their soft maps wherever those lie."""
    found = Found()
    for path in files:
        named = _IMAGE.match(path.name)
        if named is None:
            continue
        disc, cup = (files.only(f"{path.stem}_{part}segSoftmap.png") for part in ("OD", "cup"))
        found.members.append(
            Member(
                path,
                f"{TITLE} {path.stem}",
                known(
                    diagnosis=_DIAGNOSES.get(path.parent.name.lower(), ""),
                    split=above(path, SPLITS),
                    domain=TITLE,
                ),
                fundus.truths(truth=fundus.nested(disc, cup)),
                modality=fundus.MODALITY,
            )
        )
    if not any(member.truths for member in found.members):
        return Found()
    found.left = {path: _why_left(path) for path in files if _is_table(path)}
    return found


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".txt" and path.name.lower().startswith("drishtigs_")


def _why_left(path: Path) -> str:
    if path.parent.name.lower() == "avgboundary":
        return f"{path.name} is a contour; the masks are imported from the soft maps."
    return f"{path.name} holds measured ratios, not an image."
