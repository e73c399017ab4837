"""A run's folder: what is written where, and how it reads back. No torch.

```
<stamp>_<method>_<id>/
    run.json  state.json  metrics.jsonl  previews.jsonl  evaluations.jsonl  cases.jsonl  log.txt
    checkpoints/  encoder/  previews/
```
"""

from __future__ import annotations

import contextlib
import functools
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sagittal.engine_port import SagittalError
from sagittal.events import Reason, State
from sagittal.run_record import RunFacts, RunRecord, RunState
from sagittal_engine.store.atomic import JsonLines, flush_to_disk, write_json
from sagittal_engine.store.kept_folders import kept_folders, named
from sagittal_engine.store.liveness import is_alive
from sagittal_engine.store.metrics import MetricsLog


def new_name(method: str) -> tuple[str, str]:
    """A fresh run's (id, folder name)."""
    run = secrets.token_hex(4)
    return run, f"{datetime.now(UTC):%Y%m%d-%H%M%S}_{method}_{run}"


class RunFolder:
    """One run on disk. Writing is safe from the run's thread; reading from any."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.encoder = path / "encoder"
        self.metrics = MetricsLog(path / "metrics.jsonl")
        self._previews = JsonLines(path / "previews.jsonl")
        self._evaluations = JsonLines(path / "evaluations.jsonl")
        self._cases = JsonLines(path / "cases.jsonl")

    def write_facts(self, facts: RunFacts) -> None:
        """Writes `run.json`, once. Not awaited on the disk: `settle` does that in the run's own thread."""
        write_json(self.path / "run.json", facts.model_dump(mode="json"), durable=False)

    def settle(self) -> None:
        """Makes sure that the folder and `run.json` are on the disk."""
        flush_to_disk(self.path / "run.json")
        flush_to_disk(self.path)

    def write_state(self, state: RunState, *, durable: bool = True) -> None:
        """Replaces `state.json`."""
        write_json(self.path / "state.json", state.model_dump(mode="json"), durable=durable)

    def facts(self) -> RunFacts:
        """Raises `SagittalError` where the folder holds no readable run."""
        try:
            return _facts(self.path / "run.json")
        except (OSError, ValidationError) as error:
            raise SagittalError(
                f"{self.path.name} is not a readable run: {type(error).__name__} in run.json."
            ) from error

    def state(self) -> RunState:
        """The state as it is true now: an unfinished run whose program is gone has ended with the program."""
        try:
            state = RunState.model_validate_json((self.path / "state.json").read_bytes())
        except (OSError, ValidationError):
            state = RunState()
        if state.state is State.FINISHED or is_alive(state.program, state.heartbeat):
            return state
        return state.model_copy(update={"state": State.FINISHED, "reason": Reason.ENDED_WITH_PROGRAM})

    def record(self, *, whole: bool = True) -> RunRecord:
        """The run as pages show it; metrics, previews and cases only when `whole`."""
        state = self.state()
        record = RunRecord(
            facts=self.facts(), state=state, resumable=is_resumable(state), evaluations=self._evaluations.read(),
            checkpoints=self._saved(),
        )  # fmt: skip
        if not whole:
            return record
        return record.model_copy(
            update={
                "metrics": self.metrics.read(),
                "previews": self._read_previews(),
                "cases": self._cases.read(),
            }
        )

    def _saved(self) -> list[str]:
        """What a user calls the checkpoints there are; see `store.checkpoint.file_of`."""
        there = {path.stem for path in self.checkpoints.glob("*.pt")}
        steps = sorted(int(stem.removeprefix("step-")) for stem in there if re.fullmatch(r"step-\d+", stem))
        return [*(word for word in ("last", "best") if word in there), *map(str, steps)]

    def add_preview(self, panel: str, step: int, path: Path, caption: str) -> None:
        """Notes a picture that lies at `path` inside the folder."""
        inside = path.relative_to(self.path).as_posix()
        self._previews.append({"panel": panel, "step": step, "path": inside, "caption": caption})

    def _read_previews(self) -> list[dict[str, Any]]:
        """Every picture by (panel, step), the newest where a resumed run drew one again; paths are whole."""
        rows = {(row["panel"], row["step"]): row for row in self._previews.read()}
        return [{**row, "path": str(self.path / row["path"])} for row in rows.values()]

    def add_evaluation(self, document: Mapping[str, Any]) -> None:
        """Appends what `evaluate` found."""
        self._evaluations.append(document)

    def add_case(self, case: Mapping[str, Any]) -> None:
        """Appends what was found of one scan of an adapted run's stream."""
        self._cases.append(case)

    def log(self, level: str, text: str, detail: str = "") -> None:
        """Adds a dated line (and an indented detail) to `log.txt`."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        body = "".join(f"\n    {line}" for line in detail.splitlines())
        with (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {level} {text}{body}\n")

    def preview_path(self, panel: str, step: int, suffix: str = ".png") -> Path:
        """Where the picture of `panel` at `step` goes."""
        plain = re.sub(r"[^a-z0-9]+", "-", panel.lower()).strip("-") or "panel"
        return self.path / "previews" / f"{plain}-{step:08d}{suffix}"


def is_resumable(state: RunState) -> bool:
    """A finished run that has not come to the end of its schedule can go on."""
    return state.state is State.FINISHED and (state.step < state.steps or state.step < state.stop_at)


@functools.lru_cache(maxsize=4096)
def _facts(path: Path) -> RunFacts:
    return RunFacts.model_validate_json(path.read_bytes())


def run_folders(runs: Path) -> Iterator[RunFolder]:
    """Every run folder under `runs`, newest first; folders that hold no readable run are passed over."""
    for path in kept_folders(runs, "run.json"):
        folder = RunFolder(path)
        with contextlib.suppress(SagittalError):
            folder.facts()
            yield folder


def find_run(runs: Path, run: str) -> RunFolder:
    """The folder of run `run` (its id, a unique beginning of it, the folder's name, or "last" for the newest).

    Raises `SagittalError` that lists the nearest runs where there is none or more than one.
    """
    return named(
        list(run_folders(runs)), run, id_of=lambda folder: folder.facts().run, path_of=lambda folder: folder.path,
        words=("run", "runs"), begin="Train one first.", about=lambda folder: f" ({folder.facts().request.method})",
    )  # fmt: skip
