"""One table of a label set's cases: volumes, surfaces, figures, reviews and times; `export` and `review` write it."""

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
    from sagittal_engine.imaging.exporters.measures import Measure
    from sagittal_engine.study import Study

COLUMNS = (
    "scan", "name", "subject", "label_set", "number", "label", "voxels", "volume_ml", "surface_cm2", "volume_z",
    "entropy_bits", "disagreement", "mean_confidence", "need", "review", "edited", "time_s", "run", "supports",
)  # fmt: skip
"""A row is one label of one case; `need`, `review`, `edited` (by hand) and `time_s` are the case's."""

Measured = Mapping[str, Sequence["Measure"]]
"""Scan → what was measured of its labels."""


def write_table(study: Study, label_set: str, out: Path, scans: Sequence[str], task: Task) -> Mapping[str, Any]:
    """Writes the table of the chosen scans (all, where none are named) to `out`, reads it again and compares.

    Cases come in the order of review, and are compared with all cases of the set. Returns {"file", "rows", "verified",
    "differences", "refused"}: a scan whose labels cannot be measured is refused with its reason, and keeps its rows
    with what is on record. Raises `SagittalError` where no chosen scan has the label set or the file cannot be written.
    """
    chosen = {study.find(scan).scan for scan in scans}
    cases = [(facts, one) for facts in study.facts().scans for one in facts.label_sets if one.name == label_set]
    if not any(not chosen or facts.scan in chosen for facts, _ in cases):
        raise SagittalError(f"No chosen scan has a label set '{label_set}'.")
    work = _Measuring(study, label_set)
    counted = []
    for done, (facts, one) in enumerate(cases):
        task.progress(done, len(cases), f"Measuring {facts.name}")
        counted.append(
            (facts, work.measure(facts, one) if not chosen or facts.scan in chosen else work.count(facts, one))
        )
    rows = [row for row in table(queue(counted), work.measured) if not chosen or row["scan"] in chosen]
    try:
        with replacing(out) as temporary:
            _write(temporary, rows)
    except OSError as error:
        raise SagittalError(f"The table {out} could not be written: {error.strerror or error}.") from error
    with out.open(newline="", encoding="utf-8-sig") as file:
        if list(csv.DictReader(file)) != rows:
            work.differences.append(f"{out.name} reads back otherwise than it was written.")
    task.progress(len(cases), len(cases), f"{len(rows)} rows written")
    return {
        "file": str(out),
        "rows": len(rows),
        "verified": not work.differences,
        "differences": work.differences,
        "refused": work.refused,
    }


class _Measuring:
    """Measures cases one by one, and keeps what came of it."""

    def __init__(self, study: Study, label_set: str) -> None:
        self._study, self._label_set = study, label_set
        self.measured: dict[str, list[Measure]] = {}
        self.differences: list[str] = []
        self.refused: list[dict[str, str]] = []

    def measure(self, facts: ScanFacts, one: LabelSetFacts) -> LabelSetFacts:
        """The set's facts with voxels of every label, as measured now."""
        from sagittal_engine.imaging.exporters import measures

        try:
            loan = self._study.labels(facts.scan, self._label_set)
            found = measures.measure(loan.data, loan.labels, self._study.header(facts.scan))
        except (SagittalError, OSError, MemoryError) as error:
            reason = str(error) or f"{facts.name} does not fit into memory."
            self.refused.append({"scan": facts.scan, "name": facts.name, "reason": reason})
            return one
        self.measured[facts.scan] = found
        self.differences += [f"{facts.name}: {said}" for said in measures.miscounted(found, loan.data)]
        return _with_voxels(one, {each.label.name: each.voxels for each in found})

    def count(self, facts: ScanFacts, one: LabelSetFacts) -> LabelSetFacts:
        """The same for a case that is only compared with: as last saved, and counted where nothing is on record."""
        if all(one.figures.get(row.name, LabelFigures()).voxels is not None for row in one.labels):
            return one
        try:
            data = self._study.labels(facts.scan, self._label_set).data
        except SagittalError:
            return one
        return _with_voxels(one, {row.name: int(np.count_nonzero(data == row.number)) for row in one.labels})


def _with_voxels(one: LabelSetFacts, voxels: Mapping[str, int]) -> LabelSetFacts:
    known = {name: replace(one.figures.get(name, LabelFigures()), voxels=count) for name, count in voxels.items()}
    return replace(one, figures={**one.figures, **known})


def table(cases: Sequence[Case], measured: Measured) -> list[dict[str, str]]:
    """A row per case and label, as text, in the order of `COLUMNS`; empty where a figure is not known."""
    found = doubts(cases)
    rows = []
    for facts, one in cases:
        odd = {row.label: row.value for row in found[facts.scan] if row.kind == "volume"}
        sizes = {each.label.name: each for each in measured.get(facts.scan, ())}
        for label in one.labels:
            figures = one.figures.get(label.name, LabelFigures())
            known = [value for value in one.confidence.get(label.name, ()) if value is not None]
            size = sizes.get(label.name)
            volume = None if figures.voxels is None else volume_ml(facts, figures.voxels)
            values = {
                "scan": facts.scan,
                "name": facts.name,
                "subject": facts.subject,
                "label_set": one.name,
                "number": str(label.number),
                "label": label.name,
                "voxels": "" if figures.voxels is None else str(figures.voxels),
                "volume_ml": _text(size.volume if size else volume, 3),
                "surface_cm2": _text(size.surface if size else None, 2),
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
