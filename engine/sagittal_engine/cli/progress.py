"""Progress and messages on standard error: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Column
from rich.text import Text

from sagittal.events import Event, MessageRaised, MetricsChunk, StepProgress, TaskProgress
from sagittal_engine.cli.output import duration

QUIET_SECONDS = 10.0
"""Between two lines of progress where standard error is no terminal (a log file, a pipe)."""


class Display:
    """Shows the events of one run or task; used as a context."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._console = Console(stderr=True, highlight=False)
        self._live = self._console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=16, table_column=Column(min_width=16)),
            TaskProgressColumn(table_column=Column(min_width=4, no_wrap=True)),
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True, ratio=1)),
            expand=True,
            console=self._console,
            disable=not self._live,
            redirect_stdout=False,
            transient=True,
        )
        self._task = self._bar.add_task(title, total=None, note="")
        self._losses: dict[str, float] = {}
        self._spoken = time.monotonic()

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Shows one event of the run or task; kinds that a terminal has no use for are passed over."""
        if isinstance(event, StepProgress):
            left = f"{duration(event.seconds_left)} left" if event.seconds_left is not None else ""
            losses = "  ".join(f"{name} {value:.3f}" for name, value in self._losses.items())
            note = "  ".join(part for part in (left, f"{event.steps_per_second:.1f} steps/s", losses) if part)
            self.advance(event.step, event.steps, note)
        elif isinstance(event, TaskProgress):
            left = f"  {duration(event.seconds_left)} left" if event.seconds_left is not None else ""
            self.advance(event.done, event.total, event.message + left)
        elif isinstance(event, MetricsChunk):
            newest = {name: values[-1] for name, (_, values) in event.series.items() if values and "loss" in name}
            self._losses.update(newest)
        elif isinstance(event, MessageRaised):
            self.say(event.text, event.level)

    def say(self, text: str, level: str = "info") -> None:
        """A sentence above the bar."""
        style = {"warning": "yellow", "error": "red"}.get(level, "")
        self._console.print(Text(f"{level.capitalize()}: {text}" if style else text, style=style), soft_wrap=True)

    def advance(self, done: int, total: int, note: str) -> None:
        """Moves the bar; a total of 0 means that the length is not known."""
        self._bar.update(self._task, completed=done, total=total or None, note=note)
        now = time.monotonic()
        if not self._live and now - self._spoken >= QUIET_SECONDS:
            self._spoken = now
            self.say(f"{self.title}: {done}/{total} {note}" if total else f"{self.title}: {note}")
