"""The SNOMED CT code of what a label is, told by its name.

Names are looked up among the concepts that DICOM itself lists for segments (PS3.16, context groups 7192, 7191 and
7194), in whatever order their words come: "right kidney", "kidney_right" and "Kidney, right" are one thing. A side, or
an anterior or posterior part, that no concept of its own has becomes a modifier. What a name does not tell stays
"Tissue", which is true of anything that is segmented.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

GROUPS = {7192: codes.SCT.AnatomicalStructure, 7191: codes.SCT.Tissue, 7194: codes.SCT.MorphologicallyAbnormalStructure}
"""Context group → the category (context group 7150) of its members; the first group that has a name counts."""

MODIFIERS = {
    "left": codes.SCT.Left,
    "right": codes.SCT.Right,
    "anterior": codes.SCT.Anterior,
    "posterior": codes.SCT.Posterior,
}
"""Words that say which part of a structure is meant (context groups 244 and 245)."""

_SAME = {
    "l": "left", "lt": "left", "r": "right", "rt": "right", "ant": "anterior", "post": "posterior",
    "bowel": "intestine", "cancer": "neoplasm", "oesophagus": "esophagus", "tumor": "neoplasm", "tumour": "neoplasm",
    "vertebrae": "vertebra",
}  # fmt: skip
"""Words in use → the standard's."""
_SILENT = {"of", "the", "and", "structure"}
_NO_STRUCTURE = {"Normal", "Phantom"}
"""Members of the groups that say nothing of a body's part."""

_ALSO = {
    "aneurysm": codes.SCT.Aneurysm,
    "bladder gall": codes.SCT.Gallbladder,
    "bladder urinary": codes.SCT.Bladder,
    "gland thyroid": codes.SCT.Thyroid,
    "heart left atrium": codes.SCT.LeftAtrium,
    "heart left ventricle": codes.SCT.LeftVentricle,
    "heart right atrium": codes.SCT.RightAtrium,
    "heart right ventricle": codes.SCT.RightVentricle,
    "retina": codes.SCT.Retina,
    "vessel": codes.SCT.BloodVessel,
}
"""Other names in use, and structures that the groups leave out."""


@dataclass(frozen=True)
class Meaning:
    """What a segment is, in DICOM's terms (PS3.3 C.8.20.2.3)."""

    category: Code
    type: Code
    modifiers: tuple[Code, ...] = ()


UNKNOWN = Meaning(codes.SCT.Tissue, codes.SCT.Tissue)


def meaning_of(name: str) -> Meaning:
    """What a label of that name is; `UNKNOWN` where the name says no structure that the standard lists."""
    words = frozenset(_words(name))
    parts = [word for word in MODIFIERS if word in words]
    for said in (words, words - set(parts)):
        for kept in (said, frozenset(word for word in said if not word.isdigit())):
            found = _known().get(kept) or _known().get(frozenset(map(_singular, kept)))
            if found is not None:
                return Meaning(*found, () if said is words else tuple(MODIFIERS[part] for part in parts))
    return UNKNOWN


def _words(name: str) -> Iterable[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return (_SAME.get(word, word) for word in re.findall(r"[a-z]+\d*|\d+", spaced) if word not in _SILENT)


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


@functools.cache
def _known() -> dict[frozenset[str], tuple[Code, Code]]:
    """Words of a name → category and type."""
    found: dict[frozenset[str], tuple[Code, Code]] = {}
    for group, category in GROUPS.items():
        listed = getattr(codes, f"cid{group}")
        for keyword in listed.dir():
            code = getattr(listed, keyword)
            if code.scheme_designator == "SCT" and keyword not in _NO_STRUCTURE:
                found.setdefault(frozenset(_words(keyword)), (category, code))
    for name, code in _ALSO.items():
        abnormal = code == codes.SCT.Aneurysm
        category = codes.SCT.MorphologicallyAbnormalStructure if abnormal else codes.SCT.AnatomicalStructure
        found[frozenset(name.split())] = (category, code)
    return found
