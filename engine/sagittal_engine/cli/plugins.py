"""`plugin new`, `plugin check`, `plugin list`: methods from outside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sagittal_engine.cli import options
from sagittal_engine.cli.output import Output
from sagittal_engine.cli.status import Ended, Status
from sagittal_engine.scaffold.plugins import Plugin, create, find, installed
from sagittal_engine.trust import NotTrusted

app = typer.Typer(help="Scaffolds, checks and lists methods.", no_args_is_help=True)

Yes = Annotated[bool, typer.Option("--yes", help="Trust the plugin without asking, and remember it.")]


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the method: lower case, digits, underscores.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to make the package in.")] = Path(),
    as_json: options.Json = False,
) -> None:
    """Makes a small working method in a package of its own, with tests and a README."""
    output = Output(as_json)
    made = create(name, out)
    next_steps = (
        f"New method in {made.source}.\n"
        f"  sagittal plugin check {made.source}   checks it\n"
        f"  python -m pip install -e {made.source}   installs it, so that `sagittal methods` lists it"
    )
    output.give([made.document()], lambda console: console.print(Text(next_steps), soft_wrap=True))


@app.command("check")
def check(
    target: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FOLDER", help="An installed method, or a package's folder; all if not given."),
    ] = None,
    yes: Yes = False,
    as_json: options.Json = False,
) -> None:
    """Loads a method and runs the common checks on it."""
    output = Output(as_json)
    with output.guarded():
        plugins = [find(target)] if target is not None else installed()
        for plugin in plugins:
            _ask(plugin, yes)
        checked = [plugin.check() for plugin in plugins]
    output.give([plugin.document() for plugin in checked], lambda console: _show(console, checked))
    broken = [plugin.name for plugin in checked if not plugin.ok]
    if broken:
        raise Ended(Status.REFUSED, f"Error: {', '.join(broken)}: see the problems above.")


@app.command("list")
def list_(as_json: options.Json = False) -> None:
    """Lists every method, where it comes from, and whether it loads."""
    output = Output(as_json)
    with output.guarded():
        plugins = [plugin.load() for plugin in installed()]
    output.give([plugin.document() for plugin in plugins], lambda console: _show(console, plugins))


def _ask(plugin: Plugin, yes: bool) -> None:
    """Makes sure that the plugin is trusted before its code runs. Raises `NotTrusted`."""
    if plugin.trusted:
        return
    who = f"{plugin.distribution} {plugin.version}"
    if not yes:
        if not sys.stdin.isatty():
            raise NotTrusted(
                f"The method '{plugin.name}' comes from {who}, which is not trusted yet. Its code runs with all your "
                "rights: if you trust where it comes from, repeat with --yes."
            )
        question = f"The method '{plugin.name}' comes from {who}. Its code runs with all your rights. Trust it?"
        if not typer.confirm(question, default=False, err=True):
            raise NotTrusted(f"The method '{plugin.name}' was not trusted, so nothing of it was run.")
    plugin.remember_trust()


def _show(console: Console, plugins: list[Plugin]) -> None:
    if not plugins:
        console.print("No method is installed. `sagittal plugin new NAME` makes one.")
    for plugin in plugins:
        mark, style = ("✓", "green") if plugin.ok else ("✗", "red")
        console.print(Text(f"{mark} ", style=style) + Text(f"{plugin.name}  ({plugin.source})"), soft_wrap=True)
        for rule in plugin.passed:
            console.print(Text(f"    ✓ {rule}"), soft_wrap=True)
        for problem in plugin.problems:
            console.print(Text(f"    ✗ {problem}"), soft_wrap=True)
