"""MM-WHS 2017 (Zhuang et al., Medical Image Analysis 58, 2019): whole hearts in CT and in MR, of different patients.

    ct_train/ct_train_1001_image.nii.gz, ct_train_1001_label.nii.gz, … 1020
    mr_train/mr_train_1001_image.nii.gz, mr_train_1001_label.nii.gz, … 1020
    ct_test/ct_test_2001_image.nii.gz, … 2040 · mr_test/…      without label maps

Labels keep the challenge's numbers: 205 myocardium (of the left ventricle), 420 left atrium, 500 left ventricle, 550
right atrium, 600 right ventricle, 820 ascending aorta, 850 pulmonary artery. In a label map of MR, voxels of the left
atrium have the number 421, which users of the set take for a misprint of 420; so it is read. Attributes: `domain` (CT
or MR), `split`.
"""

from __future__ import annotations

import re

from sagittal_engine.study.layouts.parts import Files, Found, Member, Truth, nifti

TITLE = "MM-WHS"
EXPECTS = "It has ct_train_1001_image.nii.gz (or mr_…) and ct_train_1001_label.nii.gz."

NAMES = {
    205: "myocardium",
    420: "left atrium",
    500: "left ventricle",
    550: "right atrium",
    600: "right ventricle",
    820: "ascending aorta",
    850: "pulmonary artery",
}

MISPRINT = "nifti with 421 as 420"

_IMAGE = re.compile(r"^(?P<case>(?P<domain>ct|mr)_(?P<split>train|test)_\d+)_image\.nii(\.gz)?$")


def find(files: Files) -> Found:
    """Images, with the label map of the same case beside them where there is one."""
    found = Found()
    for path in files:
        named = _IMAGE.match(path.name)
        if named is None:
            continue
        domain = named["domain"].upper()
        label = nifti(path.parent, f"{named['case']}_label", files)
        found.members.append(
            Member(
                path,
                f"{TITLE} {named['case']}",
                {"domain": domain, "split": f"{named['split']}ing"},
                {"truth": Truth((label,), NAMES, MISPRINT if domain == "MR" else "")} if label else {},
                modality=domain,
            )
        )
    return found
