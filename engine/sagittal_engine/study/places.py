"""Where Sagittal keeps what belongs to the user and not to a study: rescued work, unnamed studies, who has what open.

Everything lies in the user's data folder, or where the environment variable SAGITTAL_DATA says.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path


def data() -> Path:
    """The user's data folder."""
    chosen = os.environ.get("SAGITTAL_DATA")
    return Path(chosen) if chosen else user_data_path("sagittal", appauthor=False)


def rescued(study: str) -> Path:
    """Where strokes and saves of a study (by its id) go while its own disk takes no more."""
    return data() / "rescued" / study


def unnamed() -> Path:
    """Where studies lie that were begun without choosing a folder."""
    return data() / "unnamed"


def open_marks() -> Path:
    """One file for each study that a program has open for writing."""
    return data() / "open"
