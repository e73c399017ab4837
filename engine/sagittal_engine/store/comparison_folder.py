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
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sagittal.comparison import ComparisonRequest
from sagittal.engine_port import SagittalError
from sagittal_engine.evaluate.subject_draws import LabelledDraw
from sagittal_engine.store.atomic import JsonLines, write_json

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
                ComparisonRequest(**_tuples(content["request"])),
                Settled(**_tuples(content["settled"])),
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


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's lists as the tuples they were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def new_comparison(root: Path) -> ComparisonFolder:
    """A folder for a new comparison under `root`; nothing is written yet."""
    return ComparisonFolder(root / f"{datetime.now(UTC):%Y%m%d-%H%M%S}_{secrets.token_hex(4)}")


def comparison_folders(root: Path) -> Iterator[ComparisonFolder]:
    """Every comparison under `root`, newest first."""
    if root.is_dir():
        for path in sorted((p for p in root.iterdir() if (p / "comparison.json").is_file()), reverse=True):
            yield ComparisonFolder(path)


def find_comparison(root: Path, word: str) -> ComparisonFolder:
    """The comparison that `word` names: its id, the beginning of it, its folder, or "last" for the newest.

    Raises `SagittalError` where there is none, or more than one.
    """
    folders = list(comparison_folders(root))
    if word == "last" and folders:
        return folders[0]
    exact = [folder for folder in folders if word in (folder.id, folder.path.name)]
    found = exact or [folder for folder in folders if word and folder.id.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SagittalError(f"'{word}' is the beginning of {len(found)} comparisons; give more of the id.")
    known = ", ".join(folder.id for folder in folders[:5])
    raise SagittalError(
        f"There is no comparison '{word}' in this study. " + (f"Newest: {known}." if known else "Begin one first.")
    )
