"""Progress of long work as events, thinned so that a fast loop costs nothing."""

from __future__ import annotations

import time

from sagittal.events import TaskProgress
from sagittal.outbox import Post

PROGRESS_SECONDS = 0.1
"""Between two progress events of one piece of work."""
ESTIMATE_SECONDS = 1.0
"""No time left is told before this much has passed: the first items say little about the rest."""


class ProgressMeter:
    """Tells how far the work `source` is, with an estimate of the time left; starts anew with every other `total`."""

    def __init__(self, source: str, post: Post) -> None:
        self._source, self._post = source, post
        self._total = self._first = 0
        self._begun = self._told = 0.0

    def show(self, done: int, total: int, message: str) -> None:
        """Posts the progress, unless one was posted a moment ago; the end of the work is always posted."""
        now = time.monotonic()
        if total != self._total or done < self._first:
            self._total, self._first, self._begun, self._told = total, done, now, 0.0
        if now - self._told < PROGRESS_SECONDS and done < total:
            return
        self._told = now
        self._post(TaskProgress(self._source, done, total, message, self._seconds_left(done, now)))

    def _seconds_left(self, done: int, now: float) -> float | None:
        passed, worked = now - self._begun, done - self._first
        if passed < ESTIMATE_SECONDS or worked <= 0:
            return None
        return passed / worked * (self._total - done)
