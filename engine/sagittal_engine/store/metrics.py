"""Metric series of a run as `metrics.jsonl`: append-only, and tolerant of a torn tail.

A line holds the new points of some series, `{"points": {name: [[steps], [values]]}}`. A resumed run first appends
`{"resumed": step}`: points after that step came from a sitting whose work was lost, and no reader counts them.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from sagittal_engine.store.atomic import JsonLines

Series = dict[str, tuple[list[int], list[float]]]


class MetricsLog:
    """The series of one run."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLines(path)

    def append(self, series: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> None:
        """Adds points; non-finite ones (a Dice that is not defined at that step) are left out."""
        points = {}
        for name, (steps, values) in series.items():
            kept = [(s, v) for s, v in zip(steps, values, strict=True) if math.isfinite(v)]
            if kept:
                points[name] = [[s for s, _ in kept], [v for _, v in kept]]
        if points:
            self._lines.append({"points": points})

    def resume_at(self, step: int) -> None:
        """Forgets every point after `step`."""
        self._lines.append({"resumed": step})

    def read(self) -> Series:
        """Every series: name → (steps ascending, values)."""
        series: Series = {}
        for line in self._lines.read():
            if "resumed" in line:
                for steps, values in series.values():
                    keep = bisect.bisect_right(steps, line["resumed"])
                    del steps[keep:], values[keep:]
                continue
            for name, (steps, values) in line.get("points", {}).items():
                own = series.setdefault(name, ([], []))
                own[0].extend(steps)
                own[1].extend(values)
        return {name: points for name, points in series.items() if points[0]}
