"""One program writes to a study at a time: a lock that the operating system lets go of when its holder dies."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class StudyLock:
    """Holds `study.lock`, a tiny SQLite file, in an exclusive transaction.

    SQLite's file locks work on every platform and on network drives that lock at all, tell two openings in one
    process apart, and vanish with the process: a lock left by a killed program needs no clearing up.
    """

    def __init__(self, path: Path) -> None:
        """Raises `BlockingIOError` where another holds the lock, `OSError` where the file cannot be written.

        A file that is no lock (nothing is ever kept in it) is made anew.
        """
        try:
            self._connection = _begin(path)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise BlockingIOError(str(error)) from error
            raise OSError(str(error)) from error
        except sqlite3.DatabaseError:
            path.unlink()
            self._connection = _begin(path)

    def release(self) -> None:
        """Lets go; a second call does nothing."""
        self._connection.close()


def _begin(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("PRAGMA user_version=1")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
