"""Volumes, figures, reviews and times of a label set's cases as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import LabelFigures, LabelSetFacts, ScanFacts
from sagittal.review import Case, doubts, need, queue, volume_ml
from sagittal_engine.store.atomic import replacing
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

COLUMNS = (
    "scan", "name", "subject", "label_set", "number", "label", "voxels", "volume_ml", "volume_z", "entropy_bits",
    "disagreement", "mean_confidence", "need", "review", "edited", "time_s", "run", "supports",
)  # fmt: skip
"""A row is one label of one case; `need`, `review`, `edited` (by hand) and `time_s` are the case's."""


def write_table(study: Study, label_set: str, out: Path, scans: Sequence[str], task: Task) -> Mapping[str, Any]:
    """Writes the table to `out`, reads it again and compares; returns {"file", "rows", "verified"}.

    Voxels are those of the last save; where none are known, as of imported label maps, they are counted now. Scans may
    be chosen; they are compared with all cases of the set. Raises `SagittalError` where no chosen scan has the label
    set or the file cannot be written.
    """
    chosen = {study.find(scan).scan for scan in scans}
    cases = [(facts, one) for facts in study.facts().scans for one in facts.label_sets if one.name == label_set]
    if not any(not chosen or facts.scan in chosen for facts, _ in cases):
        raise SagittalError(f"No chosen scan has a label set '{label_set}'.")
    counted = []
    for done, (facts, one) in enumerate(cases):
        task.progress(done, len(cases), f"Counting {facts.name}")
        counted.append((facts, one if _is_counted(one) else _count(study, facts, one)))
    rows = [row for row in table(queue(counted)) if not chosen or row["scan"] in chosen]
    try:
        with replacing(out) as temporary:
            _write(temporary, rows)
    except OSError as error:
        raise SagittalError(f"The table {out} could not be written: {error.strerror or error}.") from error
    with out.open(newline="", encoding="utf-8-sig") as file:
        verified = list(csv.DictReader(file)) == rows
    task.progress(len(cases), len(cases), f"{len(rows)} rows written")
    return {"file": str(out), "rows": len(rows), "verified": verified}


def _is_counted(one: LabelSetFacts) -> bool:
    return all(row.name in one.figures and one.figures[row.name].voxels is not None for row in one.labels)


def _count(study: Study, facts: ScanFacts, one: LabelSetFacts) -> LabelSetFacts:
    """The set's facts with voxels of every label, counted now; where its files are gone they stay unknown."""
    try:
        data = study.labels(facts.scan, one.name).data
    except SagittalError:
        return one
    figures = {
        row.name: replace(one.figures.get(row.name, LabelFigures()), voxels=int(np.count_nonzero(data == row.number)))
        for row in one.labels
    }
    return replace(one, figures=figures)


def table(cases: Sequence[Case]) -> list[dict[str, str]]:
    """A row per case and label, as text, in the order of `COLUMNS`; empty where a figure is not known."""
    found = doubts(cases)
    rows = []
    for facts, one in cases:
        odd = {row.label: row.value for row in found[facts.scan] if row.kind == "volume"}
        for label in one.labels:
            figures = one.figures.get(label.name, LabelFigures())
            known = [value for value in one.confidence.get(label.name, ()) if value is not None]
            volume = None if figures.voxels is None else volume_ml(facts, figures.voxels)
            values = {
                "scan": facts.scan,
                "name": facts.name,
                "subject": facts.subject,
                "label_set": one.name,
                "number": str(label.number),
                "label": label.name,
                "voxels": "" if figures.voxels is None else str(figures.voxels),
                "volume_ml": _text(volume, 3),
                "volume_z": _text(odd.get(label.name), 2),
                "entropy_bits": _text(figures.entropy, 4),
                "disagreement": _text(figures.disagreement, 4),
                "mean_confidence": _text(sum(known) / len(known) if known else None, 4),
                "need": _text(need(found[facts.scan]), 3),
                "review": one.review,
                "edited": "yes" if one.origin.get("edited") else "no",
                "time_s": _text(one.seconds, 1),
                "run": str(one.origin.get("run", "")),
                "supports": " ".join(supports_of(one, label.name)),
            }
            rows.append({column: values[column] for column in COLUMNS})
    return rows


def supports_of(one: LabelSetFacts, label: str) -> list[str]:
    """Ids of the support scans that a prediction of `label` comes from."""
    return [str(row["support"]) for row in one.origin.get("examples", ()) if row["label"] == label]


def _text(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Comma-separated, UTF-8 with the mark by which spreadsheets know it."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
