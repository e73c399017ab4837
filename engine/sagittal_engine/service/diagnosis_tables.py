"""A diagnosis as tables: Markdown for people, CSV with a row per exam and label. No torch."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sagittal.diagnosis import DiagnosisFacts, ExamDiagnosis, Opinion

TITLES = {
    "accuracy": "accuracy",
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "calibration_error": "calibration error",
}


def markdown(facts: DiagnosisFacts) -> str:
    """Figures of each label with their intervals, the planes' weights, and what must be said beside them."""
    lines = [
        f"# Diagnosis of {len(facts.exams)} exams",
        "",
        f"Runs: {', '.join(facts.request.runs)}; {facts.request.draws} draws of slices, averaged. Mean (95 % interval, "
        "2,000 bootstrap draws over exams; n exams).",
        "",
        "| label | " + " | ".join(TITLES.values()) + " | weights |",
        "|---|" + "---:|" * len(TITLES) + "---|",
    ]
    for label in facts.labels:
        own = facts.figures.get(label, {})
        weights = ", ".join(f"{plane} {weight:.2f}" for plane, weight in facts.weights.get(label, {}).items())
        lines.append(f"| {label} | " + " | ".join(_figure(own.get(name)) for name in TITLES) + f" | {weights} |")
    return "\n".join([*lines, "", *facts.notes, ""])


def _figure(figure: Mapping[str, float] | None) -> str:
    if figure is None or not math.isfinite(figure["mean"]):
        return "–"
    return f"{figure['mean']:.3f} ({figure['low']:.3f}–{figure['high']:.3f}; {figure['n']:.0f})"


def rows(exams: Sequence[ExamDiagnosis]) -> list[dict[str, Any]]:
    """A row per exam and label."""
    return [_row(exam, opinion) for exam in exams for opinion in exam.opinions]


def _row(exam: ExamDiagnosis, opinion: Opinion) -> dict[str, Any]:
    return {
        "exam": exam.exam.exam,
        "subject": exam.exam.subject,
        "label": opinion.label,
        "probability": opinion.probability,
        "low": opinion.low,
        "high": opinion.high,
        "truth": opinion.truth,
        "planes": {plane: sum(told) / len(told) for plane, told in opinion.planes.items()},
        "weights": dict(opinion.weights),
        "missing": list(exam.missing),
    }


def table_csv(exams: Sequence[ExamDiagnosis]) -> str:
    """The rows, with a column of probability and of weight for each plane."""
    found = rows(exams)
    planes = list(dict.fromkeys(plane for row in found for plane in row["planes"]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = [f"{plane} {what}" for plane in planes for what in ("probability", "weight")]
    writer.writerow(["exam", "subject", "label", "probability", "low", "high", "truth", *heads, "missing"])
    for row in found:
        truth = "" if row["truth"] is None else int(row["truth"])
        cells = [row[of].get(plane, "") for plane in planes for of in ("planes", "weights")]
        first = [row[name] for name in ("exam", "subject", "label", "probability", "low", "high")]
        writer.writerow([*first, truth, *cells, " ".join(row["missing"])])
    return out.getvalue()


def document(facts: DiagnosisFacts, exams: Sequence[ExamDiagnosis]) -> dict[str, Any]:
    """What `diagnose --json` prints: plain values."""
    return {"diagnosis": facts.id, **asdict(facts), "cases": rows(exams)}
