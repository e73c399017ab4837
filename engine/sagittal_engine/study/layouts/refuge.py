"""REFUGE (Orlando et al., Medical Image Analysis 59, 2020): 1,200 fundus photographs of two cameras, disc and cup.

    Training400/Glaucoma/g0001.jpg, Training400/Non-Glaucoma/n0001.jpg             Zeiss Visucam 500
    Annotation-Training400/Disc_Cup_Masks/Glaucoma/g0001.bmp, …/Non-Glaucoma/n0001.bmp
    REFUGE-Validation400/V0001.jpg · REFUGE-Validation400-GT/Disc_Cup_Masks/V0001.bmp       Canon CR-2
    Test400/T0001.jpg · REFUGE-Test-GT/Disc_Cup_Masks/G/T0001.bmp (or N/)                   Canon CR-2

Masks: 0 cup, 128 disc, 255 background. A widespread copy has train, val and test folders with Images, Masks (0, 1, 2)
and index.json, besides cropped and squared copies, which are left. Attributes: `diagnosis` (from the picture's first
letter, the mask's folder, or index.json), `split`, `camera`, and `domain`: "REFUGE" for the training camera, "REFUGE
valid" for the other, as test-time adaptation counts them (Chen et al., GraTa, AAAI 2025).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from sagittal_engine.study.layouts import fundus
from sagittal_engine.study.layouts.parts import Files, Found, Member, known

TITLE = "REFUGE"
EXPECTS = "It has Training400/Glaucoma/g0001.jpg and Annotation-Training400/Disc_Cup_Masks/Glaucoma/g0001.bmp."

_IMAGE = re.compile(r"^(?P<part>[gnVT])\d{4}\.(jpg|png)$", re.IGNORECASE)
_SPLITS = {"g": "training", "n": "training", "v": "validation", "t": "testing"}
_BY_LETTER = {"g": "glaucoma", "n": "no glaucoma"}
_BY_FOLDER = {"g": "glaucoma", "glaucoma": "glaucoma", "n": "no glaucoma", "non-glaucoma": "no glaucoma"}
_MASK_FOLDERS = {"disc_cup_masks", "masks", "mask"}
_COPIES = {"images_cropped", "images_square", "masks_cropped", "masks_square"}


def find(files: Files) -> Found:
    """Pictures named as REFUGE's that have a mask of the same name in one of its mask folders."""
    pictures = [path for path in files if _IMAGE.match(path.name) and not _of_masks(path)]
    masks = {path: mask for path in pictures if (mask := _mask(path, files)) is not None}
    if not masks:
        return Found()
    found = Found()
    labels: dict[Path, dict[str, str]] = {}
    for path in pictures:
        if path.parent.name.lower() in _COPIES:
            continue
        letter, mask = path.name[0].lower(), masks.get(path)
        index = path.parent.parent / "index.json"
        if index not in labels:
            labels[index] = _index(index)
        diagnosis = _BY_LETTER.get(letter) or labels[index].get(path.name.lower(), "")
        if not diagnosis and mask is not None:
            diagnosis = _BY_FOLDER.get(mask.parent.name.lower(), "")
        first = _SPLITS[letter] == "training"
        found.members.append(
            Member(
                path,
                f"{TITLE} {path.stem}",
                known(
                    diagnosis=diagnosis,
                    split=_SPLITS[letter],
                    camera="Zeiss Visucam 500" if first else "Canon CR-2",
                    domain=TITLE if first else f"{TITLE} valid",
                ),
                {"truth": fundus.in_levels(mask)} if mask else {},
                modality=fundus.MODALITY,
                tables=(index,) if labels[index] else (),
            )
        )
    roots = {path.parent.parent for path in masks}
    found.left = {
        path: f"{path.name} in {path.parent.name} is a cut copy of a picture that is imported whole."
        for path in files
        if path.parent.name.lower() in _COPIES and path.parent.parent in roots
    }
    return found


def _of_masks(path: Path) -> bool:
    return any(folder.name.lower() in _MASK_FOLDERS for folder in list(path.parents)[:2])


def _mask(image: Path, files: Files) -> Path | None:
    """The mask of `image`: of its own part first, for copies of the set share names."""
    if image.parent.name.lower() in _COPIES:
        return None
    found = [
        path
        for path in files.by_stem.get(image.stem.lower(), ())
        if path.suffix.lower() in (".bmp", ".png") and _of_masks(path)
    ]
    near = [path for path in found if path.parent.parent == image.parent.parent]
    return next(iter(near or found), None)


def _index(path: Path) -> dict[str, str]:
    """Picture → diagnosis, from the copy's index.json; empty where there is none."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8")).values()
        return {str(e["ImgName"]).lower(): fundus.GLAUCOMA[str(e["Label"])] for e in entries if "Label" in e}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}
