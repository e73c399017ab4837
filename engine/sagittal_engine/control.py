"""Pause, stop and cancel: requests set a flag and return at once; they take effect at `boundary()`.

`boundary` is called between two steps and inside every other long loop. It returns at once when nothing was asked,
waits while paused, and unwinds by raising `Stopped` or `Cancelled`. Both derive from BaseException, so that a method's
`except Exception` does not swallow them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Unwound(BaseException):
    """A request of the user unwinds the work; never an error."""


class Stopped(Unwound):
    """End here and keep what was done."""


class Cancelled(Unwound):
    """End as soon as possible."""


def _nothing() -> None:
    pass


class Control:
    """The flags of one run or task. Requests may come from any thread, `boundary` belongs to the worker's own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pause = self._stop = self._cancel = False
        self._quiet = True
        self.measures = True
        """Whether the run's probes may measure; read between two steps."""
        self.on_pause: Callable[[], None] = _nothing
        """Called in the worker's thread when a pause takes effect, before waiting."""
        self.on_continue: Callable[[], None] = _nothing
        """Called in the worker's thread when a pause ends by continuing."""

    def request_pause(self) -> None:
        self._set(pause=True)

    def request_continue(self) -> None:
        self._set(pause=False)

    def request_stop(self) -> None:
        self._set(stop=True)

    def request_cancel(self) -> None:
        self._set(cancel=True)

    def _set(self, *, pause: bool | None = None, stop: bool = False, cancel: bool = False) -> None:
        with self._changed:
            self._pause = self._pause if pause is None else pause
            self._stop |= stop
            self._cancel |= cancel
            self._quiet = not (self._pause or self._stop or self._cancel)
            self._changed.notify_all()

    @property
    def ending(self) -> bool:
        """Whether a stop or cancel was asked."""
        return self._stop or self._cancel

    def boundary(self) -> None:
        """The place where requests take effect. Raises `Stopped` or `Cancelled`; waits while paused."""
        if self._quiet:
            return
        self.raise_if_ending()
        if self._pause:
            self.on_pause()
            with self._changed:
                self._changed.wait_for(lambda: self.ending or not self._pause)
            self.raise_if_ending()
            self.on_continue()

    def raise_if_ending(self) -> None:
        """The boundary of work between two steps that a pause must not split: a stop or cancel unwinds it."""
        self.raise_if_cancelled()
        if self._stop:
            raise Stopped

    def raise_if_cancelled(self) -> None:
        """The boundary inside a step: only a cancel may break a step; pause and stop wait for its end."""
        if self._cancel:
            raise Cancelled
