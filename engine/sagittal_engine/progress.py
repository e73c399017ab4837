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
        self._total = self._first = self._done = 0
        self._message = ""
        self._begun = self._told = 0.0

    def show(self, done: int, total: int, message: str) -> None:
        """Posts the progress, unless one was posted a moment ago. The end of the work is always posted, and so is
        another part of it: words that change while `done` does not go up."""
        now = time.monotonic()
        if total != self._total or done < self._done:
            self._total, self._first, self._begun, self._told = total, done, now, 0.0
        another = done == self._done and message != self._message
        self._done = done
        if now - self._told < PROGRESS_SECONDS and done < total and not another:
            return
        self._told, self._message = now, message
        self._post(TaskProgress(self._source, done, total, message, self._seconds_left(done, now)))

    def _seconds_left(self, done: int, now: float) -> float | None:
        passed, worked = now - self._begun, done - self._first
        if passed < ESTIMATE_SECONDS or worked <= 0:
            return None
        return passed / worked * (self._total - done)
