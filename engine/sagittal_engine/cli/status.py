"""How a command ends: the four exit statuses, and the one sentence that goes with each."""

from __future__ import annotations

import errno
import sys
import tempfile
import time
import traceback
from enum import IntEnum
from pathlib import Path

from sagittal.engine_port import SagittalError
from sagittal.params import ParameterError


class Status(IntEnum):
    DONE = 0
    FAULT = 1
    """Our own fault."""
    REFUSED = 2
    """The request or the input was wrong."""
    CANCELLED = 3


class Ended(Exception):
    """Ends a command early with `status`; what had to be said has been said, or is the message."""

    def __init__(self, status: Status, message: str = "") -> None:
        super().__init__(message)
        self.status = status


class Failure(Exception):
    """Work in the engine's own thread failed by a fault of ours; the note on it is its traceback."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(error)
        self.add_note(detail)


_MENDABLE = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
)
"""Troubles of the file system that the user can see to."""


def one_line(text: str) -> str:
    return " ".join(text.split())


def say(text: str) -> None:
    """One line on standard error, never wrapped."""
    sys.stderr.write(one_line(text) + "\n")
    sys.stderr.flush()


def status_of(error: BaseException) -> Status:
    """Says on standard error what `error` means for the user and returns the exit status it stands for."""
    if isinstance(error, Ended):
        if str(error):
            say(str(error))
        return error.status
    if isinstance(error, KeyboardInterrupt):
        say("Cancelled.")
        return Status.CANCELLED
    if isinstance(error, SagittalError | ParameterError):
        say(f"Error: {error}")
        return Status.REFUSED
    if isinstance(error, OSError) and error.errno in _MENDABLE and error.filename:
        say(f"Error: {error.filename}: {error.strerror}. Check the path, its permissions and the free space.")
        return Status.REFUSED
    # Work in the engine's thread comes with a whole sentence; anything else only with what Python says.
    words = (
        str(error).rstrip(".") if isinstance(error, Failure) else f"Sagittal failed: {type(error).__name__}: {error}"
    )
    say(f"{words}. This is a fault of the program or of a plugin. Traceback: {_keep(error)}")
    return Status.FAULT


def _keep(error: BaseException) -> Path:
    """Writes the traceback of `error` to the user's log folder (else the temporary one) and returns its path."""
    text = "".join(traceback.format_exception(error))
    name = f"sagittal-{time.strftime('%Y%m%d-%H%M%S')}-{id(error):x}.txt"
    try:
        from platformdirs import user_log_path

        folder = user_log_path("sagittal", appauthor=False, ensure_exists=True)
        path = folder / name
        path.write_text(text, encoding="utf-8")
    except OSError:
        path = Path(tempfile.gettempdir()) / name
        path.write_text(text, encoding="utf-8")
    return path
