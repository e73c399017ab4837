"""One run as it is shown: folded from events while it goes on, from its record when it is past. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sagittal.events import (
    CheckpointSaved,
    Event,
    MessageRaised,
    MetricsChunk,
    PreviewReady,
    Reason,
    RunFinished,
    SpectrumComputed,
    State,
    StateChanged,
    StepProgress,
    TaskProgress,
)
from sagittal.run_record import RunRecord
from sagittal_app import messages
from sagittal_app.models.evaluations import measured_on

Floats = NDArray[np.float64]
SPECTRUM = "spectrum"
LOG_LIMIT = 2000
"""Lines of the log that are kept for the screen; the run folder has them all."""


class Series:
    """A growing metric series: appending costs a constant amount per point, however long it is."""

    def __init__(self, steps: ArrayLike = (), values: ArrayLike = ()) -> None:
        self._steps: Floats = np.asarray(steps, dtype=np.float64).copy()
        self._values: Floats = np.asarray(values, dtype=np.float64).copy()
        self._length = len(self._steps)

    def __len__(self) -> int:
        return self._length

    @property
    def steps(self) -> Floats:
        """(N,), ascending."""
        return self._steps[: self._length]

    @property
    def values(self) -> Floats:
        """(N,)."""
        return self._values[: self._length]

    def append(self, steps: ArrayLike, values: ArrayLike) -> None:
        """Adds points; a run that was resumed from an earlier step replaces what came after that step."""
        new_steps = np.asarray(steps, dtype=np.float64)
        if not len(new_steps):
            return
        keep = int(np.searchsorted(self.steps, new_steps[0]))
        self._length = keep
        needed = keep + len(new_steps)
        if needed > len(self._steps):
            room = max(needed, 2 * len(self._steps), 1024)
            self._steps = np.concatenate([self.steps, np.empty(room - keep)])
            self._values = np.concatenate([self.values, np.empty(room - keep)])
        self._steps[keep:needed] = new_steps
        self._values[keep:needed] = np.asarray(values, dtype=np.float64)
        self._length = needed

    def prepend(self, steps: ArrayLike, values: ArrayLike) -> None:
        """Puts a record's points before those that came live."""
        old_steps = np.asarray(steps, dtype=np.float64)
        old_values = np.asarray(values, dtype=np.float64)
        keep = len(old_steps) if not len(self) else int(np.searchsorted(old_steps, self.steps[0]))
        self._steps = np.concatenate([old_steps[:keep], self.steps])
        self._values = np.concatenate([old_values[:keep], self.values])
        self._length = len(self._steps)


@dataclass(frozen=True)
class Preview:
    """A picture or document on disk that a panel shows."""

    step: int
    path: str
    caption: str = ""


