"""How long a reader spends on a case: time passes while the reader acts, and for a while after. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable

Case = tuple[str, str]
"""Scan and label set."""

IDLE_S = 60.0
"""Looking at images without a move of hand counts for so long; what comes after is taken for a pause."""


class CaseClock:
    """Measures one case at a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic, idle: float = IDLE_S) -> None:
        self._now, self._idle = now, idle
        self.case: Case | None = None
        self._touched = 0.0
        self._seconds = 0.0

    def open(self, case: Case | None) -> tuple[Case, float] | None:
        """Another case, or none, is looked at from now on; gives the one before with the seconds spent on it."""
        if case == self.case:
            return None
        spent = self.take()
        self.case, self._touched, self._seconds = case, self._now(), 0.0
        return spent

    def touch(self) -> None:
        """The reader moved the mouse, pressed a key or painted."""
        now = self._now()
        if self.case is not None:
            self._seconds += min(now - self._touched, self._idle)
        self._touched = now

    def take(self) -> tuple[Case, float] | None:
        """The case with the seconds not taken yet; None where nothing is looked at."""
        self.touch()
        seconds, self._seconds = self._seconds, 0.0
        return (self.case, seconds) if self.case is not None else None
