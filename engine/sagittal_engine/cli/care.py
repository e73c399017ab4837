"""`study check`, `study relink`, `study restore`: whether a study is whole, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.engine_port import DamagedStudy, SagittalError
from sagittal_engine.cli import options
from sagittal_engine.cli.output import counted
from sagittal_engine.cli.session import session
from sagittal_engine.cli.status import Ended, Status

app = typer.Typer(help="Checks a study's files, finds moved scans, restores a damaged catalogue.", no_args_is_help=True)


@app.command("check")
def check(context: typer.Context, study: options.Study, as_json: options.Json = False) -> None:
    """Reads every file of a study and says which are not as they were written."""
    with session(context, as_json) as on:
        copies = on.engine.study_copies(study)
        try:
            on.engine.open_study(study)
            damaged = on.engine.study_damage(thorough=True)
        except DamagedStudy as error:
            damaged = [f"{error} `sagittal study restore {study}` puts the newest copy in its place."]
        document = {"study": str(study), "damaged": damaged, "copies": copies}
        on.output.give(document, lambda console: _show_damage(console, damaged))
        if damaged:
            raise Ended(Status.REFUSED, f"Error: {len(damaged)} of the study's files damaged. The report says which.")


def _show_damage(console: Console, damaged: list[str]) -> None:
    for sentence in damaged:
        console.print(f"✗ {sentence}", markup=False, soft_wrap=True)
    if not damaged:
        console.print("Every file of the study is as it was written.")


@app.command("relink")
def relink(
    context: typer.Context,
    study: options.Study,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the scans are now, at any depth.", show_default=False)
    ],
    as_json: options.Json = False,
) -> None:
    """Finds scans that are not where they were, and remembers their new places."""
    with session(context, as_json, study, writes=True) as on:
        report = on.task(on.engine.start_relink(folder), "Looking for moved scans")
        on.output.give(report, lambda console: _show_relinked(console, report))
        if report["missing"]:
            lost = counted(len(report["missing"]), "file")
            raise Ended(Status.REFUSED, f"Error: Not found under {folder}: {lost}.")


def _show_relinked(console: Console, report: Mapping[str, Any]) -> None:
    for row in report["found"]:
        console.print(f"✓ {row['name']}: {row['path']}", markup=False, soft_wrap=True)
    for row in report["missing"]:
        console.print(f"✗ {row['name']}: was {row['path']}", markup=False, soft_wrap=True)
    if not report["found"] and not report["missing"]:
        console.print("Every scan of the study is where it was.")


@app.command("restore")
def restore(
    context: typer.Context,
    study: options.Study,
    copy: Annotated[
        int, typer.Option("--copy", metavar="N", min=1, help="Which copy: 1 is the newest, 2 the one before.")
    ] = 1,
    as_json: options.Json = False,
) -> None:
    """Puts a copy in the place of a damaged catalogue; the damaged file is kept beside it."""
    with session(context, as_json) as on:
        copies = on.engine.study_copies(study)
        if copy > len(copies):
            has = f"{len(copies)} whole {'copy' if len(copies) == 1 else 'copies'}" if copies else "no whole copy"
            raise SagittalError(f"The study {study} has {has} of its catalogue; number {copy} was asked for.")
        try:
            on.engine.open_study(study)
        except DamagedStudy:
            chosen = copies[copy - 1]
        else:
            raise SagittalError(f"The catalogue of {study} is whole, so nothing was put in its place.")
        facts = on.engine.restore_study(study, chosen.path)
        document = {"study": facts.path, "saved": chosen.saved, "scans": len(facts.scans)}
        said = (
            f"Restored as of {chosen.saved}: {counted(len(facts.scans), 'scan')}. The damaged file was kept beside it."
        )
        on.output.give(document, lambda console: console.print(said, soft_wrap=True))
