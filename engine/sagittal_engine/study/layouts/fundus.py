"""What layouts of optic disc and cup share.

A pixel has one label: 1 disc where it lies in the disc and outside the cup, 2 cup where it lies in the cup. The disc of
the literature, cup included, is the union of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sagittal_engine.study.layouts.parts import Truth

NAMES = {1: "disc", 2: "cup"}
MODALITY = "fundus"

EYES = {"l": "left", "os": "left", "r": "right", "od": "right"}
GLAUCOMA = {"0": "no glaucoma", "1": "glaucoma"}


def nested(disc: Path | None, cup: Path | None, *, stereo: bool = False) -> Truth | None:
    """The truth of one picture per structure; None where there is no disc. Without a cup the disc is whole."""
    if disc is None:
        return None
    files = (disc, cup) if cup is not None else (disc,)
    return Truth(files, NAMES, "nested masks of a stereo picture" if stereo else "nested masks")


def in_levels(mask: Path) -> Truth:
    """The truth of one picture with a level of grey per structure."""
    return Truth((mask,), NAMES, "mask in levels")


def truths(**sets: Truth | None) -> Mapping[str, Truth]:
    """Label sets by name, those that are not there left out; underscores become spaces."""
    return {name.replace("_", " "): truth for name, truth in sets.items() if truth is not None}
