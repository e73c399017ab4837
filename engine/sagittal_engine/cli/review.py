"""`review`: predictions in the order in which to look at them, verdicts, and the table of volumes and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.facts import LabelFigures, ScanFacts
from sagittal.review import ABOUT, HALVES, Case, doubts, need, queue, volume_ml
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import find_scans, near
from sagittal_engine.cli.output import duration, table
from sagittal_engine.cli.session import Session, session
from sagittal_engine.cli.status import Ended, Status

VERDICTS = ("accepted", "rejected", "unreviewed")


def register(app: typer.Typer) -> None:
    app.command("review")(review)


def review(
    context: typer.Context,
    study: options.Study,
    labels: Annotated[
        str,
        typer.Option("--labels", metavar="SET", help="Label set of predictions.", show_default=False),
    ],
    scans: options.Scans = None,
    by: Annotated[
        str, typer.Option("--by", metavar="|".join(HALVES), help="The one figure to sort by; all where none is named.")
    ] = "",
    mark: Annotated[
        str,
        typer.Option("--mark", metavar="|".join(VERDICTS), help="Mark the scans named by --scans.", show_default=False),
    ] = "",
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write volumes, figures, reviews and times.", show_default=False),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Lists predicted cases by how much they need a look: entropy, disagreement between supports, odd volumes."""
    for option, word, known in (("--by", by, tuple(HALVES)), ("--mark", mark, VERDICTS)):
        if word and word not in known:
            hint = near(word, known, "sagittal review --help")
            raise SagittalError(f"{option} takes {', '.join(known)}; got '{word}'. {hint}")
    if mark and not scans:
        raise SagittalError("--mark needs --scans: name the scans whose predictions are meant.")
    with session(context, as_json, study, writes=bool(mark)) as on:
        chosen = find_scans(on.study, scans)
        for scan in chosen if mark else ():
            on.engine.set_review(scan, labels, mark)
        cases = _cases(on, labels)
        listed = [_document(case, cases) for case in queue(cases, by) if not chosen or case[0].scan in chosen]
        document: dict[str, Any] = {"label_set": labels, "about": ABOUT, "cases": listed}
        if csv is not None:
            written = on.task(on.engine.start_review_table(labels, csv, chosen), "Writing the table")
            document = {**document, **written}
        on.output.give(document, lambda console: _show(console, document))
        if csv is not None and not document["verified"]:
            raise Ended(Status.FAULT, f"Error: {csv} does not read back the same. Do not use it.")


def _cases(on: Session, label_set: str) -> list[Case]:
    """Every scan that has the label set. Raises `SagittalError` where none has it."""
    cases = [(scan, one) for scan in on.study.scans for one in scan.label_sets if one.name == label_set]
    if not cases:
        known = sorted({one.name for scan in on.study.scans for one in scan.label_sets})
        raise SagittalError(f"No scan has a label set '{label_set}'. Label sets: {', '.join(known) or 'none yet'}.")
    return cases


def _document(case: Case, cases: Sequence[Case]) -> dict[str, Any]:
    """One case as `review --json` lists it; `cases` are all that it is compared with."""
    scan, one = case
    rows = doubts(cases)[scan.scan]
    return {
        "scan": scan.scan,
        "name": scan.name,
        "review": one.review,
        "seconds": one.seconds,
        "need": need(rows),
        "labels": {row.name: _label(scan, one.figures.get(row.name, LabelFigures())) for row in one.labels},
        "doubts": [
            {"kind": row.kind, "label": row.label, "value": row.value, "need": row.need, "notable": row.notable}
            for row in rows
        ],
    }


def _label(scan: ScanFacts, figures: LabelFigures) -> dict[str, Any]:
    volume = None if figures.voxels is None else volume_ml(scan, figures.voxels)
    return {
        "voxels": figures.voxels,
        "volume_ml": volume,
        "entropy": figures.entropy,
        "disagreement": figures.disagreement,
        "agreement": figures.agreement,
    }


def _show(console: Console, document: Mapping[str, Any]) -> None:
    rows = []
    for case in document["cases"]:
        called = [f"{row['label']}: {row['kind']} {row['value']:.2f}" for row in case["doubts"] if row["notable"]]
        spent = duration(case["seconds"]) if case["seconds"] else "–"
        rows.append((f"{case['need']:.2f}", case["name"], case["review"], spent, "; ".join(called) or "–"))
    table(console, ("need>", "scan", "review", "time>", "called out"), rows)
    for kind, sentence in document["about"].items():
        console.print(f"{kind}: {sentence}", markup=False, style="dim")
    if "file" in document:
        for row in document["refused"]:
            console.print(f"✗ {row['name']} was not measured: {row['reason']}", markup=False, soft_wrap=True)
        console.print(f"{document['rows']} rows written to {document['file']}.", markup=False, soft_wrap=True)
