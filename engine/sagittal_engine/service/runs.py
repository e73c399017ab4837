"""The service's part for methods and runs."""

from __future__ import annotations

import contextlib
import hashlib
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.events import Reason
from sagittal.facts import Check, EvaluateRequest, ForeignMethod, SegmentRequest, SpectrumRequest
from sagittal.measure import MeasureCard
from sagittal.method import MethodCard
from sagittal.params import ParameterError, make
from sagittal.probe import ProbeCard
from sagittal.run_record import RunFacts, RunRecord, RunState
from sagittal.run_request import RunRequest
from sagittal_engine import device
from sagittal_engine.probes.cards import CARDS
from sagittal_engine.run import Plan, Run
from sagittal_engine.service.base import ServiceBase
from sagittal_engine.service.checks import check_request, chosen_scans, settled_parameters
from sagittal_engine.service.evaluations import evaluation_of
from sagittal_engine.service.measures import CARDS as MEASURES
from sagittal_engine.store.run_folder import RunFolder, find_run, is_resumable, new_name, run_folders
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

VERSIONS_OF = ("sagittal", "torch", "monai", "numpy", "scikit-image")


class RunService(ServiceBase):
    """`sagittal.engine_port.RunPort`."""

    def methods(self) -> list[MethodCard]:
        return self._registry.cards()

    def method_problems(self) -> dict[str, str]:
        return self._registry.problems()

    def foreign_methods(self) -> list[ForeignMethod]:
        return self._registry.foreign()

    def trust_method(self, name: str) -> None:
        self._registry.trust(name)

    def probes(self) -> list[ProbeCard]:
        return list(CARDS)

    def measures(self) -> list[MeasureCard]:
        return list(MEASURES)

    def check(self, request: RunRequest) -> list[Check]:
        study = self._open()
        return check_request(request, study.facts(), self._registry, study.runs_folder.parent, self._has_segmenter())

    def _has_segmenter(self) -> bool:
        segmenters = {card.name for card in self._registry.cards() if "segmenter" in card.capabilities}
        return any(f.facts().request.method in segmenters for f in run_folders(self._open().runs_folder))

    def start(self, request: RunRequest) -> str:
        """As the port says; torch is imported here if nothing did so before (see `warm_up`)."""
        study = self._open_for_writing()
        wrong = [line.text for line in self.check(request) if line.blocking and not line.ok]
        if wrong:
            raise SagittalError(" ".join(wrong))
        card = self._registry.card(request.method)
        chosen = chosen_scans(request, study.facts())
        params = settled_parameters(card, request, chosen, study.runs_folder)
        scans = tuple(scan.scan for scan in params.used(chosen))
        values = params.model_dump()
        # As the parameters took them ("7" from a command line is the number 7), so that two requests compare well.
        request = request.model_copy(update={"parameters": {name: values[name] for name in request.parameters}})
        run, name = new_name(card.name)
        facts = RunFacts(
            run=run,
            folder=name,
            request=request,
            parameters=values,
            scans=scans,
            data_fingerprint=hashlib.sha256("\n".join(scans).encode()).hexdigest(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=_versions(),
            device=str(device.resolve(request.device)),
        )
        folder = RunFolder(study.runs_folder / name)
        folder.write_facts(facts)
        goal = params.steps if request.stop_at is None else request.stop_at
        return self._submit(
            study, folder, Plan(facts, card, params, params.steps, goal, _lend(study, facts), study.cache_folder)
        )

    def resume(self, run: str, stop_at: int | None = None) -> str:
        """As the port says. Raises `SagittalError` where the run goes on, is complete, or lacks its method or scans."""
        study = self._open_for_writing()
        folder = find_run(study.runs_folder, run)
        facts = folder.facts()
        if facts.adapted is not None:
            raise SagittalError(
                f"The run {facts.run} was adapted from run {facts.adapted.run}, not trained, so it cannot be trained "
                "further. Adapt that run again, or train it further."
            )
        if self._live(facts.run):
            raise SagittalError(f"The run {facts.run} is still going on.")
        state = self._state(folder)
        if state.reason is None:
            raise SagittalError(f"The run {facts.run} is going on in another Sagittal.")
        card = self._registry.card(facts.request.method)
        try:
            params = make(card.params, facts.parameters)
        except ParameterError as error:
            raise SagittalError(f"The run {facts.run} was made by another version of {card.title}: {error}") from error
        present = {scan.scan for scan in study.facts().scans}
        gone = [scan for scan in facts.scans if scan not in present]
        if gone:
            raise SagittalError(
                f"The run was trained on {len(gone)} scans that are no longer in the study. Restore them."
            )
        # "auto" takes what this machine has now: a run begun on a GPU can go on without one.
        facts = facts.model_copy(update={"device": str(device.resolve(facts.request.device))})
        goal = _goal(facts, state, params.steps, stop_at)
        plan = Plan(facts, card, params, params.steps, goal, _lend(study, facts), study.cache_folder)
        return self._submit(study, folder, plan, done=state)

    def _submit(self, study: Study, folder: RunFolder, plan: Plan, done: RunState | None = None) -> str:
        run = Run(plan, folder, self._outbox.post, done=done)
        with self._lock:
            self._runs[run.id] = run
        self._lanes.submit(plan.facts.device, run.id, run.execute, enters=run.enter)
        self._changed("runs")
        return run.id

    def request_pause(self, source: str) -> None:
        if run := self._live(source):
            run.control.request_pause()

    def request_continue(self, source: str) -> None:
        if run := self._live(source):
            run.control.request_continue()

    def request_measuring(self, source: str, on: bool) -> None:
        if run := self._live(source):
            run.control.measures = on

    def request_stop(self, source: str) -> None:
        """Ends a run at the next step boundary, with a checkpoint; a task, which has none, is cancelled."""
        self._end(source, Reason.STOPPED)

    def request_cancel(self, source: str) -> None:
        self._end(source, Reason.CANCELLED)

    def _end(self, source: str, reason: Reason) -> None:
        if task := self._tasks.find(source):
            task.control.request_cancel()
        elif run := self._live(source):
            if self._lanes.withdraw(source):
                run.withdraw(reason)
            elif reason is Reason.STOPPED:
                run.control.request_stop()
            else:
                run.control.request_cancel()

    def _end_work(self) -> None:
        """Stops every run with a checkpoint, cancels every task, and waits for both."""
        for run in self._live_runs():
            self.request_stop(run.id)
        self._tasks.cancel_all()
        self._lanes.join()
        self._tasks.join()

    def runs(self) -> list[RunRecord]:
        return [self._record(folder, whole=False) for folder in run_folders(self._open().runs_folder)]

    def run(self, run: str) -> RunRecord:
        return self._record(find_run(self._open().runs_folder, run), whole=True)

    def _record(self, folder: RunFolder, *, whole: bool) -> RunRecord:
        record = folder.record(whole=whole)
        state = self._state(folder)
        return record.model_copy(update={"state": state, "resumable": is_resumable(state)})

    def _state(self, folder: RunFolder) -> RunState:
        """Where a run stands: as this program knows it, since a full disk may have kept the folder from saying so."""
        run = self._runs.get(folder.facts().run)
        return run.status() if run is not None else folder.state()

    def start_segmentation(self, request: SegmentRequest) -> str:
        study = self._open_for_writing()
        folder = find_run(study.runs_folder, request.run)
        card = self._registry.card(folder.facts().request.method)
        alone = "predictor" in card.capabilities and not request.supports

        def work(task: Task) -> Mapping[str, Any]:
            from sagittal_engine.service.predicting import predict_scans
            from sagittal_engine.service.segmenting import segment_scans

            segmented = predict_scans if alone else segment_scans
            try:
                return segmented(study, folder, self._registry, request, task)
            finally:
                self._changed("labels")

        names = ", ".join(request.labels) or f"with run {folder.facts().run}"
        return self._tasks.start("segment", f"Segmenting {names}", work)

    def start_evaluation(self, request: EvaluateRequest) -> str:
        study = self._open_for_writing()
        folder = find_run(study.runs_folder, request.run)
        evaluation = evaluation_of(request.task, self._registry.card(folder.facts().request.method))

        def work(task: Task) -> Mapping[str, Any]:
            document = evaluation.function()(study, folder, self._registry, request, task)
            self._changed("runs")
            return document

        how = request.protocol if request.task == "one-shot" else request.task
        return self._tasks.start("evaluate", f"Evaluating run {folder.facts().run} ({how})", work)

    def start_embedding(
        self, run: str, *, checkpoint: str = "last", parameters: Mapping[str, Any] | None = None
    ) -> str:
        study = self._open_for_writing()
        folder = find_run(study.runs_folder, run)

        def work(task: Task) -> Mapping[str, Any]:
            from sagittal_engine.service.representing import map_images

            document = map_images(study, folder, self._registry, checkpoint, parameters or {}, task)
            self._changed("runs")
            return document

        return self._tasks.start("embedding", f"Drawing a map of run {folder.facts().run}", work)

    def start_spectrum(self, request: SpectrumRequest) -> str:
        from sagittal_engine.service.spectra import check_spectrum

        study = self._open_for_writing()
        folder = find_run(study.runs_folder, request.run)
        check_spectrum(request)

        def work(task: Task) -> Mapping[str, Any]:
            from sagittal_engine.service.spectra import spectrum_of_run

            document = spectrum_of_run(study, folder, self._registry, request, task)
            self._changed("runs")
            return document

        return self._tasks.start("spectrum", f"Spectrum of run {folder.facts().run}", work)

    def device_line(self) -> str:
        return device.line()

    def doctor(self) -> list[dict[str, Any]]:
        from sagittal_engine.doctor import examine

        return examine()

    def warm_up(self) -> None:
        """Imports the heavy libraries, so that the first run starts at once."""
        import torch  # noqa: F401

        from sagittal_engine import loop  # noqa: F401

        self._registry.cards()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in VERSIONS_OF:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _lend(study: Study, facts: RunFacts) -> Any:
    from sagittal_engine.data import scans_of

    return lambda: scans_of(study, facts.scans, facts.request.label_set)


def _goal(facts: RunFacts, state: RunState, steps: int, stop_at: int | None) -> int:
    """Where a resumed run stops: where it is told, else where it last was told and did not come to, else at the end."""
    unreached = state.stop_at if state.stop_at > state.step else steps
    goal = unreached if stop_at is None else stop_at
    if goal <= state.step and state.reason is not Reason.ENDED_WITH_PROGRAM:
        raise SagittalError(
            f"The run {facts.run} is already at step {state.step} of {steps}. Give a later step to train it further."
        )
    return goal


__all__: Sequence[str] = ("RunService",)
