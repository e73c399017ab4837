"""Making and opening study folders: what can go wrong is said in words, and who holds the lock is known."""

from __future__ import annotations

import os
import socket
import sqlite3
from pathlib import Path

from sagittal.engine_port import DamagedStudy, SagittalError
from sagittal_engine.study import backups
from sagittal_engine.study.catalogue import FILE, Catalogue
from sagittal_engine.study.lock import StudyLock

FOLDERS = ("labels", "cache", "runs")


def make_folder(path: Path) -> Path:
    """Makes an empty study folder. Raises `SagittalError` where something is there already."""
    path = path.absolute()
    if (path / FILE).exists():
        raise SagittalError(f"There is a study at {path} already. Open it, or choose another folder.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SagittalError(
            f"{path} is not empty. Choose a new folder for the study, so that nothing there is mixed in."
        )
    try:
        for name in FOLDERS:
            (path / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SagittalError(f"The folder {path} could not be made: {error.strerror or error}.") from error
    return path


def study_folder(path: Path) -> Path:
    """The study folder a user means by `path` (the folder, or its catalogue file)."""
    path = path.absolute()
    folder = path.parent if path.name == FILE else path
    if not folder.exists():
        raise SagittalError(f"There is no study at {folder}. Check the path, or create a study there.")
    if not (folder / FILE).is_file():
        if backups.copies(folder):
            raise DamagedStudy(f"The study {folder} has lost its catalogue, {FILE}. Copies of it are there.")
        raise SagittalError(f"{folder} is not a study: it has no {FILE}. Open another folder, or create a study.")
    return folder


def take_lock(folder: Path, *, read_only: bool) -> tuple[StudyLock | None, str]:
    """The lock, or None with the reason why the study opens read-only."""
    if read_only:
        return None, "It was opened for reading only."
    if not all(os.access(path, os.W_OK) for path in (folder, folder / FILE) if path.exists()):
        return (
            None,
            f"The folder {folder} cannot be written to. Copy the study to where you may write.",
        )
    try:
        return StudyLock(folder / "study.lock"), ""
    except BlockingIOError:
        return None, "It is open in another Sagittal{holder}. Close it there to write here."
    except OSError as error:
        return None, f"The folder {folder} cannot be written to: {error}. Copy the study to where you may write."


def claim(folder: Path, catalogue: Catalogue) -> str:
    """Writes what an opening writes; "", or the reason why nothing can be written although the lock was free."""
    try:
        for name in FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        catalogue.set_info(holder=this_program())
        catalogue.back_up()
    except (OSError, sqlite3.Error, SagittalError) as error:
        words = str(error).rstrip(".")
        return f"{words}. It can be read; free some space or mend the drive, then open it again to write."
    return ""


def this_program() -> str:
    """Names this process for whoever finds the study locked."""
    return f"process {os.getpid()} on {socket.gethostname()}"
