"""Tasks: long pieces of work other than training, each on its own thread, with progress and Cancel. No torch."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sagittal.events import Event, MessageRaised, Reason, State, StateChanged, TaskFinished
from sagittal.outbox import Post
from sagittal_engine.control import Control, Unwound
from sagittal_engine.device import give_way
from sagittal_engine.errors import explain
from sagittal_engine.progress import ProgressMeter

Work = Callable[["Task"], Mapping[str, Any]]
"""Does the task and returns its result: the document the command line prints for the same work."""


class Task:
    """A task as its work sees it."""

    def __init__(self, kind: str, title: str, post: Post) -> None:
        self.kind, self.title, self.id = kind, title, f"{kind}-{secrets.token_hex(4)}"
        self.control = Control()
        self._post = post
        self._meter = ProgressMeter(self.id, post)

    def boundary(self) -> None:
        """The place where a cancel takes effect. Raises to unwind."""
        self.control.boundary()

    def progress(self, done: int, total: int, message: str) -> None:
        """Tells the user how far the task is, and honours `boundary`."""
        self.boundary()
        self._meter.show(done, total, message)

    def begin(self, part: str) -> None:
        """Tells which part of the work comes now, where nobody can say how far it is; honours `boundary`."""
        self.progress(0, 0, part)

    def message(self, level: str, text: str) -> None:
        """A sentence ("info", "warning" or "error") for the user."""
        self._post(MessageRaised(self.id, level, text))

    def publish(self, event: Event) -> None:
        self._post(event)


class Tasks:
    """Starts tasks and knows those under way."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._lock = threading.Lock()
        self._under_way: dict[str, Task] = {}
        self._threads: set[threading.Thread] = set()

    def start(self, kind: str, title: str, work: Work) -> str:
        """Begins `work` on a thread of its own and returns the task's id; it ends with exactly one `TaskFinished`."""
        task = Task(kind, title, self._post)
        thread = threading.Thread(target=self._run, args=(task, work), name=f"sagittal-task-{task.id}")
        with self._lock:
            self._under_way[task.id] = task
            self._threads.add(thread)
        self._post(StateChanged(task.id, State.RUNNING, title, kind))
        thread.start()
        return task.id

    def find(self, source: str) -> Task | None:
        """The task `source`, if it is under way."""
        with self._lock:
            return self._under_way.get(source)

    @property
    def busy(self) -> bool:
        return bool(self._under_way)

    def _run(self, task: Task, work: Work) -> None:
        reason, result, error, detail = Reason.FAILED, {}, "", ""  # type: Reason, Mapping[str, Any], str, str
        try:
            give_way()
            result = work(task)
            reason = Reason.COMPLETED
        except Unwound as unwound:
            reason = Reason.CANCELLED
            for note in getattr(unwound, "__notes__", ()):  # what was finished before the cancel, in words
                self._post(MessageRaised(task.id, "info", note))
        except BaseException as fault:
            error, detail = explain(fault, f"working on '{task.title}'")
        with self._lock:
            del self._under_way[task.id]
        self._post(StateChanged(task.id, State.FINISHED, task.title, task.kind))
        self._post(TaskFinished(task.id, task.kind, reason, result, error, detail))
        with self._lock:
            self._threads.discard(threading.current_thread())

    def cancel_all(self) -> None:
        with self._lock:
            tasks = list(self._under_way.values())
        for task in tasks:
            task.control.request_cancel()

    def join(self) -> None:
        """Waits until every task's thread has ended."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join()
