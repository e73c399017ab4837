"""Label maps of another grid on the command line: asked for at a terminal, and pictured by `look --previews`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from sagittal.engine_port import SagittalError
from sagittal.facts import OtherGrid, Resampled
from sagittal_engine.cli.session import Session
from sagittal_engine.cli.status import say

ASK, RESAMPLE, REFUSE = "ask", "resample", "refuse"
MARGIN = 18
"""Pixels round a plane, for its letters."""


def check(choice: str) -> None:
    """Raises `SagittalError` for what is no choice."""
    if choice not in (ASK, RESAMPLE, REFUSE):
        raise SagittalError(f"--other-grids is one of {ASK}, {RESAMPLE}, {REFUSE}; got '{choice}'.")


def is_asked(choice: str, as_json: bool) -> bool:
    """Whether somebody is to be asked, and is there: a script that is not, is told in the report."""
    return choice == ASK and not as_json and sys.stdin.isatty()


def confirmed(on: Session, found: Sequence[OtherGrid]) -> list[Path]:
    """Asks for each label map whether it is to be resampled; returns those that are."""
    taken = []
    for one in found:
        path = Path(one.files[0])
        say(f"The label map {path.name} lies on another grid than its image {one.name}. {one.difference}")
        say(f"Resampled to the image's grid, nearest neighbour: {in_words(on.engine.resampled(one))}.")
        if typer.confirm("Import it resampled? (`sagittal look --previews DIR` draws it over the scan)", err=True):
            taken.append(path)
    return taken


def in_words(made: Resampled) -> str:
    """ "liver 1,502 ml becomes 1,498 ml; spleen …" """
    digits = 0 if made.unit == "voxels" else 1
    sizes = [
        f"{row.name} {before:,.{digits}f} {made.unit} becomes {after:,.{digits}f} {made.unit}"
        for row, before, after in made.volumes
    ]
    return "; ".join(sizes) or "it is empty"


def describe(on: Session, found: Sequence[OtherGrid], folder: Path | None) -> list[dict[str, Any]]:
    """The rows of `look --json`; where a `folder` is given, each with its label map drawn there over its image."""
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(found, start=1):
        row: dict[str, Any] = {"path": one.files[0], "image": one.image_files[0], "difference": one.difference}
        if folder is not None:
            made = on.engine.resampled(one)
            drawn = folder / f"label map {number}.png"
            folder.mkdir(parents=True, exist_ok=True)
            _draw(made).save(drawn)
            row |= {"preview": str(drawn), "becomes": in_words(made)}
        rows.append(row)
    return rows


def sentence(row: Mapping[str, Any]) -> str:
    """One of those rows for a person."""
    said = f"{row['difference']} An import would resample it, nearest neighbour"
    return (
        f"{said}: {row['becomes']}. See {row['preview']}." if "preview" in row else f"{said}; --previews DIR shows it."
    )


def _draw(made: Resampled) -> Any:
    """The planes side by side, with letters at their edges; a Pillow picture."""
    from PIL import Image, ImageDraw

    width = sum(plane.shape[1] + 2 * MARGIN for plane in made.planes)
    picture = Image.new("RGB", (width, max(plane.shape[0] for plane in made.planes) + 2 * MARGIN))
    pen, left = ImageDraw.Draw(picture), 0
    for plane, edges in zip(made.planes, made.edges, strict=True):
        rows, columns = plane.shape[:2]
        picture.paste(Image.fromarray(plane), (left + MARGIN, MARGIN))
        middle = (left + MARGIN + columns // 2, MARGIN + rows // 2)
        places = ((left + 5, middle[1] - 6), (left + MARGIN + columns + 5, middle[1] - 6), (middle[0] - 3, 3),
                  (middle[0] - 3, MARGIN + rows + 3))  # fmt: skip
        for place, letter in zip(places, edges, strict=False):
            pen.text(place, letter, fill=(240, 240, 240))
        left += columns + 2 * MARGIN
    return picture
