"""A look through files before an import: the rows of the pick list. Needs no study and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.facts import SeriesFacts
from sagittal_engine import imaging
from sagittal_engine.imaging.discovery import natural
from sagittal_engine.study import thumbnails
from sagittal_engine.study.candidates import Candidate, look


def look_through(
    paths: Sequence[Path], progress: Callable[[int, int, str], None], boundary: Callable[[], None]
) -> dict[str, Any]:
    """The document of `look --json`: "series", a list of `SeriesFacts`; "refused", files with reasons; the "paths"."""
    found = look([Path(path) for path in paths], (), progress, boundary)
    loose = [Candidate(source, header) for source, header in found.loose_labels]
    return {
        "paths": [str(Path(path).absolute()) for path in paths],
        "series": [_facts(candidate) for candidate in _in_order([*found.images, *loose])],
        "refused": [{"path": str(path), "reason": reason} for path, reason in found.refused.items()],
    }


def picture(series: SeriesFacts) -> np.ndarray[Any, Any]:
    """uint8 (rows, columns): the middle slice of what a look found, at most 96 px a side."""
    source = imaging.Source(series.kind, tuple(Path(file) for file in series.files), series.name)
    return thumbnails.draw(imaging.glimpse(source))


def _in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """DICOM series by person and by number, as a scanner lists them; everything else as it was found."""
    people: dict[str, int] = {}

    def place(candidate: Candidate) -> tuple[object, ...]:
        source, header = candidate.source, candidate.header
        person = people.setdefault(header.subject or str(source.path.parent), len(people))
        if source.kind != "dicom":
            return (person, 0, [], [])
        number = header.facts.get("series number", "")
        folder = natural(str(source.path.parent))
        return (person, int(number) if number.isdecimal() else 0, folder, natural(source.name))

    return sorted(candidates, key=place)


def _facts(candidate: Candidate) -> SeriesFacts:
    source, header = candidate.source, candidate.header
    return SeriesFacts(
        name=source.name,
        kind=source.kind,
        files=tuple(str(file) for file in source.files),
        subject=header.subject,
        modality=header.modality,
        shape=header.shape,
        spacing=header.spacing,
        labels=tuple(str(file) for label in candidate.labels for file in label.source.files),
        warnings=(*header.warnings, *candidate.warnings),
    )
