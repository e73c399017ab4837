"""The run that an adapted network is kept as, and the label sets of what it was adapted to."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sagittal.events import MetricsChunk, Reason, State, StudyChanged
from sagittal.facts import AdaptRequest
from sagittal.method import Prediction
from sagittal.run_record import Adapted, RunState
from sagittal_engine.control import Unwound
from sagittal_engine.evaluate.statistics import summarise
from sagittal_engine.service.predicting import figured
from sagittal_engine.service.segmenting import name_for, write_case
from sagittal_engine.service.streams import Domain, Method
from sagittal_engine.service.trained import Trained
from sagittal_engine.store import checkpoint
from sagittal_engine.store.encoder import save_encoder
from sagittal_engine.store.liveness import this_program
from sagittal_engine.store.run_folder import RunFolder, new_name
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

SERIES = {
    "cosine": "cosine",
    "empirical_cosine": "empirical_cosine",
    "step_size": "step_size",
    "entropy_before": "entropy_before",
    "entropy_after": "entropy_after",
    "before": "dice_before",
    "after": "dice_after",
    "changed": "changed",
}
"""Figure of a case → the series of the run that it is a point of; the step is the scan's place in the stream."""


class AdaptedRun:
    """What comes of one domain: two label sets of its scans, and at the end a run that holds the adapted network.

    A context: however its block ends, the run's record says how; where no scan was adapted to, no run is left.
    """

    def __init__(
        self, study: Study, source: RunFolder, method: Method, request: AdaptRequest, domain: Domain,
        trained: Trained, task: Task,
    ) -> None:  # fmt: skip
        self._study, self._method, self._trained, self._task = study, method, trained, task
        self.module = copy.deepcopy(trained.module)
        origin = source.facts()
        self.run, self._folder_name = new_name(f"{origin.request.method}-{method.card.name}")
        stem, labels = f"{method.card.name}-{self.run}", trained.method.labels
        self.after_set, _ = name_for(request.name, stem, domain.scans, labels)
        self.before_set, _ = name_for(f"{self.after_set}-before", stem, domain.scans, labels)
        adapted = Adapted(
            run=origin.run,
            method=method.card.name,
            parameters=method.params.model_dump(),
            scans=tuple(scan.scan for scan in domain.scans),
            domain=domain.name,
            seed=request.seed,
            recipe=request.recipe,
            column=request.domain,
            label_set=self.after_set,
            before_set=self.before_set,
            truth=request.label_set,
        )
        seen = tuple(sorted({*origin.scans, *adapted.scans}))
        self._facts = origin.model_copy(
            update={
                "run": self.run,
                "folder": self._folder_name,
                "scans": seen,
                "data_fingerprint": hashlib.sha256("\n".join(seen).encode()).hexdigest(),
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "device": str(trained.context.device),
                "adapted": adapted,
            }
        )
        self._origin = {
            "kind": "predicted", "run": self.run, "method": origin.request.method, "protocol": "deployed",
            "adaptation": self.run,
        }  # fmt: skip
        self._source = origin.run
        self._cases: list[Mapping[str, Any]] = []
        self._begun = time.monotonic()
        self._refused: list[dict[str, str]] = []
        """Scans that were left out before the first that was not: until then there is no folder."""
        self._folder: RunFolder | None = None

    def __enter__(self) -> AdaptedRun:
        return self

    def take(self, case: Mapping[str, Any], before: Prediction, after: Prediction) -> None:
        """Keeps what was said of a scan before and after, and the figures of the case."""
        self._cases.append(case)
        folder = self._opened()
        adapted = {"adapted_by": self._method.card.name, "before": self.before_set}
        for name, origin, prediction in (
            (self.before_set, {**self._origin, "run": self._source}, before),
            (self.after_set, {**self._origin, **adapted}, after),
        ):
            write_case(self._study, case["scan"], name, origin, figured(prediction))
        points = {SERIES[name]: case[name] for name in SERIES if case[name] is not None}
        series = {name: ((len(self._cases),), (float(value),)) for name, value in points.items()}
        folder.metrics.append(series)
        folder.add_case(case)
        self._write(folder, State.RUNNING, None)
        self._task.publish(MetricsChunk(self._task.id, series))
        for what in ("labels", "runs"):
            self._task.publish(StudyChanged(self._task.id, what, (case["scan"],)))

    def refuse(self, scan: str, reason: str) -> None:
        """Keeps that a scan of the stream was left out, and why."""
        row = {"scan": scan, "refused": reason}
        if self._folder is None:
            self._refused.append(row)
        else:
            self._folder.add_case(row)

    def _opened(self) -> RunFolder:
        if self._folder is None:
            self._folder = RunFolder(self._study.runs_folder / self._folder_name)
            self._folder.write_facts(self._facts)
            for row in self._refused:
                self._folder.add_case(row)
        return self._folder

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        folder = self._folder
        if folder is None:
            return
        self._save(folder)
        folder.add_evaluation(self._found())
        reason = Reason.COMPLETED if kind is None else Reason.CANCELLED if issubclass(kind, Unwound) else Reason.FAILED
        self._write(folder, State.FINISHED, reason, "" if kind is None else str(error))
        folder.settle()

    def _found(self) -> dict[str, Any]:
        """What came of the stream, as the record keeps evaluations: Dice after and before, and each scan's gain."""
        rows = [
            {"dice_after": case["after"], "dice_before": case["before"], "dice_gain": case["after"] - case["before"]}
            for case in self._cases
            if case["before"] is not None and case["after"] is not None
        ]
        return {
            "task": "adaptation",
            "protocol": "deployed",
            "method": self._method.card.name,
            "label_set": self._facts.adapted.truth if self._facts.adapted is not None else "",
            "cases": [{"scan": case["scan"], "before": case["before"], "after": case["after"]} for case in self._cases],
            "summary": summarise(rows, ("dice_after", "dice_before", "dice_gain")),
            "intervals": "95 % bootstrap over scans.",
        }

    def _save(self, folder: RunFolder) -> None:
        content = {"run": self.run, "step": len(self._cases), "module": self.module.state_dict()}
        checkpoint.save(folder.checkpoints / checkpoint.LAST, content)
        method = self._trained.method
        facts = {
            **method.encoder_facts(),
            "method": self._facts.request.method,
            "run": self.run,
            "step": len(self._cases),
        }
        save_encoder(folder.encoder, method.encoder(self.module), facts)

    def _write(self, folder: RunFolder, state: State, reason: Reason | None, error: str = "") -> None:
        folder.write_state(
            RunState(
                state=state,
                reason=reason,
                step=len(self._cases),
                steps=len(self._cases),
                stop_at=len(self._cases),
                seconds=time.monotonic() - self._begun,
                heartbeat=time.time(),
                program=this_program(),
                task="" if state is State.FINISHED else self._task.id,
                error=error,
            ),
            durable=state is State.FINISHED,
        )
