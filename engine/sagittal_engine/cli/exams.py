"""`exams`: the study's exams, and which of their labels occur together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.concurrence import Concurrence, concurrence, yes_or_no
from sagittal.diagnosis import ExamFacts
from sagittal_engine.cli import options
from sagittal_engine.cli.output import table
from sagittal_engine.cli.session import session

PLANES = ("sagittal", "coronal", "axial")


def register(app: typer.Typer) -> None:
    app.command("exams")(exams)


def exams(
    context: typer.Context,
    study: options.Study,
    labels: Annotated[
        bool, typer.Option("--labels", help="Which labels occur together, and how unevenly (SCUMBLE).")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Lists exams: the scans of one person and sitting, by the attributes 'exam' and 'plane' (or how thick slices lie).

    With --labels, how many exams have each label and each two of them, over the attributes that are yes or no (1 or 0).
    """
    with session(context, as_json, study) as on:
        found = on.engine.exams()
        if labels:
            together = concurrence(truths_of(found))
            on.output.give(document(together), lambda console: _show(console, together))
        else:
            on.output.give(found, lambda console: _list(console, found))


def truths_of(found: Sequence[ExamFacts]) -> dict[str, dict[str, bool]]:
    """Exam → label → whether it has it, of attributes that say yes or no."""
    return {
        exam.exam: {name: said for name, value in exam.labels.items() if (said := yes_or_no(value)) is not None}
        for exam in found
    }


def document(together: Concurrence) -> dict[str, Any]:
    """What `exams --labels --json` prints."""
    return {
        "labels": together.labels,
        "exams": together.exams,
        "counts": together.counts,
        "told": together.told,
        "imbalance": together.imbalance,
        "scumble": together.mean_scumble,
        "scumble_by_exam": dict(together.scumble),
    }


def _list(console: Console, found: Sequence[ExamFacts]) -> None:
    if not found:
        console.print("The study has no exam yet: it has no scan.", markup=False)
        return
    names = list(dict.fromkeys(name for exam in found for name in exam.labels if name != "exam"))
    rows = [
        (
            exam.exam,
            exam.subject,
            *("yes" if plane in exam.planes else "–" for plane in PLANES),
            *(exam.labels.get(name, "–") for name in names),
        )
        for exam in found
    ]
    table(console, ("exam", "subject", *PLANES, *names), rows)


def _show(console: Console, together: Concurrence) -> None:
    if not together.labels:
        console.print("No attribute of the exams says yes or no (1 or 0).", markup=False)
        return
    rows = [
        (label, *together.counts[n], _ratio(together.imbalance[n]))
        for n, label in enumerate(together.labels)
    ]  # fmt: skip
    console.print(f"Exams that have both labels, of {together.exams} with any known:", markup=False)
    table(console, ("", *(f"{label}>" for label in together.labels), "imbalance>"), rows)
    console.print(f"SCUMBLE {together.mean_scumble:.3f}", markup=False)


def _ratio(value: float) -> str:
    return "–" if value == float("inf") else f"{value:.2f}"
