"""A comparison's folder: what is written where, and how it reads back. No torch.

```
<study>/comparisons/<stamp>_<id>/
    comparison.json   written once: the request, what it was settled to, and when
    results.jsonl     append-only: a line per fine-tuning that is done, with its cases
    state.json        whether it failed and why; which program works on it
    table.md  table.csv  cases.csv  figure.png
```
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sagittal.comparison import ComparisonRequest
from sagittal.engine_port import SagittalError
from sagittal_engine.evaluate.subject_draws import LabelledDraw
from sagittal_engine.store.atomic import JsonLines, write_json
from sagittal_engine.store.kept_folders import kept_folders, named, new_folder, tuples

FILES = {"table": "table.md", "csv": "table.csv", "cases": "cases.csv", "figure": "figure.png"}


@dataclass(frozen=True)
class Settled:
    """What a request came to in its study, so that every sitting does the same."""

    labels: tuple[str, ...]
    test_scans: tuple[str, ...]
    draws: tuple[Mapping[str, Any], ...]
    """{"budget", "repeat", "subjects"}."""
    starts: tuple[Mapping[str, Any], ...]
    """{"name", "title", "digest"}: the digest of the weights, empty for random ones."""
    notes: tuple[str, ...]
    """What must be said beside the table."""

    def choices(self) -> tuple[LabelledDraw, ...]:
        """The draws."""
        return tuple(LabelledDraw(d["budget"], d["repeat"], tuple(d["subjects"])) for d in self.draws)

    @property
    def total(self) -> int:
        """Fine-tunings."""
        return len(self.draws) * len(self.starts)


class ComparisonFolder:
    """One comparison on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name.rpartition("_")[2]
        self._results = JsonLines(path / "results.jsonl")

    def create(self, request: ComparisonRequest, settled: Settled) -> None:
        """Writes `comparison.json`."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(
            self.path / "comparison.json",
            {"created": created, "request": asdict(request), "settled": asdict(settled)},
        )

    def read(self) -> tuple[ComparisonRequest, Settled, str]:
        """The request, what it was settled to, and the ISO 8601 time it was made.

        Raises `SagittalError` where the folder holds no readable comparison.
        """
        try:
            content = json.loads((self.path / "comparison.json").read_bytes())
            return (
                ComparisonRequest(**tuples(content["request"])),
                Settled(**tuples(content["settled"])),
                str(content["created"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SagittalError(
                f"{self.path.name} is not a readable comparison: {type(error).__name__} in comparison.json."
            ) from error

    def add(self, result: Mapping[str, Any]) -> None:
        """Keeps what a fine-tuning came to: {"start", "budget", "repeat", "seconds", "cases"}."""
        self._results.append(result)

    def results(self) -> list[dict[str, Any]]:
        """Everything done, each (start, budget, repeat) once, in the order in which it was done."""
        rows = {(row["start"], row["budget"], row["repeat"]): row for row in self._results.read()}
        return list(rows.values())

    def write_state(self, *, program: str = "", reason: str = "") -> None:
        """Notes which program works on it, or why it failed; neither where it rests."""
        write_json(self.path / "state.json", {"program": program, "reason": reason, "heartbeat": time.time()})

    def state(self) -> Mapping[str, Any]:
        """{"program", "reason", "heartbeat"} as last written."""
        try:
            content = json.loads((self.path / "state.json").read_bytes())
        except (OSError, ValueError):
            content = {}
        return {"program": "", "reason": "", "heartbeat": 0.0, **content}

    def files(self) -> dict[str, str]:
        """The table, the figure and the cases, as far as they are written."""
        return {name: str(self.path / file) for name, file in FILES.items() if (self.path / file).is_file()}


def new_comparison(root: Path) -> ComparisonFolder:
    """A folder for a new comparison under `root`; nothing is written yet."""
    return ComparisonFolder(new_folder(root))


def comparison_folders(root: Path) -> list[ComparisonFolder]:
    """Every comparison under `root`, newest first."""
    return [ComparisonFolder(path) for path in kept_folders(root, "comparison.json")]


def find_comparison(root: Path, word: str) -> ComparisonFolder:
    """The comparison that `word` names: its id, the beginning of it, its folder, or "last" for the newest.

    Raises `SagittalError` where there is none, or more than one.
    """
    return named(
        comparison_folders(root), word, id_of=lambda folder: folder.id, path_of=lambda folder: folder.path,
        words=("comparison", "comparisons"), begin="Begin one first.",
    )  # fmt: skip
