"""Following a task that a page or dialog asked for, from the moment it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from sagittal.events import Event, TaskFinished, TaskProgress
from sagittal_app.desk import Desk

EARLY = 50
"""Events kept while a task has no name yet: it may speak before its name has come back."""


class TaskFollower(QObject):
    """One task at a time; the owner passes events on to `handle`."""

    progressed = Signal(object)
    finished = Signal(object)

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._early: list[Event] = []
        self.task = ""
        self.busy = False
        """Whether a task was asked for and has not ended."""

    def start(self, start: Callable[..., str], *args: Any, failed: Callable[[str, str], object]) -> None:
        """Calls `start` in the background and follows the task it names."""
        self.busy = True

        def refused(sentence: str, detail: str) -> None:
            self.forget()
            failed(sentence, detail)

        self._desk.ask(start, *args, then=self._started, failed=refused, owner=self)

    def _started(self, task: str) -> None:
        """The task's first events may have come before its name."""
        self.task = task
        early, self._early = self._early, []
        for event in early:
            self.handle(event)

    def handle(self, event: Event) -> None:
        """An event of the engine."""
        if not self.task:
            if isinstance(event, TaskProgress | TaskFinished):
                self._early.append(event)
                del self._early[:-EARLY]
        elif event.source == self.task:
            if isinstance(event, TaskProgress):
                self.progressed.emit(event)
            elif isinstance(event, TaskFinished):
                self.forget()
                self.finished.emit(event)

    def forget(self) -> None:
        """Nothing is followed any more."""
        self.task, self.busy = "", False
        self._early.clear()

    def cancel(self) -> None:
        if self.task:
            self._desk.port.request_cancel(self.task)
