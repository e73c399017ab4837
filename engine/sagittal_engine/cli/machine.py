"""`doctor`, `demo` and `phantom`: this machine, the main job on synthetic scans, and such scans alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from sagittal_engine.cli import options
from sagittal_engine.cli.output import Output
from sagittal_engine.cli.phantom import phantom
from sagittal_engine.cli.progress import Display
from sagittal_engine.cli.session import shut_down
from sagittal_engine.cli.status import Ended, Status, say


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
    app.command("demo")(demo)
    app.command("phantom")(phantom)


def doctor(as_json: options.Json = False) -> None:
    """Says what works on this machine, what does not, and what to do about it."""
    from sagittal_engine.doctor import examine

    output = Output(as_json)
    with output.guarded():
        rows = examine()
        output.give(rows, lambda console: _show(console, rows))


def _show(console: Console, rows: list[dict[str, Any]]) -> None:
    width = max(len(row["check"]) for row in rows)
    for row in rows:
        mark, style = ("✓", "green") if row["ok"] else ("!", "yellow")
        console.print(Text(f"{mark} ", style=style) + Text(f"{row['check']:<{width}}  {row['found']}"), soft_wrap=True)
        if row["advice"]:
            console.print(Text(f"  {'':<{width}}  {row['advice']}"), soft_wrap=True)


def demo(
    context: typer.Context,
    headless: Annotated[
        bool, typer.Option("--headless", help="Do everything without a window and write a report.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the demo; the user's data folder if not given."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Does the main job on a synthetic cohort: with a display in the window, else headless with a report."""
    from sagittal_engine import demo as work
    from sagittal_engine.doctor import has_display

    folder = out or work.default_folder()
    output = Output(as_json)
    open_window = context.obj.open_window
    if open_window is not None and has_display() and not (headless or as_json):
        with output.guarded(), Display("Preparing the demo") as display:
            study = work.prepare_demo(folder, tell=display.advance)
        status = open_window(study)
        if status:
            raise Ended(Status.FAULT, f"The window ended with status {status}.")
        return
    if not headless and not as_json:
        say("No display here, so the demo runs without a window.")
    with output.guarded(), Display("Demo") as display:
        engine = context.obj.engine()
        try:
            found = work.run_demo(folder, engine=engine, tell=display.advance)
        finally:
            shut_down(engine)
    output.give(found, lambda console: _show_demo(console, found))


def _show_demo(console: Console, found: dict[str, Any]) -> None:
    console.print(f"Study:    {found['study']}", soft_wrap=True)
    console.print(f"Report:   {found['report']}", soft_wrap=True)
    for number, path in enumerate(found["pictures"]):
        console.print(f"{'Pictures:' if number == 0 else '         '} {path}", soft_wrap=True)
