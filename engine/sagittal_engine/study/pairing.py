"""Which label map belongs to which image, told from names and folders alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_WORDS = r"labels?|labelmap|seg|segmentation|segmentations|masks?|gt|annotations?|manual"
_SUFFIX = re.compile(rf"^(?P<rest>.+?)[-_. ](?P<word>{_WORDS})$", re.IGNORECASE)
_PREFIX = re.compile(rf"^(?P<word>{_WORDS})[-_. ]?(?P<rest>.+)$", re.IGNORECASE)
_STRUCTURE = re.compile(r"^(?P<rest>.+)[-_](?P<word>od|oc|disc|cup|vessels?)$", re.IGNORECASE)
"""Endings that name a structure; they mean a label map only where an image has the rest of the name."""
_BARE = re.compile(rf"^({_WORDS})$", re.IGNORECASE)
_IMAGE_SUFFIX = re.compile(r"^(?P<rest>.+?)[-_. ](image|img|volume|0000)$", re.IGNORECASE)
_IMAGE_PREFIX = re.compile(r"^(image|img|volume)[-_. ]?(?P<rest>.+)$", re.IGNORECASE)
_LABEL_FOLDER = re.compile(r"^(labels?(tr|ts)?|masks?|segs?|segmentations?|gt|annotations?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Named:
    """A file (or a DICOM series by its first file) as the rules see it."""

    path: Path
    stem: str
    is_series: bool = False
    says_labels: bool = False
    """The file's header calls it a label map."""

    @property
    def folder(self) -> Path:
        return self.path.parent


@dataclass(frozen=True)
class Pair:
    """A label map (index), its image (index), the rule that joined them, and the word that told it."""

    image: int
    label: int
    rule: str
    word: str


def pair(items: Sequence[Named]) -> list[Pair]:
    """Joins label maps to images.

    A label map's name is an image's with a word for labels in front or behind (`label_7` to `image_7`, `ct-label` to
    `ct`), or the same name in a folder named for labels. Both lie in one folder, in sibling folders, or the label
    map's folder lies in the image's. A file called just `labels` goes with the only image of its folder or below.
    """
    images_by_key: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        for key in _image_keys(item):
            images_by_key[key].append(index)
    surely_labels = {i for i, item in enumerate(items) if is_named_label(item)}
    pairs: list[Pair] = []
    for index, item in enumerate(items):
        for key, word in _label_keys(item):
            near = [
                i for i in images_by_key.get(key, ()) if i != index and i not in surely_labels and _near(items[i], item)
            ]
            best = _closest(near, items, item)
            if best is not None:
                rule = "same name in a label folder" if not word else f"'{word}' in the name"
                pairs.append(Pair(best, index, rule, word))
                break
    taken = {p.label for p in pairs} | {p.image for p in pairs}
    for index, item in enumerate(items):
        if index not in taken and _BARE.match(item.stem):
            alone = _only_image_below(item, items, surely_labels)
            if alone is not None:
                pairs.append(Pair(alone, index, "the only image beside it", item.stem.lower()))
    return pairs


def is_named_label(item: Named) -> bool:
    """Whether the name, the folder or the header says that this is a label map."""
    return (
        bool(_SUFFIX.match(item.stem) or _PREFIX.match(item.stem) or _BARE.match(item.stem))
        or bool(_LABEL_FOLDER.match(item.folder.name))
        or item.says_labels
    ) and not item.is_series


def _image_keys(item: Named) -> set[str]:
    keys = {item.stem.lower()}
    for rule in (_IMAGE_SUFFIX, _IMAGE_PREFIX):
        if found := rule.match(item.stem):
            keys.add(found["rest"].lower())
    return keys


def _label_keys(item: Named) -> Iterable[tuple[str, str]]:
    """Names an image of this label map could have, each with the word that was taken off ("" for none)."""
    if item.is_series:
        return
    for rule in (_SUFFIX, _PREFIX, _STRUCTURE):
        if found := rule.match(item.stem):
            yield found["rest"].lower(), found["word"].lower()
    if _LABEL_FOLDER.match(item.folder.name):
        yield item.stem.lower(), ""


def _near(image: Named, label: Named) -> bool:
    return image.folder in (label.folder, label.folder.parent) or image.folder.parent == label.folder.parent


def _closest(near: Sequence[int], items: Sequence[Named], label: Named) -> int | None:
    """The one image in the nearest place; None where there is none or where two are equally near."""
    for same_place in (
        [i for i in near if items[i].folder == label.folder],
        [i for i in near if items[i].folder != label.folder],
    ):
        if same_place:
            return same_place[0] if len(same_place) == 1 else None
    return None


def _only_image_below(label: Named, items: Sequence[Named], surely_labels: set[int]) -> int | None:
    below = [i for i, item in enumerate(items) if i not in surely_labels and item.path.is_relative_to(label.folder)]
    return below[0] if len(below) == 1 else None
