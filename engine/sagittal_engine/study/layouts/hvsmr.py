"""HVSMR: MR of congenital heart disease, the challenge of 2015 and 2016 and HVSMR-2.0.

Sources: Pace et al., MICCAI 2015; Pace et al., Scientific Data 11, 2024.

    training_axial_full_pat0.nii.gz, training_axial_full_pat0-label.nii.gz     ten training, ten testing patients
    training_axial_crop_pat0…, training_sa_crop_pat0…                          cropped; and turned to the short axis
    testing_axial_full_pat10.nii.gz, …                                         without label maps
    pat0_cropped.nii.gz, pat0_cropped_seg.nii.gz                               HVSMR-2.0, sixty patients

Labels of the challenge: 1 myocardium, 2 blood pool. Labels of HVSMR-2.0: the four chambers and four vessels below;
`_seg_endpoints` (where vessels were cut off) and `_norm` (a normalised copy of the image) are left. Attributes: `view`
(axial or short axis), `crop` (full or cropped), `split`, `edition` (2016 or 2.0), and of HVSMR-2.0 `category` from
`hvsmr_clinical.csv`. All versions of one patient are of one subject.
"""

from __future__ import annotations

import re
from pathlib import Path

from sagittal_engine.study.layouts.parts import Files, Found, Member, Truth, known, nifti, rows

TITLE = "HVSMR"
EXPECTS = "It has training_axial_crop_pat0.nii.gz and its -label, or pat0_cropped.nii.gz and pat0_cropped_seg.nii.gz."

NAMES = {1: "myocardium", 2: "blood pool"}
NAMES_2 = {
    1: "left ventricle",
    2: "right ventricle",
    3: "left atrium",
    4: "right atrium",
    5: "aorta",
    6: "pulmonary artery",
    7: "superior vena cava",
    8: "inferior vena cava",
}

_CHALLENGE = re.compile(
    r"^(?P<name>(?P<split>training|testing)_(?P<view>axial|sa)_(?P<crop>full|crop)_(?P<patient>pat\d+))\.nii(\.gz)?$"
)
_SECOND = re.compile(r"^(?P<name>(?P<patient>pat\d+)_cropped)\.nii(\.gz)?$")
_REST = re.compile(r"^pat\d+_cropped_(?P<what>norm|seg_endpoints)\.nii(\.gz)?$")
_WHY_LEFT = {
    "norm": "is a normalised copy of an image that is imported",
    "seg_endpoints": "marks where vessels were cut off, not structures",
}


def find(files: Files) -> Found:
    """Images of both editions, with the label map of the same name beside them."""
    found = Found()
    folders: set[Path] = set()
    for path in files:
        if named := _CHALLENGE.match(path.name):
            found.members.append(_challenge(path, named, files))
        elif named := _SECOND.match(path.name):
            label = nifti(path.parent, f"{named['name']}_seg", files)
            if label is None:
                continue
            folders.add(path.parent)
            found.members.append(_second(path, named["patient"], label, files))
    for path in files:
        if path.parent in folders and (named := _REST.match(path.name)):
            found.left[path] = f"{path.name} {_WHY_LEFT[named['what']]}."
    return found


def _challenge(path: Path, named: re.Match[str], files: Files) -> Member:
    label = nifti(path.parent, f"{named['name']}-label", files) or _elsewhere(f"{named['name']}-label", files)
    return Member(
        path,
        f"{TITLE} {named['patient']}",
        known(
            split=named["split"],
            view={"axial": "axial", "sa": "short axis"}[named["view"]],
            crop={"full": "full", "crop": "cropped"}[named["crop"]],
            edition="2016",
        ),
        {"truth": Truth((label,), NAMES)} if label else {},
        modality="MR",
    )


def _elsewhere(name: str, files: Files) -> Path | None:
    """The label map in another folder ("Ground truth"), where there is one of that name."""
    return files.only(f"{name}.nii.gz") or files.only(f"{name}.nii")


def _second(path: Path, patient: str, label: Path, files: Files) -> Member:
    table = files.only("hvsmr_clinical.csv")
    number = patient.removeprefix("pat")
    row = next((one for one in rows(table) if one.get("pat") == number), None) if table else None
    return Member(
        path,
        f"{TITLE} 2.0 {patient}",
        known(view="axial", crop="cropped", edition="2.0", category=row.get("category", "") if row else ""),
        {"truth": Truth((label,), NAMES_2)},
        modality="MR",
        tables=(table,) if table and row else (),
    )
