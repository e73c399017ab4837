"""What file names tell: the stem without its endings, and whether a file calls itself a label map."""

from __future__ import annotations

import re
from pathlib import Path

_ENDINGS = (
    ".nii.gz", ".nii", ".hdr.gz", ".img.gz", ".hdr", ".img", ".seg.nrrd", ".nrrd", ".nhdr", ".mha", ".mhd",
    ".dcm.gz", ".dcm", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".npy", ".pck", ".mat",
)  # fmt: skip

_LABEL_WORD = re.compile(r"(^|[^a-z])(labels?|labelmap|seg|segs|segmentations?|masks?|gt|annotations?)([^a-z]|$)")
_LABEL_FOLDER = re.compile(r"^(labels?(tr|ts)?|masks?|seg|segs|segmentations?|gt|annotations?)$")


def quoted(words: object, most: int = 80) -> str:
    """Words out of a file as part of a sentence of ours: one line, printable, not long, without a full stop."""
    text = " ".join(str(words).split())
    text = "".join(letter if letter.isprintable() and letter != "\N{REPLACEMENT CHARACTER}" else "?" for letter in text)
    return (text if len(text) <= most else f"{text[:most]}…").rstrip(".:")


def stem(path: Path) -> str:
    """The file name without its (possibly double) ending: "liver.nii.gz" gives "liver"."""
    lowered = path.name.lower()
    for ending in _ENDINGS:
        if lowered.endswith(ending) and len(lowered) > len(ending):
            return path.name[: -len(ending)]
    return path.name


def named_like_labels(path: Path) -> bool:
    """Whether the file's name, or its folder's, has a word for labels in it."""
    return bool(_LABEL_WORD.search(path.name.lower()) or _LABEL_FOLDER.match(path.parent.name.lower()))


def labels_sidecar(path: Path) -> Path:
    """Where the names and colours of the label map `path` are kept: `<stem>.labels.json` beside it."""
    return path.with_name(f"{stem(path)}.labels.json")
