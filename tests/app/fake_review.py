"""The fake engine's part for predictions: segmenting with figures, times and the table of a review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fake_world import SHAPE, label_table, make_labels

from sagittal.facts import LabelFigures, LabelSetFacts, SegmentRequest


class FakeReview:
    """Mixed into the fake engine, which has the study and the tasks."""

    def add_review_time(self, scan: str, label_set: str, seconds: float) -> None:
        self.calls.append(("add_review_time", (scan, label_set, seconds)))
        one = next(s for s in self.scan(scan).label_sets if s.name == label_set)
        self._put_set(scan, replace(one, seconds=one.seconds + seconds))

    def start_review_table(self, label_set: str, out: Path, scans: Sequence[str] = ()) -> str:
        self.calls.append(("start_review_table", (label_set, out, tuple(scans))))
        return self._begin("table", 3, (label_set, out))

    def _end_table(self, payload: tuple[str, Path]) -> dict[str, Any]:
        return {"file": str(payload[1]), "rows": 12, "verified": True}

    def _end_segment(self, request: SegmentRequest) -> dict[str, Any]:
        """Later scans are less sure; with several supports each has a set of its own."""
        scans = request.scans or tuple(r.scan for r in self._open().scans if r.scan not in request.supports)
        name = request.label_set or "prediction"
        own = {support: f"{name}-{support[-2:]}" for support in request.supports if len(request.supports) > 1}
        for support, alone in own.items():
            self._predict(alone, scans, request, (support,))
        cases = self._predict(name, scans, request, request.supports)
        return {"label_set": name, "cases": cases, **({"supports": own} if own else {})}

    def _predict(
        self, name: str, scans: Sequence[str], request: SegmentRequest, supports: Sequence[str]
    ) -> list[dict[str, Any]]:
        table = tuple(label for label in label_table() if label.name in request.labels)
        confidence = {
            label.name: tuple(None if z in (0, SHAPE[2] - 1) else 1 - abs(z - 6) / 8 for z in range(SHAPE[2]))
            for label in table
        }
        origin: Mapping[str, Any] = {
            "kind": "predicted",
            "run": request.run,
            "support": supports[0],
            "examples": [
                {"support": support, "label": label.name, "set": "truth", "slices": [2, 5, 8]}
                for label in table
                for support in supports
            ],
        }
        numbers = [label.number for label in table]
        cases = []
        for place, scan in enumerate(scans):
            data = np.roll(make_labels(int(scan, 16)), 1, axis=0)
            data[~np.isin(data, numbers)] = 0
            self._saved[scan, name] = data
            figures = {
                label.name: LabelFigures(
                    voxels=int(np.count_nonzero(data == label.number)),
                    entropy=min(0.15 + 0.3 * place, 1.0),
                    disagreement=0.1 + 0.3 * place if len(supports) > 1 else None,
                    agreement=dict.fromkeys(supports, 0.9) if len(supports) > 1 else {},
                )
                for label in table
            }
            self._put_set(scan, LabelSetFacts(name, table, origin, confidence, figures=figures))
            cases.append({"scan": scan, "slices": list(range(1, SHAPE[2] - 1)), "confidence": 0.8})
        return cases
