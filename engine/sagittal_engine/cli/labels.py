"""`labels`: names and colours of a label set, shown, changed, from files and into files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.facts import Label, colour_of
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import check_set
from sagittal_engine.cli.output import table
from sagittal_engine.cli.session import session

LARGEST = 65535
"""The highest number a label can have."""


def register(app: typer.Typer) -> None:
    app.command("labels")(labels)


def labels(
    context: typer.Context,
    study: options.Study,
    labels: options.LabelSet,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name", metavar="NUMBER=NAME", help="Names a label, a new one too; repeat for more.", show_default=False
        ),
    ] = None,
    colours: Annotated[
        list[str] | None,
        typer.Option(
            "--colour", metavar="NUMBER=#RRGGBB", help="Gives a label a colour; repeat for more.", show_default=False
        ),
    ] = None,
    read: Annotated[
        Path | None,
        typer.Option(
            "--read",
            metavar="FILE",
            help="Takes names and colours by number from an ITK-SNAP .label, a 3D Slicer .seg.nrrd or a .labels.json.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            "--write", metavar="FILE", help="Writes names and colours as .label or .labels.json.", show_default=False
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Names and colours of a label set: shows them, changes them, reads them from a file, writes them to one.

    A set that no scan has yet gets its labels so as well, to be painted with.
    """
    named = {number: _name(name) for number, name in _by_number("--name", names).items()}
    coloured = {number: _colour(colour) for number, colour in _by_number("--colour", colours).items()}
    with session(context, as_json, study, writes=bool(read or named or coloured)) as on:
        if read is not None:
            on.engine.merge_label_table(labels, on.engine.read_label_table(read))
        if named or coloured:
            on.engine.merge_label_table(labels, _changed(on.engine.label_table(labels), labels, named, coloured))
        elif not on.engine.label_table(labels):
            check_set(on.study, labels)
        if write is not None:
            on.engine.write_label_table(labels, write)
        rows = on.engine.label_table(labels)
        document = {
            "set": labels,
            "labels": [{"number": row.number, "name": row.name, "colour": row.colour} for row in rows],
        }
        on.output.give(document, lambda console: _show(console, rows, write))


def _by_number(option: str, texts: Sequence[str] | None) -> dict[int, str]:
    """`NUMBER=TEXT` as number → text. Raises `SagittalError` for anything else."""
    found = {}
    for text in texts or ():
        number, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and value and number.isdecimal() and 0 < int(number) <= LARGEST):
            raise SagittalError(f"{option} takes a label's number (1 to {LARGEST}), '=' and the rest; got '{text}'.")
        found[int(number)] = value
    return found


def _name(text: str) -> str:
    return " ".join(text.split())


def _colour(text: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        raise SagittalError(f"A colour is written as #RRGGBB, as #D55E00; got '{text}'.")
    return text.upper()


def _changed(
    rows: Sequence[Label], label_set: str, names: Mapping[int, str], colours: Mapping[int, str]
) -> list[Label]:
    """The rows of the set that change, as they are to be. Raises `SagittalError` for a colour of no label."""
    known = {row.number: row for row in rows}
    known |= {number: Label(number, name, colour_of(number)) for number, name in names.items() if number not in known}
    for number in colours:
        if number not in known:
            listed = ", ".join(f"{row.number} {row.name}" for row in rows) or "none yet"
            raise SagittalError(f"'{label_set}' has no label {number}. Its labels: {listed}. Name it with --name.")
    return [
        replace(
            known[number], name=names.get(number, known[number].name), colour=colours.get(number, known[number].colour)
        )
        for number in sorted({*names, *colours})
    ]


def _show(console: Console, rows: Sequence[Label], written: Path | None) -> None:
    table(console, ("number", "name", "colour"), ((str(row.number), row.name, row.colour) for row in rows))
    if written is not None:
        console.print(f"Written to {written} and read back.", markup=False, soft_wrap=True)
