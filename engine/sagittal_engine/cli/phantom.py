"""`phantom`: a study of synthetic scans, to try methods on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sagittal.engine_port import SagittalError
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import near
from sagittal_engine.cli.progress import Display
from sagittal_engine.cli.session import session

SUBJECTS = {"abdomen": 16, "vessels": 32, "knees": 40}
"""Kind → subjects that are drawn if nothing is said."""
KINDS = tuple(SUBJECTS)


def phantom(
    context: typer.Context,
    study: options.Study,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="|".join(KINDS),
            help="'abdomen': organs under two scanners; 'vessels': vessels with aneurysms from four institutions; "
            "'knees': exams of three planes with labels, from two scanners.",
        ),
    ] = "vessels",
    subjects: Annotated[
        int | None,
        typer.Option(
            "--subjects",
            "--exams",
            metavar="N",
            min=1,
            help="Subjects to draw; a knee exam is one subject. [default: 16, vessels 32, knees 40]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="The same one draws the same scans.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder for the scans; beside the study if not given.", show_default=False
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Draws synthetic scans with labels, and imports them into a new study or one that is there."""
    if kind not in KINDS:
        raise SagittalError(
            f"There is no kind '{kind}'; known: {', '.join(KINDS)}. {near(kind, KINDS, 'sagittal phantom --help')}"
        )
    study = study.absolute()
    folder = (out or study.with_name(f"{study.name}-scans")).absolute()
    if folder.exists() and any(folder.iterdir()):
        raise SagittalError(f"The folder {folder} is not empty. Name another with --out, or remove what it holds.")
    with session(context, as_json, study, writes=study.exists(), new=not study.exists()) as on:
        from sagittal_engine.phantom import KINDS as WRITERS

        with Display("Drawing") as display:
            WRITERS[kind](folder, subjects=subjects or SUBJECTS[kind], seed=seed, progress=display.advance)
        report = on.task(on.engine.start_import([folder], meta=folder / "meta.csv"), "Importing")
        found: dict[str, Any] = {
            "study": str(study), "scans": str(folder), "imported": len(report["imported"]),
        }  # fmt: skip
        on.output.give(
            found,
            lambda console: console.print(
                f"{found['imported']} synthetic scans in the study {study}; their files are in {folder}.",
                markup=False,
                soft_wrap=True,
            ),
        )
