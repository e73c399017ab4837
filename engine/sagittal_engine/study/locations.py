"""Where a scan's files are: remembered both absolutely and from the study, so that a moved study finds its scans."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def remember(files: Sequence[Path], study: Path) -> list[Any]:
    """Plain values for the catalogue: [path from the study (or ""), absolute path, size in bytes] per file."""
    return [[from_study(file, study), str(file), file.stat().st_size] for file in files]


def recall(remembered: Sequence[Sequence[Any]], study: Path) -> tuple[Path, ...]:
    """The files as they are now; one that is at neither place is given at its absolute one."""
    return tuple(_find(relative, absolute, size, study) or Path(absolute) for relative, absolute, size in remembered)


def is_missing(remembered: Sequence[Sequence[Any]], study: Path) -> bool:
    """Whether any file is at neither of its places, or has another size there than when it was imported.

    Of a series only the first and last file are looked at: hundreds of look-ups per scan would slow the opening.
    """
    looked_at = (remembered[0], remembered[-1]) if remembered else ()
    return any(_find(relative, absolute, size, study) is None for relative, absolute, size in looked_at)


def _find(relative: str, absolute: str, size: int, study: Path) -> Path | None:
    places = [Path(os.path.normpath(study / relative))] if relative else []
    for path in (*places, Path(absolute)):
        try:
            if path.stat().st_size == size:
                return path
        except OSError:
            continue
    return None


def from_study(file: Path, study: Path) -> str:
    """The way from the study's folder to a file; "" where there is none."""
    try:
        return Path(os.path.relpath(file, study)).as_posix()
    except ValueError:  # another drive on Windows
        return ""
