"""ACDC, the Automated Cardiac Diagnosis Challenge (Bernard et al., IEEE TMI 37(11), 2018): cine MR of 150 hearts.

    training/patient001/Info.cfg                          ED: 1, ES: 12, Group: DCM, Height, NbFrame, Weight
    training/patient001/patient001_4d.nii.gz              the whole heart beat
    training/patient001/patient001_frame01.nii.gz         the frame at end diastole (ED)
    training/patient001/patient001_frame01_gt.nii.gz      its label map
    training/patient001/patient001_frame12.nii.gz, …      the frame at end systole (ES)
    testing/patient101/…                                  the same; labels were given out after the challenge

Labels: 1 right ventricle, 2 myocardium, 3 left ventricle (cavities). Groups: NOR healthy, MINF infarction, DCM dilated,
HCM hypertrophic, RV abnormal right ventricle; thirty patients each. Attributes: `phase` (ED or ES), `diagnosis` (the
group), `split`. A 3D frame that is neither ED nor ES has no phase and, as a rule, no label map.
"""

from __future__ import annotations

import re
from pathlib import Path

from sagittal_engine.study.layouts.parts import SPLITS, Files, Found, Member, Truth, above, known, nifti

TITLE = "ACDC"
EXPECTS = "It has patient001/patient001_frame01.nii.gz and its _gt, beside Info.cfg."

NAMES = {1: "right ventricle", 2: "myocardium", 3: "left ventricle"}

_FRAME = re.compile(r"^(?P<patient>patient\d+)_frame(?P<frame>\d+)\.nii(\.gz)?$")
_CINE = re.compile(r"^patient\d+_4d\.nii(\.gz)?$")


def find(files: Files) -> Found:
    """Frames beside an `Info.cfg`; the cine is left, for its frames are there."""
    found = Found()
    infos: dict[Path, dict[str, str]] = {}
    for path in files:
        named = _FRAME.match(path.name)
        table = path.parent / "Info.cfg"
        if named is None or not table.is_file():
            continue
        info = infos.setdefault(path.parent, _info(table))
        phases = {_number(info.get(phase.lower(), "")): phase for phase in ("ED", "ES")}
        label = nifti(path.parent, f"{named['patient']}_frame{named['frame']}_gt", files)
        found.members.append(
            Member(
                path,
                f"{TITLE} {named['patient']}",
                known(
                    phase=phases.get(int(named["frame"]), ""),
                    diagnosis=info.get("group", ""),
                    split=above(path, SPLITS),
                ),
                {"truth": Truth((label,), NAMES)} if label else {},
                modality="MR",
                tables=(table,),
            )
        )
    found.left = {
        path: f"{path.name} is the whole heart beat (4D). Its frames at end diastole and end systole are imported."
        for path in files
        if path.parent in infos and _CINE.match(path.name)
    }
    return found


def _info(path: Path) -> dict[str, str]:
    """The "Key: value" lines of `Info.cfg`, keys in small letters."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {key.strip().lower(): value.strip() for key, colon, value in pairs if colon}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1
