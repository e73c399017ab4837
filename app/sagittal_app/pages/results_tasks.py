"""Following a task that a page asked for, from the moment it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from sagittal.events import Event, TaskFinished, TaskProgress
from sagittal_app.desk import Desk

EARLY = 50
"""Events kept while no task is followed: a task may speak before its name has come back."""


class TaskFollower(QObject):
    """One task at a time."""

    progressed = Signal(object)
    finished = Signal(object)

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._early: list[Event] = []
        self.task = ""

    def start(self, start: Callable[..., str], *args: Any, failed: Callable[[str, str], object]) -> None:
        """Calls `start` in the background and follows the task it names."""
        self._desk.ask(
            start, *args, then=self._started, failed=lambda *said: (self._early.clear(), failed(*said)), owner=self
        )

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
                self.task = ""
                self.finished.emit(event)

    def forget(self) -> None:
        """The study is another one."""
        self.task = ""
        self._early.clear()

    def cancel(self) -> None:
        if self.task:
            self._desk.port.request_cancel(self.task)
