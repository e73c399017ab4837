"""The only module of the app that touches the engine; imported by nobody before it is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def run_command_line(argv: Sequence[str], open_window: Callable[[Path], int]) -> int:
    """Runs one command of the command line and returns its exit status; `open_window(study)` is called by those that
    end in the window."""
    from sagittal_engine.cli import main

    return main(list(argv), open_window=open_window)


def make_cohort(folder: Path) -> None:
    """Writes the synthetic demo cohort into `folder`. *Slow*: some seconds."""
    from sagittal_engine import phantom

    phantom.generate(folder)
