"""The program's entry: `sagittal` opens the window, `sagittal STUDY` opens it on a study, all else is a command.

Imports neither Qt (commands run on machines without it) nor torch (the window is on screen before it).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

COMMANDS = (
    "new", "import", "scans", "methods", "train", "runs", "show", "segment", "evaluate", "adapt", "spectrum", "export",
    "labels", "doctor", "demo", "plugin", "study",
)  # fmt: skip
"""First words that are commands; a study folder of such a name is opened as `./train`."""


def wants_window(argv: Sequence[str]) -> bool:
    """Whether these arguments ask for the window: none, or one study folder."""
    if not argv:
        return True
    # "study" by itself is no whole command, but a likely name of a study.
    return len(argv) == 1 and (argv[0] not in COMMANDS or argv[0] == "study") and Path(argv[0]).is_dir()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not wants_window(argv):
        from sagittal_app import wiring

        return wiring.run_command_line(argv)
    from sagittal_app import messages, wiring

    if not wiring.has_display():
        sys.stderr.write(messages.NO_DISPLAY + "\n")
        return 2
    from sagittal_app.application import run_window

    return run_window(Path(argv[0]) if argv else None)


if __name__ == "__main__":
    sys.exit(main())
