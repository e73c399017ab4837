"""RIM-ONE r3 (Fumero et al., 2015; University of La Laguna): 159 stereo photographs of the optic disc.

    Healthy/Stereo Images/N-1-L.jpg                                   2144 × 1424: the same disc twice, side by side
    Healthy/Average_masks/N-1-L-Disc-Avg.png, N-1-L-Cup-Avg.png       mean contour of two experts (and .txt contours)
    Healthy/Expert1_masks/N-1-L-1-Disc-exp1.png, …Cup-exp1.png        also named without the "-1" after the eye
    Healthy/Expert2_masks/…
    Glaucoma and suspects/Stereo Images/G-1-L.jpg, S-1-R.jpg, …

Masks lie on the left picture of the pair, so the left half is the image. The average is the label set "truth"; where it
is missing, expert 1 is. The experts' own are "truth expert 1" and "truth expert 2". Attributes: `diagnosis` (N healthy,
G glaucoma, S suspect), `eye`, `domain` (the data set's name). Both eyes of a person are of one subject.
"""

from __future__ import annotations

import re
from pathlib import Path

from sagittal_engine.study.layouts import fundus
from sagittal_engine.study.layouts.parts import Files, Found, Member, Truth, known

TITLE = "RIM-ONE r3"
EXPECTS = "It has Healthy/Stereo Images/N-1-L.jpg and Healthy/Average_masks/N-1-L-Disc-Avg.png."

_IMAGE = re.compile(r"^(?P<person>[NGS]-\d+)-(?P<eye>[LR])\.(jpg|png|tif|bmp)$", re.IGNORECASE)
_DIAGNOSES = {"n": "healthy", "g": "glaucoma", "s": "suspect"}
_MASKS = ("average_masks", "expert1_masks", "expert2_masks")


def find(files: Files) -> Found:
    """Pictures in "Stereo Images", with the masks of the folders beside it."""
    found = Found()
    places: set[Path] = set()
    for path in files:
        named = _IMAGE.match(path.name)
        if named is None or path.parent.name.lower() != "stereo images":
            continue
        average, first, second = (_masks(path, expert, files) for expert in ("Avg", "exp1", "exp2"))
        places.add(path.parent.parent)
        found.members.append(
            Member(
                path,
                f"{TITLE} {named['person'].upper()}",
                known(
                    diagnosis=_DIAGNOSES[named["person"][0].lower()],
                    eye=fundus.EYES[named["eye"].lower()],
                    domain=TITLE,
                ),
                fundus.truths(truth=average or first, truth_expert_1=first, truth_expert_2=second),
                kind="stereo",
                modality=fundus.MODALITY,
            )
        )
    found.left = {
        path: f"{path.name} is the contour of a mask that is imported as a picture."
        for path in files
        if path.suffix.lower() == ".txt" and path.parent.parent in places and path.parent.name.lower() in _MASKS
    }
    return found


def _masks(image: Path, expert: str, files: Files) -> Truth | None:
    folder = "Average_masks" if expert == "Avg" else f"Expert{expert[-1]}_masks"
    names = [image.stem] if expert == "Avg" else [f"{image.stem}-1", image.stem]

    def mask(part: str) -> Path | None:
        places = (image.parent.parent / folder / f"{name}-{part}-{expert}.png" for name in names)
        return next((path for path in places if path in files), None)

    return fundus.nested(mask("Disc"), mask("Cup"), stereo=True)
