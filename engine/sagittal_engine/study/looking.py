"""A look through files before an import: the rows of the pick list. Needs no study and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import SeriesFacts
from sagittal_engine import imaging
from sagittal_engine.imaging.discovery import natural
from sagittal_engine.study import layouts, other_grids, thumbnails
from sagittal_engine.study.candidates import Candidate, join, look
from sagittal_engine.study.importing import home_of

if TYPE_CHECKING:
    from sagittal_engine.study.study import Study


def look_through(
    paths: Sequence[Path],
    progress: Callable[[int, int, str], None],
    boundary: Callable[[], None],
    *,
    labels: Sequence[Path] = (),
    layout: str = layouts.AUTO,
    study: Study | None = None,
) -> dict[str, Any]:
    """What an import of the same would find: "series", a list of `SeriesFacts`; "other_grids", of `OtherGrid`;
    "refused", files with reasons; the "paths" and "labels".

    DICOM segmentations that came without their series are compared with those of `study`.
    """
    found = look([Path(path) for path in paths], [Path(path) for path in labels], progress, boundary, layout)
    homes = _homes(study, found.segmentations, boundary) if study is not None else []
    loose = [Candidate(source, header) for source, header in found.loose_labels]
    return {
        "paths": [str(Path(path).absolute()) for path in paths],
        "labels": [str(Path(path).absolute()) for path in labels],
        "series": [_facts(candidate) for candidate in _in_order([*found.images, *loose])],
        "other_grids": other_grids.among([*found.images, *homes]),
        "refused": [{"path": str(path), "reason": reason} for path, reason in found.refused.items()],
    }


def _homes(
    study: Study, segmentations: Sequence[tuple[imaging.Source, imaging.Header]], boundary: Callable[[], None]
) -> list[Candidate]:
    """Scans of the study that the `segmentations` belong to; one that belongs to none is refused by the import."""
    homes: list[Candidate] = []
    for source, header in segmentations:
        boundary()
        try:
            home = home_of(study, source, homes)
        except SagittalError:
            continue
        if home is not None:
            join(source, header, *home)
            homes += [home[0]] if home[0] not in homes else []
    return homes


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
