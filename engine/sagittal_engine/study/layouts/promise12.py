"""PROMISE12 (Litjens et al., Medical Image Analysis 18(2), 2014): T2 MR of the prostate from four centres.

    TrainingData_Part1/Case00.mhd, Case00.raw, Case00_segmentation.mhd, Case00_segmentation.raw, … Case49
    TestData/Case00.mhd, Case00.raw, … Case29             other patients than the training cases of the same number

Label: 1 prostate. The challenge does not say which case is of which centre. Where the cases lie in folders named for
their centre, as in the multi-site collection made of PROMISE12, NCI-ISBI 2013 and I2CVB (Liu et al., IEEE TMI 39(9),
2020: RUNMC, BMC, I2CVB, UCL, BIDMC, HK with `Case00.nii.gz`), the folder is the attribute `domain`. Further attributes:
`split`, told by whether any case of the folder has a label map.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from sagittal_engine.study.layouts.parts import Files, Found, Member, Truth, above, known

TITLE = "PROMISE12"
EXPECTS = "It has Case00.mhd and Case00_segmentation.mhd in one folder."

NAMES = {1: "prostate"}
CENTRES = {name.lower(): name for name in ("RUNMC", "BMC", "I2CVB", "UCL", "BIDMC", "HK")}

_CASE = re.compile(r"^(?P<case>case\d+)(?P<label>_segmentation)?\.(mhd|mha|nii|nii\.gz)$", re.IGNORECASE)


def find(files: Files) -> Found:
    """Cases, where at least one of them has a label map."""
    images: dict[Path, dict[str, Path]] = defaultdict(dict)
    labels: dict[Path, dict[str, Path]] = defaultdict(dict)
    for path in files:
        if named := _CASE.match(path.name):
            (labels if named["label"] else images)[path.parent][named["case"].lower()] = path
    if not any(labels.get(folder, {}).keys() & cases.keys() for folder, cases in images.items()):
        return Found()
    found = Found()
    for folder, cases in images.items():
        split = "training" if labels.get(folder) else "testing"
        for case, path in cases.items():
            centre = above(path, CENTRES)
            label = labels[folder].get(case)
            found.members.append(
                Member(
                    path,
                    " ".join(word for word in (TITLE, centre, split, case) if word),
                    known(domain=centre, split=split),
                    {"truth": Truth((label,), NAMES)} if label else {},
                    modality="MR",
                )
            )
    return found
