"""What the fake engine does with comparisons: every tick of one's task is one fine-tuning more."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from fake_world import ORGANS

from sagittal.comparison import ComparisonFacts, ComparisonRequest, ComparisonRow, ComparisonState
from sagittal.engine_port import SagittalError
from sagittal.events import ComparisonChanged
from sagittal.measure import MeasureCard
from sagittal.method import Recipe
from sagittal.outbox import Outbox
from sagittal.params import Params, setting


class TuningParams(Params):
    """Parameters of the fake fine-tuning."""

    tuning_steps: int = setting(100, "Steps of each network.", ge=1, unit="steps")
    repeats: int = setting(5, "Draws of labelled subjects.", ge=1)
    allow_seen: bool = setting(False, "Tests on subjects that a start was trained on; the table says so.")


FINE_TUNE = MeasureCard(
    "fine-tune", "Fine-tuning", "Segments from few labels.", TuningParams, needs=("tuning",),
    recipes=(
        Recipe("published", "As published", {"budgets": "1, 2, 5", "tuning_steps": 1000}, "Section 4"),
        Recipe("quick-cpu", "Quick", {"tuning_steps": 20}),
    ),
)  # fmt: skip


class FakeComparing:
    """A part of `FakeEngine`."""

    calls: list[tuple[str, Any]]
    outbox: Outbox
    folder: Path
    _begin: Callable[..., str]
    _work: dict[str, Any]

    @cached_property
    def _asked(self) -> dict[str, tuple[ComparisonRequest, str]]:
        """Comparison → its request and its last task."""
        return {}

    @cached_property
    def _tuned(self) -> dict[str, int]:
        """Comparison → fine-tunings done when its task ended."""
        return {}

    def start_comparison(self, request: ComparisonRequest) -> str:
        self.calls.append(("start_comparison", request))
        if "S01" in request.test_scans:
            raise SagittalError("The run was trained on the subject S01, who is tested. Leave the run out.")
        comparison = f"c{len(self._asked) + 1}"
        task = self._begin("compare", _total(request), comparison)
        self._asked[comparison] = (request, task)
        return task

    def resume_comparison(self, comparison: str) -> str:
        self.calls.append(("resume_comparison", comparison))
        request, _ = self._asked[comparison]
        task = self._begin("compare", _total(request), comparison)
        self._work[task].done = self._tuned.pop(comparison)
        self._asked[comparison] = (request, task)
        return task

    def comparisons(self) -> list[ComparisonFacts]:
        return [self.comparison(comparison) for comparison in reversed(self._asked)]

    def comparison(self, comparison: str) -> ComparisonFacts:
        request, task = self._asked[comparison]
        live, total = task in self._work, _total(request)
        done = self._work[task].done if live else self._tuned.get(comparison, total)
        ended = ComparisonState.FINISHED if done >= total else ComparisonState.STOPPED
        table = self.folder / f"{comparison}.csv"
        table.write_text("start,budget,dice_mean\n", encoding="utf-8")
        return ComparisonFacts(
            id=comparison,
            request=request,
            state=ComparisonState.RUNNING if live else ended,
            done=done,
            total=total,
            rows=_rows(request, done),
            created="2026-01-02T03:04:05+00:00",
            notes=("Published: 0.598 from scratch, 0.729 with GCL.",),
            test_scans=request.test_scans or ("0000000000000004",),
            files={"csv": str(table), "cases": str(table), "table": str(table)} if done else {},
            task=task if live else "",
        )

    def tell_comparison(self, work: Any) -> None:
        """After a tick of a comparison's task, and when it ends."""
        if work.kind == "compare":
            if work.id not in self._work:
                self._tuned[work.payload] = work.done
            self.outbox.post(ComparisonChanged(work.id, work.payload))

    def _end_compare(self, comparison: str) -> dict[str, Any]:
        return {"id": comparison}


def _total(request: ComparisonRequest) -> int:
    return len(request.starts) * len(request.budgets) * request.repeats


def _rows(request: ComparisonRequest, done: int) -> tuple[ComparisonRow, ...]:
    order = list(product(request.budgets, range(request.repeats), request.starts))[:done]
    rows = []
    for budget, start in product(request.budgets, request.starts):
        repeats = sum((b, s) == (budget, start) for b, _, s in order)
        if repeats:
            rows.append(_row(request, start, budget, repeats))
    return tuple(rows)


def _row(request: ComparisonRequest, start: str, budget: int, repeats: int) -> ComparisonRow:
    dice = 0.4 + 0.08 * request.starts.index(start) + 0.03 * budget
    names = request.labels or ORGANS
    means = {**{f"dice_{name}": dice for name in ("mean", *names)}, "hd95_mean": 20 - budget}
    room = {name: 0.05 if name.startswith("dice") else 3.0 for name in means}
    return ComparisonRow(
        start=start,
        title="from scratch" if start == "scratch" else f"Episodes {start}",
        budget=budget,
        repeats=repeats,
        cases=4 * repeats,
        metrics={
            name: {"mean": mean, "low": mean - room[name], "high": mean + room[name], "n": 4}
            for name, mean in means.items()
        },
    )