@dataclass
class RunModel:
    """What a board shows of one run."""

    run: str
    title: str = ""
    state: State = State.QUEUED
    reason: Reason | None = None
    step: int = 0
    steps: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    seconds: float = 0.0
    memory_bytes: int = 0
    device: str = ""
    message: str = ""
    """What the preparation is doing."""
    done: int = 0
    total: int = 0
    error: str = ""
    detail: str = ""
    resumable: bool = False
    measures: bool = True
    """Whether its probes were left on."""
    series: dict[str, Series] = field(default_factory=dict)
    previews: dict[str, list[Preview]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    """(level, sentence)."""
    checkpoint: int = 0
    """Step of the newest checkpoint."""
    record: RunRecord | None = None
    _told: bool = False
    """Whether an event has said where the run is; a record read meanwhile is older."""

    @classmethod
    def of(cls, record: RunRecord, title: str = "") -> RunModel:
        """The model of a past run."""
        model = cls(record.facts.run, title or record.facts.request.method)
        model.take(record)
        return model

    @property
    def over(self) -> bool:
        return self.state is State.FINISHED

    def take(self, record: RunRecord) -> None:
        """Takes over a record: all of it where nothing came live, else what came before."""
        told = self._told
        self.record = record
        self.resumable = record.resumable
        for name, (steps, values) in record.metrics.items():
            self.series.setdefault(name, Series()).prepend(steps, values)
        known = {(panel, one.step) for panel, rows in self.previews.items() for one in rows}
        for row in record.previews:
            if (row["panel"], row["step"]) not in known:
                one = Preview(int(row["step"]), str(row["path"]), str(row.get("caption", "")))
                self.previews.setdefault(str(row["panel"]), []).append(one)
        for rows in self.previews.values():
            rows.sort(key=lambda one: one.step)
        state = record.state
        if not told:
            self.state, self.reason = state.state, state.reason
            self.error, self.detail = state.error, state.detail
        self.step = max(self.step, state.step)
        self.device = self.device or record.facts.device
        self.steps = self.steps or state.stop_at or state.steps
        self.seconds = max(self.seconds, state.seconds)

    def fold(self, event: Event) -> bool:
        """Takes in an event of this run; says whether it was one and changed anything."""
        if event.source != self.run:
            return False
        match event:
            case StateChanged():
                self._told = True
                if event.state is not self.state:
                    self.log.append(("info", messages.STATE_LINE[event.state.value].format(step=self.step)))
                self.state = event.state
                self.title = event.title or self.title
                if event.state is not State.FINISHED:
                    self.reason, self.error = None, ""
            case StepProgress():
                self.step, self.steps, self.rate = event.step, event.steps, event.steps_per_second
                self.seconds_left, self.memory_bytes = event.seconds_left, event.memory_bytes
                self.device, self.message = event.device, ""
            case TaskProgress():
                self.message, self.done, self.total = event.message, event.done, event.total
            case MetricsChunk():
                for name, (steps, values) in event.series.items():
                    self.series.setdefault(name, Series()).append(steps, values)
            case PreviewReady():
                self._add_preview(event.panel, Preview(event.step, event.path, event.caption))
            case SpectrumComputed():
                self._add_preview(SPECTRUM, Preview(event.step, event.path))
            case CheckpointSaved():
                self.checkpoint = event.step
                self.log.append(("info", messages.CHECKPOINT_AT.format(step=event.step)))
            case MessageRaised():
                self.log.append((event.level, event.text))
                del self.log[:-LOG_LIMIT]
            case RunFinished():
                self._told = True
                self.state, self.reason, self.step = State.FINISHED, event.reason, event.step or self.step
                self.error, self.detail = event.error, event.detail
                self.resumable = self.resumable or event.reason is not Reason.COMPLETED
                self.seconds_left = None
            case _:
                return False
        return True

    def _add_preview(self, panel: str, one: Preview) -> None:
        rows = self.previews.setdefault(panel, [])
        # A resumed run draws the same steps again; a finished one is measured at a single checkpoint.
        rows[:] = [old for old in rows if old.step < one.step or (self.over and old.step != one.step)]
        rows.append(one)
        rows.sort(key=lambda row: row.step)


def losses(model: RunModel) -> list[str]:
    """Names of the series that are losses, in the order they came."""
    return [name for name in model.series if "loss" in name]


def moving_average(values: Floats, window: int) -> Floats:
    """The mean of the last `window` points at each point (N,) → (N,); points that are not numbers are left out."""
    if window <= 1 or not len(values):
        return values
    good = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(good, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(good)])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - window, 0)
    number = counts[ends] - counts[begins]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums[ends] - sums[begins]) / number


def differing(records: list[RunRecord]) -> dict[str, list[Any]]:
    """Parameters (and method, seed, scans…) in which runs differ: name → one value per run, None where absent."""
    rows = [_asked(record) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = {name: [row.get(name) for row in rows] for name in names}
    return {name: values for name, values in table.items() if any(value != values[0] for value in values)}


def _asked(record: RunRecord) -> dict[str, Any]:
    request = record.facts.request
    return {
        "method": request.method,
        "recipe": request.recipe,
        "seed": request.seed,
        "device": record.facts.device,
        "scans": len(record.facts.scans),
        "data": record.facts.data_fingerprint[:8],
        **record.facts.parameters,
    }


def best_figures(record: RunRecord) -> dict[str, dict[str, Any]]:
    """The newest evaluation's mean Dice (or else its first figure) per protocol or task, by name."""
    best: dict[str, dict[str, Any]] = {}
    for document in record.evaluations:
        summary = document.get("summary", {})
        name = next((n for n in ("dice_mean", *summary) if n in summary), None)
        if name:
            best[f"{name} ({measured_on(document)})"] = summary[name]
    return best
