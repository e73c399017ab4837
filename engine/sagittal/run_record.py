"""What a run folder contains, as values: `run.json` (written once) and `state.json` (rewritten atomically)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sagittal.events import Reason, State
from sagittal.run_request import RunRequest


class Adapted(BaseModel):
    """How a run came about that was not trained but adapted at test time from another."""

    model_config = ConfigDict(frozen=True)

    run: str
    """The run whose network was adapted; request and parameters of the record are that run's own."""
    method: str
    """The adapter."""
    parameters: dict[str, Any]
    """Every parameter's final value."""
    scans: tuple[str, ...]
    """The stream, in its order."""
    domain: str = ""
    """The domain that all of them are of, where the stream was divided by domains."""
    seed: int = 0
    recipe: str | None = None
    column: str = ""
    """The meta label that divided the stream by domains; empty for one stream."""
    label_set: str = ""
    """Of the adapted masks. Where a reader keeps the mask before adapting instead, it holds that one."""
    before_set: str = ""
    """Of the masks before adapting."""
    truth: str = "truth"
    """The label set that masks are compared with, where a scan has it."""


class RunFacts(BaseModel):
    """`run.json`: what was asked and on what, fixed when the run begins."""

    model_config = ConfigDict(frozen=True)

    run: str
    """The run's id: the last part of its folder's name."""
    folder: str
    """The run folder's name inside `runs/`."""
    request: RunRequest
    parameters: dict[str, Any]
    """Every parameter's final value (defaults, recipe and request together)."""
    scans: tuple[str, ...]
    data_fingerprint: str
    """SHA-256 over the ids of the scans, which derive from their content."""
    created: str
    """ISO 8601, UTC."""
    versions: dict[str, str]
    device: str
    adapted: Adapted | None = None


class RunState(BaseModel):
    """`state.json`: where the run is now."""

    model_config = ConfigDict(frozen=True)

    state: State = State.PREPARING
    reason: Reason | None = None
    step: int = 0
    steps: int = 0
    """Length of the schedule."""
    stop_at: int = 0
    seconds: float = 0.0
    """Time spent training, over all its sittings."""
    heartbeat: float = 0.0
    """Seconds since the epoch; an old one on an unfinished run means that the program ended under it."""
    program: str = ""
    """Who runs it: host, process number and start time, so that a dead program is known at once."""
    task: str = ""
    """The task of that program which works on it, where it is none of the program's runs: an adaptation."""
    error: str = ""
    detail: str = ""


class RunRecord(BaseModel):
    """One run whole, as the runs page and `sagittal show` see it."""

    model_config = ConfigDict(frozen=True)

    facts: RunFacts
    state: RunState
    metrics: dict[str, tuple[list[int], list[float]]] = Field(default_factory=dict)
    """Series name → (steps, values)."""
    previews: list[dict[str, Any]] = Field(default_factory=list)
    """Each {"panel", "step", "path", "caption"}, oldest first."""
    evaluations: list[dict[str, Any]] = Field(default_factory=list)
    """What `evaluate` found for this run, oldest first."""
    checkpoints: list[str] = Field(default_factory=list)
    """Names of the checkpoints there are: "last", "best", then the steps that were kept, ascending."""
    cases: list[dict[str, Any]] = Field(default_factory=list)
    """Of an adapted run, the rows of `adapt --json` in the order of the stream; {"scan", "refused"} for a scan that was
    left out, with the reason."""
    resumable: bool = False
