"""What is going on now: runs and tasks folded from events, without Qt."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sagittal.events import Event, RunFinished, State, StateChanged, StepProgress, TaskFinished, TaskProgress
from sagittal_app import messages

LEFT_AFTER = 5.0
"""Seconds a task must have run before its time left is shown; earlier guesses mislead."""


@dataclass(frozen=True)
class Task:
    """One run or task that is going on."""

    source: str
    kind: str
    title: str
    state: State = State.QUEUED
    done: int = 0
    total: int = 0
    message: str = ""
    seconds_left: float | None = None
    began: float = 0.0

    @property
    def is_run(self) -> bool:
        return self.kind == "run"

    def line(self) -> str:
        """ "CoWPro · step 412 of 3000" or "Import · image_07"."""
        if self.state is State.QUEUED:
            return f"{self.title} · queued"
        if self.state is State.PAUSED:
            return f"{self.title} · paused at step {self.done}"
        if self.message:
            return f"{self.title} · {self.message}"
        if self.is_run and self.total:
            return f"{self.title} · step {self.done} of {self.total}"
        return self.title

    def left(self, now: float) -> str:
        """ "2 min left", or nothing while it is too early to say, or a part is done whose successor is not told yet."""
        early = self.state is not State.RUNNING or now - self.began < LEFT_AFTER
        if self.seconds_left is None or early or self.done >= self.total > 0:
            return ""
        return messages.time_left(self.seconds_left)


@dataclass
class Tasks:
    """All that is going on, in the order it began."""

    clock: Callable[[], float] = time.monotonic
    going: dict[str, Task] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """Titles of finished work too, for the sentence that says how it ended."""

    def fold(self, event: Event) -> bool:
        """Takes in an event; says whether anything changed."""
        if isinstance(event, StateChanged):
            return self._state(event)
        if isinstance(event, RunFinished | TaskFinished):
            return self.going.pop(event.source, None) is not None
        task = self.going.get(event.source)
        if task is None:
            return False
        if isinstance(event, StepProgress):
            values = {"done": event.step, "total": event.steps, "message": "", "seconds_left": event.seconds_left}
        elif isinstance(event, TaskProgress):
            values = {
                "done": event.done,
                "total": event.total,
                "message": event.message,
                "seconds_left": event.seconds_left,
            }
        else:
            return False
        self.going[event.source] = replace(task, **values)
        return True

    def foremost(self) -> Task | None:
        """The one the status bar shows: what runs before what waits, the oldest first."""
        order = [task for task in self.going.values() if task.state is not State.QUEUED]
        return next(iter(order or self.going.values()), None)

    def _state(self, event: StateChanged) -> bool:
        if event.title:
            self.titles[event.source] = event.title
        if event.state is State.FINISHED:
            return self.going.pop(event.source, None) is not None
        known = self.going.get(event.source)
        title = event.title or (known.title if known else event.kind.capitalize())
        fresh = known or Task(event.source, event.kind, title, began=self.clock())
        self.going[event.source] = replace(fresh, state=event.state, title=title)
        return True
