"""The service's part for adaptation at test time: asked for, checked, and what a reader keeps of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal.events import Reason, State
from sagittal.facts import AdaptRequest, Check
from sagittal_engine.service.runs import RunService
from sagittal_engine.store.run_folder import find_run
from sagittal_engine.tasks import Task

KIND = "adapt"


class AdaptationService(RunService):
    """The part of `sagittal.engine_port.RunPort` that adapts trained networks."""

    def start_adaptation(self, request: AdaptRequest) -> str:
        study = self._open_for_writing()
        folder = find_run(study.runs_folder, request.run)
        card = self._registry.card(folder.facts().request.method)
        if "predictor" not in card.capabilities:
            raise SagittalError(
                f"{card.title} does not segment scans by itself, and only a network that does can be adapted. Use the "
                "run of a method that does."
            )

        def work(task: Task) -> Mapping[str, Any]:
            from sagittal_engine.service.adapting import adapt_scans

            try:
                return adapt_scans(study, folder, self._registry, request, task)
            finally:
                self._changed("labels")
                self._changed("runs")

        return self._tasks.start(KIND, f"Adapting run {folder.facts().run} ({request.method})", work)

    def check_adaptation(self, request: AdaptRequest) -> list[Check]:
        from sagittal_engine.service.adapting_checks import check_adaptation

        study = self._open()
        return check_adaptation(study, find_run(study.runs_folder, request.run), self._registry, request)

    def keep_mask(self, run: str, scan: str, *, adapted: bool) -> None:
        from sagittal_engine.service.keeping import keep_mask

        study = self._open_for_writing()
        keep_mask(study, find_run(study.runs_folder, run).facts(), scan, adapted=adapted)
        self._changed("labels", (scan,))

    def _end(self, source: str, reason: Reason) -> None:
        """A run that is being adapted ends with the task that works on it."""
        super()._end(self._task_of(source) or source, reason)

    def _task_of(self, run: str) -> str:
        if self._tasks.find(run) is None and self._live(run) is None and self._study is not None:
            with contextlib.suppress(SagittalError):
                state = find_run(self._study.runs_folder, run).state()
                return state.task if state.state is not State.FINISHED else ""
        return ""
