"""Arguments and options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sagittal.params import ParameterError

Study = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Run = Annotated[
    str, typer.Option("--run", metavar="RUN", help="Run: its id, the beginning of it, or 'last'.", show_default=False)
]
Scans = Annotated[
    list[str] | None,
    typer.Option("--scans", metavar="A,B", help="Scans by name or id; all where none are named.", show_default=False),
]
LabelSet = Annotated[
    str, typer.Option("--labels", metavar="SET", help="Label set, as `scans` names it.", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Sets one parameter; repeat for more.", show_default=False),
]


def assignments(texts: list[str] | None) -> dict[str, str]:
    """`name=value` texts as a mapping; the last of a name counts. Raises `ParameterError` where there is no "="."""
    values = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ParameterError(f"--set takes NAME=VALUE; got '{text}'. Example: --set batch_size=4")
        values[name.strip()] = value.strip()
    return values
