"""The command line: every command does headless what a page of the window does, through the same port and requests.

Each command prints tables for people, or with `--json` one JSON document, on standard output; progress and messages go
to standard error. The exit status is 0 done, 2 the request or the input was wrong, 3 cancelled, 1 our own fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagittal.engine_port import EnginePort


def main(
    argv: Sequence[str] | None = None,
    *,
    make_engine: Callable[[], EnginePort] | None = None,
    open_window: Callable[[Path], int] | None = None,
) -> int:
    """Runs one command and returns its exit status; raises nothing.

    `argv` leaves out the program's name (None takes the process's own). `open_window` opens the window on a study and
    returns its exit status: whoever has a window gives it, since the engine knows none. `make_engine` replaces the
    engine that commands drive.
    """
    from sagittal_engine.cli.app import Surroundings, run

    return run(argv, Surroundings(make_engine=make_engine, open_window=open_window))
