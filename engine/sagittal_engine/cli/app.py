"""The `sagittal` command and its groups; heavy modules are imported inside commands, so that `--help` is quick."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from sagittal import __version__
from sagittal.engine_port import EnginePort
from sagittal_engine.cli import (
    adapt,
    care,
    compare,
    diagnose,
    exams,
    export,
    labels,
    looking,
    machine,
    methods,
    plugins,
    review,
    runs,
    saliency,
    study,
    supports,
    tasks,
    train,
)
from sagittal_engine.cli.status import Status, say, status_of


@dataclass(frozen=True)
class Surroundings:
    """What commands are given from outside."""

    make_engine: Callable[[], EnginePort] | None = None
    open_window: Callable[[Path], int] | None = None

    def engine(self) -> EnginePort:
        if self.make_engine is not None:
            return self.make_engine()
        from sagittal_engine.service import Engine

        return Engine()


app = typer.Typer(
    name="sagittal",
    help="Self-supervised learning on medical images. Without a command the window opens; "
    "`sagittal STUDY` opens it on a study.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    study,
    looking,
    labels,
    supports,
    export,
    methods,
    train,
    runs,
    tasks,
    saliency,
    compare,
    exams,
    diagnose,
    adapt,
    review,
    machine,
):
    group.register(app)
app.add_typer(plugins.app, name="plugin")
app.add_typer(care.app, name="study")


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"sagittal {__version__}")
        raise typer.Exit


def run(argv: Sequence[str] | None, surroundings: Surroundings) -> int:
    """Runs one command and returns its exit status."""
    command = typer.main.get_command(app)
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with _ended_gently():
            ended: Any = command.main(arguments, prog_name="sagittal", standalone_mode=False, obj=surroundings)
        return _CODES.get(ended, ended) if isinstance(ended, int) else Status.DONE
    except BrokenPipeError:
        sys.stdout = None  # type: ignore[assignment]  # whoever read our output is gone: nothing is left to flush
        return Status.DONE
    except typer.TyperException as error:
        if error.format_message():
            say(f"Error: {error.format_message().rstrip('.')}. `{_path(error)} --help` shows the usage.")
        return Status.REFUSED
    except typer.Abort:
        return status_of(KeyboardInterrupt())
    except (Exception, KeyboardInterrupt) as error:
        return status_of(error)


_CODES = {130: Status.CANCELLED}
"""Typer's own status for Ctrl+C, translated."""


def _path(error: Exception) -> str:
    """The command that was misused, as it was typed: "sagittal train"."""
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context is not None else "sagittal"


@contextmanager
def _ended_gently() -> Iterator[None]:
    """A request of the system to end (SIGTERM) is taken as Ctrl+C: clean stop, checkpoint, exit status 3."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
