"""A lane per device: runs of one device go one after the other, each on its own thread. No torch."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sagittal_engine.device import give_way

TURN_SECONDS = 0.1
"""Between two looks at whether one who waits for a turn gave up."""


@dataclass
class _Job:
    run: str
    work: Callable[[], None]


class Lanes:
    """Starts the work of a run on a thread of its own as soon as its device is free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._waiting: dict[str, deque[_Job]] = {}
        self._threads: set[threading.Thread] = set()

    def submit(self, device: str, run: str, work: Callable[[], None], *, enters: Callable[[bool], None]) -> None:
        """Takes `work` on. `enters(waiting)` is called in the caller's thread, under the lock, before anything starts.

        `work` must not raise: whatever happens in it is its own to report.
        """
        with self._lock:
            waiting = device in self._busy
            enters(waiting)
            job = _Job(run, work)
            if waiting:
                self._waiting.setdefault(device, deque()).append(job)
            else:
                self._begin(device, job)

    @contextmanager
    def turn(
        self, device: str, source: str, *, boundary: Callable[[], None], waits: Callable[[], None]
    ) -> Iterator[None]:
        """Holds the device for the block, in the caller's own thread; `waits` is called where it is busy first.

        `boundary` is called while waiting, and may raise to give up.
        """
        begun, done = threading.Event(), threading.Event()

        def hold() -> None:
            begun.set()
            done.wait()

        self.submit(device, source, hold, enters=lambda waiting: waits() if waiting else None)
        try:
            while not begun.wait(TURN_SECONDS):
                boundary()
            yield
        finally:
            self.withdraw(source)
            done.set()

    def withdraw(self, run: str) -> bool:
        """Takes a run that still waits out of its lane; False where it does not wait (any more)."""
        with self._lock:
            for jobs in self._waiting.values():
                for job in jobs:
                    if job.run == run:
                        jobs.remove(job)
                        return True
        return False

    def _begin(self, device: str, job: _Job) -> None:
        self._busy.add(device)
        thread = threading.Thread(target=self._run, args=(device, job), name=f"sagittal-run-{job.run}")
        self._threads.add(thread)
        thread.start()

    def _run(self, device: str, job: _Job) -> None:
        try:
            give_way()
            job.work()
        finally:
            with self._lock:
                self._busy.discard(device)
                self._threads.discard(threading.current_thread())
                jobs = self._waiting.get(device)
                if jobs:
                    self._begin(device, jobs.popleft())

    def join(self) -> None:
        """Waits until every thread has ended."""
        while True:
            with self._lock:
                threads = list(self._threads)
            if not threads:
                return
            for thread in threads:
                thread.join()
