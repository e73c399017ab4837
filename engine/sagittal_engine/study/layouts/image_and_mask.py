"""Pictures in a folder of images beside a folder of masks: how most 2D sets are shared, and fundus domains among them.

    fundus_hrf_vessel/images/05_dr.jpg · fundus_hrf_vessel/masks/05_dr.jpg
    Fundus/Domain1/train/ROIs/image/gdrishtiGS_002.png · Fundus/Domain1/train/ROIs/mask/gdrishtiGS_002.png

The second is the collection of Wang et al. (DoFE, IEEE TMI 39(12), 2020): Drishti-GS, RIM-ONE r3, REFUGE training and
REFUGE validation as Domain1 to Domain4. Masks of three levels of grey hold disc and cup (255 background, 128 disc, 0
cup). Which mask goes with which picture is told by names, as ever. Attributes: `domain`, the first folder above whose
name says more than "train" or "images"; `split`, where a folder says it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from sagittal.engine_port import SagittalError
from sagittal_engine.imaging import mask_pictures
from sagittal_engine.imaging.naming import stem
from sagittal_engine.imaging.volume import Source
from sagittal_engine.study.layouts import fundus
from sagittal_engine.study.layouts.parts import SPLITS, Files, Found, Member, above, known

TITLE = "Folders of pictures and masks"
EXPECTS = "It has images/a.png and masks/a.png."

_IMAGES, _MASKS = {"image", "images", "img", "imgs"}, {"mask", "masks"}
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_PLAIN = {*SPLITS, *_IMAGES, "rois", "roi", "data", "dataset", "datasets"}
"""Folder names that say nothing of where pictures come from."""

LOOKED_AT = 5
"""Masks that are looked into to know whether all are in levels."""


def find(files: Files) -> Found:
    """Pictures whose folder has a folder of masks beside it."""
    found = Found()
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        if path.suffix.lower() in _PICTURES:
            folders[path.parent].append(path)
    beside = {folder.parent: folder for folder in folders if folder.name.lower() in _MASKS}
    for folder, pictures in folders.items():
        if folder.name.lower() not in _IMAGES or folder.parent not in beside:
            continue
        masks = {stem(mask).lower(): mask for mask in folders[beside[folder.parent]]}
        levels = are_in_levels(list(masks.values()))
        for path in pictures:
            mask = masks.get(stem(path).lower()) if levels else None
            found.members.append(
                Member(
                    path,
                    attributes=known(domain=_domain(path), split=above(path, SPLITS)),
                    truths={"truth": fundus.in_levels(mask)} if mask else None,
                    modality=fundus.MODALITY if levels else "",
                )
            )
    return found


def are_in_levels(masks: Sequence[Path]) -> bool:
    """Whether the first of `masks` have black, white and one level between, and nothing else."""
    looked = [_in_levels(mask) for mask in masks[:LOOKED_AT]]
    return any(looked) and sum(looked) * 2 > len(looked)


def _in_levels(mask: Path) -> bool:
    try:
        return mask_pictures.three_levels(Source("image", (mask,), mask.stem))
    except SagittalError:
        return False


def _domain(path: Path) -> str:
    return next((folder.name for folder in path.parents if folder.name.lower() not in _PLAIN), "")
