"""The service's part for comparisons of encoders: begun, worked on one fine-tuning after the other, read back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sagittal.comparison import ComparisonFacts, ComparisonRequest, ComparisonRow, ComparisonState
from sagittal.engine_port import SagittalError
from sagittal.events import ComparisonChanged
from sagittal_engine import device
from sagittal_engine.registry import Registry
from sagittal_engine.service import comparison_tables as tables
from sagittal_engine.service.base import ServiceBase
from sagittal_engine.service.settling import bench_of, settle
from sagittal_engine.service.starts import origin_of
from sagittal_engine.store.comparison_folder import (
    ComparisonFolder,
    Settled,
    comparison_folders,
    find_comparison,
    new_comparison,
)
from sagittal_engine.store.liveness import is_alive, this_program
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

KIND = "compare"


@dataclass
class _Live:
    """A comparison that this program works on."""

    task: str
    state: ComparisonState = ComparisonState.RUNNING


class ComparisonService(ServiceBase):
    """The part of `sagittal.engine_port.RunPort` that compares encoders."""

    def __init__(self, registry: Registry | None = None, study: Study | None = None) -> None:
        super().__init__(registry, study)
        self._comparing: dict[str, _Live] = {}
        self._rows: dict[str, tuple[int, tuple[ComparisonRow, ...]]] = {}
        """Of each comparison, how many results there were when its rows were last computed."""

    def start_comparison(self, request: ComparisonRequest) -> str:
        study = self._open_for_writing()
        settled = settle(study, self._registry, request)
        if not request.title:
            request = replace(request, title=", ".join(start["title"] for start in settled.starts))
        folder = new_comparison(study.comparisons_folder)
        folder.create(request, settled)
        return self._work_on(study, folder)

    def resume_comparison(self, comparison: str) -> str:
        study = self._open_for_writing()
        folder = find_comparison(study.comparisons_folder, comparison)
        facts = self._facts(folder)
        if facts.state in (ComparisonState.RUNNING, ComparisonState.WAITING):
            raise SagittalError(f"The comparison {folder.id} is still going on.")
        if facts.state is ComparisonState.FINISHED:
            raise SagittalError(f"The comparison {folder.id} is done: all {facts.total} fine-tunings are there.")
        _check_unchanged(study, self._registry, folder)
        return self._work_on(study, folder)

    def comparisons(self) -> list[ComparisonFacts]:
        return [self._facts(folder) for folder in comparison_folders(self._open().comparisons_folder)]

    def comparison(self, comparison: str) -> ComparisonFacts:
        return self._facts(find_comparison(self._open().comparisons_folder, comparison))

    def _work_on(self, study: Study, folder: ComparisonFolder) -> str:
        request, _, _ = folder.read()

        def work(task: Task) -> Mapping[str, Any]:
            with self._lock:
                live = self._comparing[folder.id]
            reason = ""
            try:
                return self._compare(study, folder, live, task)
            except Exception as fault:
                reason = str(fault) if isinstance(fault, SagittalError) else f"{type(fault).__name__}: {fault}"
                raise
            finally:
                with self._lock:
                    del self._comparing[folder.id]
                folder.write_state(reason=reason)
                task.publish(ComparisonChanged(task.id, folder.id))

        with self._lock:  # the work waits for it, and so finds itself among those under way
            task = self._tasks.start(KIND, f"Comparison “{request.title}”", work)
            self._comparing[folder.id] = _Live(task)
        return task

    def _compare(self, study: Study, folder: ComparisonFolder, live: _Live, task: Task) -> Mapping[str, Any]:
        def changed(state: ComparisonState) -> None:
            live.state = state
            task.publish(ComparisonChanged(task.id, folder.id))

        device.use_threads()
        name = str(device.resolve("auto"))
        changed(ComparisonState.RUNNING)
        with self._lanes.turn(name, task.id, boundary=task.boundary, waits=lambda: changed(ComparisonState.WAITING)):
            changed(ComparisonState.RUNNING)
            _fill(study, self._registry, folder, task, lambda: changed(ComparisonState.RUNNING))
        return tables.document(replace(self._facts(folder), state=ComparisonState.FINISHED, task=""))

    def _facts(self, folder: ComparisonFolder) -> ComparisonFacts:
        request, settled, created = folder.read()
        results = folder.results()
        with self._lock:
            live = self._comparing.get(folder.id)
        kept = folder.state()
        if live is not None:
            state = live.state
        elif len(results) >= settled.total:
            state = ComparisonState.FINISHED
        elif kept["reason"]:
            state = ComparisonState.FAILED
        elif kept["program"] not in ("", this_program()) and is_alive(kept["program"], kept["heartbeat"]):
            state = ComparisonState.RUNNING
        else:
            state = ComparisonState.STOPPED
        return ComparisonFacts(
            id=folder.id,
            request=request,
            state=state,
            done=len(results),
            total=settled.total,
            rows=self._rows_of(folder.id, request, settled, results),
            reason=kept["reason"] if state is ComparisonState.FAILED else "",
            created=created,
            notes=settled.notes,
            test_scans=settled.test_scans,
            draws=settled.draws,
            files=folder.files(),
            task=live.task if live is not None else "",
        )

    def _rows_of(
        self, comparison: str, request: ComparisonRequest, settled: Settled, results: Sequence[Mapping[str, Any]]
    ) -> tuple[ComparisonRow, ...]:
        """The rows, computed anew only where there are more results than last time: intervals take their time."""
        count, rows = self._rows.get(comparison, (0, ()))
        if count != len(results):
            rows = tables.rows_of(request, settled, results)
            self._rows[comparison] = len(results), rows
        return rows


def _check_unchanged(study: Study, registry: Registry, folder: ComparisonFolder) -> None:
    """Raises `SagittalError` where a start or a tested scan is gone, or weights are not those that it began with."""
    _, settled, _ = folder.read()
    there = {scan.scan for scan in study.facts().scans if not scan.missing}
    gone = [scan for scan in settled.test_scans if scan not in there]
    if gone:
        raise SagittalError(
            f"{len(gone)} of the {len(settled.test_scans)} scans that are tested are no longer in the study, or their "
            "files are not where they were. Bring them back, or begin a new comparison."
        )
    for start in settled.starts:
        origin = origin_of(study, registry, start["name"])
        if origin.digest() != start["digest"]:
            raise SagittalError(
                f"The encoder of {start['title']} has changed since the comparison began, so its further figures would "
                "not belong with those there are. Begin a new comparison."
            )


def _fill(study: Study, registry: Registry, folder: ComparisonFolder, task: Task, changed: Any) -> None:
    """Does every fine-tuning that is not done yet, and keeps each with the tables as soon as it is done."""
    request, settled, _ = folder.read()
    folder.write_state(program=this_program())
    bench, starts = bench_of(study, registry, request, settled, task)
    done = {(row["start"], row["budget"], row["repeat"]) for row in folder.results()}
    count = len(done)
    for draw in settled.choices():
        for start in starts:
            if (start.name, draw.budget, draw.repeat) in done:
                continue
            subjects = f"{len(draw.subjects)} labelled subject{'s' if len(draw.subjects) > 1 else ''}"
            task.progress(count, settled.total, f"{start.title}: {subjects}, draw {draw.repeat + 1}")
            begun = time.monotonic()
            cases = bench.cases(start, draw)
            seconds = round(time.monotonic() - begun, 2)
            folder.add(
                {
                    "start": start.name, "budget": draw.budget, "repeat": draw.repeat, "seconds": seconds,
                    "cases": cases,
                }
            )  # fmt: skip
            count += 1
            folder.write_state(program=this_program())
            tables.write(folder)
            changed()
    task.progress(settled.total, settled.total, "Compared")
