"""`look`: what is in files and folders, before any of it is imported; and choosing some of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.facts import SeriesFacts
from sagittal_engine.cli import options, other_grids
from sagittal_engine.cli.naming import near
from sagittal_engine.cli.output import table
from sagittal_engine.cli.session import Session, session
from sagittal_engine.cli.status import Ended, Status


def register(app: typer.Typer) -> None:
    app.command("look")(look)


def look(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Files, DICOM folders, or trees of both.", show_default=False)
    ],
    patients: Annotated[
        bool, typer.Option("--patients", help="Show the names and ids of patients, which are hidden otherwise.")
    ] = False,
    previews: Annotated[
        Path | None,
        typer.Option(
            "--previews",
            metavar="DIR",
            help="Draw label maps whose voxels are not their image's as an import would resample them, over the scan.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Lists the images in files and folders without importing them: the numbers are those of `import --series`."""
    with session(context, as_json) as on:
        found = look_through(on, paths)
        names = [on.engine.patient(Path(series.files[0])) for series in found["series"]] if patients else []
        rows = [
            {"number": number, **dataclasses.asdict(series), **({"patient": names[number - 1]} if patients else {})}
            for number, series in enumerate(found["series"], start=1)
        ]
        others = other_grids.describe(on, found["other_grids"], previews)
        document = {"series": rows, "other_grids": others, "refused": found["refused"]}
        on.output.give(document, lambda console: _show(console, document))
        if not rows:
            raise Ended(Status.REFUSED, "Error: No image was found.")


def look_through(
    on: Session, paths: Sequence[Path], labels: Sequence[Path] = (), layout: str = "auto"
) -> Mapping[str, Any]:
    """What a look found. Raises `SagittalError` for a path that is not there."""
    for path in paths:
        if not path.exists():
            raise SagittalError(f"There is nothing at {path}. Check the path, then look again.")
    return on.task(on.engine.start_look(paths, labels=labels, layout=layout), "Looking")


def chosen(series: Sequence[SeriesFacts], words: Sequence[str]) -> list[Path]:
    """The files of the series that `words` name, by number (from 1) or name, with their label maps.

    Raises `SagittalError` for a word that names none, or a name that several have.
    """
    files: dict[Path, None] = {}
    for word in words:
        numbered = {str(number): one for number, one in enumerate(series, start=1)}
        named = [one for one in series if one.name == word]
        if word not in numbered and len(named) != 1:
            problem = "Several series are" if named else "No series is"
            hint = "Give its number instead." if named else near(word, [one.name for one in series], "sagittal look")
            raise SagittalError(f"{problem} called '{word}'. {hint}")
        one = numbered.get(word) or named[0]
        files |= dict.fromkeys(Path(file) for file in (*one.files, *one.labels))
    return list(files)


def _show(console: Console, document: Mapping[str, Any]) -> None:
    columns = ["no.>", "series", "subject", "files>", "voxels", "spacing, mm"]
    rows = [
        [
            row["number"], row["name"], row["subject"] or "–", len(row["files"]), " × ".join(map(str, row["shape"])),
            " × ".join(f"{value:.3g}" for value in row["spacing"]),
        ]
        for row in document["series"]
    ]  # fmt: skip
    if rows and "patient" in document["series"][0]:
        columns.append("patient")
        rows = [[*row, found["patient"]] for row, found in zip(rows, document["series"], strict=True)]
    if rows:
        table(console, columns, rows)
    for row in document["series"]:
        for warning in row["warnings"]:
            console.print(f"! {row['name']}: {warning}", markup=False, soft_wrap=True)
    for row in document["other_grids"]:
        console.print(f"! {row['path']}: {other_grids.sentence(row)}", markup=False, soft_wrap=True)
    for row in document["refused"]:
        console.print(f"✗ {row['path']}: {row['reason']}", markup=False, soft_wrap=True)
    console.print(f"{len(rows)} found, {len(document['refused'])} refused.")
