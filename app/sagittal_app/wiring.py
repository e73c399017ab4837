"""The only module of the app that touches the engine; imported by nobody before it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sagittal.engine_port import EnginePort


def start_engine() -> EnginePort:
    """The engine behind its port; imports neither torch nor MONAI."""
    from sagittal_engine.service import Engine

    return Engine()


def has_display() -> bool:
    """Whether a window can be expected to open here."""
    from sagittal_engine.doctor import has_display

    return has_display()


def run_command_line(argv: Sequence[str]) -> int:
    """Runs one command of the command line and returns its exit status; imports no Qt unless it opens the window."""
    from sagittal_engine.cli import main

    return main(list(argv), open_window=_open_window)


def _open_window(study: Path) -> int:
    """What `sagittal demo` does on a display once the study is there."""
    from sagittal_app.application import run_window

    return run_window(study)


def make_cohort(folder: Path) -> None:
    """Writes the synthetic demo cohort into `folder`. *Slow*: some seconds."""
    from sagittal_engine import phantom

    phantom.generate(folder)
