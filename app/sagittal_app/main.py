"""The program's entry: `sagittal` opens the window, `sagittal STUDY` opens it on a study, all else is a command.

Imports neither Qt (commands run on machines without it) nor torch (the window is on screen before it).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

COMMANDS = (
    "new", "import", "scans", "look", "labels", "supports", "export", "methods", "train", "runs", "show", "segment",
    "evaluate", "embedding", "spectrum", "saliency", "compare", "exams", "diagnose", "adapt", "keep", "review",
    "doctor", "demo", "phantom", "plugin", "study",
)  # fmt: skip
"""First words that are commands; a study folder of such a name is opened as `./train`. They stand here as well as in
the command line so that the window opens before the engine is imported."""


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

        return wiring.run_command_line(argv, open_window=_open_window)
    from sagittal_app import messages, wiring

    if not wiring.has_display():
        sys.stderr.write(messages.NO_DISPLAY + "\n")
        return 2
    return _open_window(Path(argv[0]) if argv else None)


def _open_window(study: Path | None) -> int:
    """Returns when the window is closed; `sagittal demo` opens it too, on a display, once its study is there."""
    from sagittal_app.application import run_window

    return run_window(study)


if __name__ == "__main__":
    sys.exit(main())
