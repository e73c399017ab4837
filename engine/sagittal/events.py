"""Facts that runs and tasks publish: frozen values of plain numbers, text and paths, never tensors or exceptions.

A *run* is one training with a record on disk; a *task* is any other long piece of work (import, segmentation,
evaluation, export). Every event names the run or task it belongs to, so that an old result cannot reach a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a run or task is. A request to leave a state takes effect at the next boundary."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"


class Reason(StrEnum):
    """Why a run or task is finished."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    ENDED_WITH_PROGRAM = "ended with the program"


@dataclass(frozen=True)
class Event:
    """A fact about the run or task `source`."""

    source: str


@dataclass(frozen=True)
class StateChanged(Event):
    state: State
    title: str = ""
    kind: str = "run"
    """"run", or what the task does: "import", "segment", "evaluate", "export"."""


@dataclass(frozen=True)
class StepProgress(Event):
    """Progress of a run's steps; only the newest is kept."""

    step: int
    steps: int
    steps_per_second: float
    seconds_left: float | None
    memory_bytes: int
    device: str


@dataclass(frozen=True)
class TaskProgress(Event):
    """Progress of a task, or of a run's preparation; only the newest is kept."""

    done: int
    total: int
    message: str
    seconds_left: float | None = None


@dataclass(frozen=True)
class MetricsChunk(Event):
    """New points of metric series: name → (steps, values)."""

    series: Mapping[str, tuple[tuple[int, ...], tuple[float, ...]]]


@dataclass(frozen=True)
class PreviewReady(Event):
    """A picture (PNG) or a small document (JSON) that a panel shows."""

    panel: str
    step: int
    path: str
    caption: str = ""


@dataclass(frozen=True)
class SpectrumComputed(Event):
    step: int
    path: str


@dataclass(frozen=True)
class CheckpointSaved(Event):
    step: int
    path: str


@dataclass(frozen=True)
class MessageRaised(Event):
    level: str
    """"info", "warning" or "error"."""
    text: str
    detail: str = ""


@dataclass(frozen=True)
class StudyChanged(Event):
    """Something in the study is new; `what` is "scans", "labels", "runs" or "preferences"."""

    what: str
    scans: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparisonChanged(Event):
    """A comparison began, has a further result, or ended; `source` is the task that works on it."""

    comparison: str


@dataclass(frozen=True)
class RunFinished(Event):
    """The last event of a run: published exactly once, whatever happened."""

    reason: Reason
    step: int
    error: str = ""
    detail: str = ""


@dataclass(frozen=True)
class TaskFinished(Event):
    """The last event of a task: published exactly once, whatever happened."""

    kind: str
    reason: Reason
    result: Mapping[str, Any] = field(default_factory=dict)
    """What the command line prints with `--json` for the same work."""
    error: str = ""
    detail: str = ""


NEWEST_ONLY: tuple[type[Event], ...] = (StepProgress, TaskProgress)
"""Events of which a reader wants only the newest per source."""
