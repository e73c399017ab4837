"""The command line's main commands as functions, for notebooks: each waits for the work and returns its document."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.events import Event, Reason, RunFinished, TaskFinished
from sagittal.facts import AdaptRequest, EvaluateRequest, SegmentRequest, SpectrumRequest
from sagittal.run_record import RunRecord
from sagittal.run_request import RunRequest
from sagittal_engine.service import Engine

if TYPE_CHECKING:
    from sagittal_engine.study import Study

POLL_SECONDS = 0.02


def train(
    study: Study | Path | str,
    method: str | None = None,
    *,
    recipe: str | None = None,
    scans: Sequence[str] = (),
    label_set: str = "truth",
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: str | None = None,
    probes: Sequence[str] = (),
    **parameters: Any,
) -> RunRecord:
    """Trains `method` on scans of `study` (or continues the run `resume`) and returns the run's record.

    `steps` counts from the run's beginning and says only where to stop. `probes` are measurements between two steps, as
    "knn" or "geometry:every=50". Further keywords are the method's parameters.
    Ctrl+C stops the run with a checkpoint. Raises `SagittalError` where the request is wrong or the run fails.
    """
    with _engine(study) as engine:
        if resume is not None:
            run = engine.resume(resume, steps)
        elif method is None:
            raise SagittalError("Name a method to train, or a run to resume.")
        else:
            run = engine.start(
                RunRequest(
                    method=method,
                    recipe=recipe,
                    parameters=parameters,
                    scans=tuple(scans),
                    label_set=label_set,
                    stop_at=steps,
                    seed=seed,
                    device=device,
                    probes=tuple(probes),
                )
            )
        _wait(engine, run)
        return engine.run(run)


def segment(
    study: Study | Path | str,
    *,
    run: str,
    label: str | Sequence[str] = (),
    support: str | Sequence[str] = (),
    scans: Sequence[str] = (),
    slices: Sequence[int] = (),
    label_set: str = "",
    **parameters: Any,
) -> Mapping[str, Any]:
    """Segments query scans; returns the document of `segment --json`.

    From one or several annotated support scans, or without any where the run's method segments by itself.
    """
    labels = (label,) if isinstance(label, str) else tuple(label)
    first, *more = (support,) if isinstance(support, str) else (support or ("",))
    request = SegmentRequest(
        run, labels, first, tuple(scans), tuple(slices), label_set, parameters=parameters, more_supports=tuple(more)
    )
    with _engine(study) as engine:
        return _wait(engine, engine.start_segmentation(request))


def evaluate(
    study: Study | Path | str,
    *,
    run: str,
    task: str = "one-shot",
    scans: Sequence[str] = (),
    support: str | None = None,
    protocol: str = "deployed",
    label_set: str = "truth",
    **parameters: Any,
) -> Mapping[str, Any]:
    """Evaluates a run on a task; returns the document of `evaluate --json`."""
    request = EvaluateRequest(run, task, tuple(scans), support, protocol, label_set, parameters)
    with _engine(study) as engine:
        return _wait(engine, engine.start_evaluation(request))


def adapt(
    study: Study | Path | str,
    *,
    run: str,
    method: str = "grata",
    recipe: str | None = None,
    scans: Sequence[str] = (),
    domain: str = "",
    label_set: str = "truth",
    name: str = "",
    seed: int = 0,
    **parameters: Any,
) -> Mapping[str, Any]:
    """Adapts a run's network to scans at test time, in their order; returns the document of `adapt --json`."""
    request = AdaptRequest(run, method, recipe, tuple(scans), parameters, domain, label_set, name, seed)
    with _engine(study) as engine:
        return _wait(engine, engine.start_adaptation(request))


def spectrum(study: Study | Path | str, *, run: str, checkpoint: str = "last", **values: Any) -> Mapping[str, Any]:
    """Computes the spectrum of a checkpoint's curvature and keeps it with the run; returns the document of
    `spectrum --json`. `values` are further fields of `sagittal.facts.SpectrumRequest`, as `steps` or `probes`."""
    request = SpectrumRequest(run, checkpoint, **values)
    with _engine(study) as engine:
        return _wait(engine, engine.start_spectrum(request))


@contextmanager
def _engine(study: Study | Path | str) -> Iterator[Engine]:
    """An engine on `study`; a study given open stays open, one given by its path is closed again."""
    if isinstance(study, (str, Path)):
        engine = Engine()
        engine.open_study(Path(study))
    else:
        engine = Engine(study=study)
    try:
        yield engine
    finally:
        engine.shut_down()


def _wait(engine: Engine, source: str) -> Mapping[str, Any]:
    """Waits for the end of run or task `source`; returns a task's result. Raises `SagittalError` where it failed."""
    while True:
        for event in engine.events():
            if event.source == source and isinstance(event, (RunFinished, TaskFinished)):
                return _result(event)
        time.sleep(POLL_SECONDS)


def _result(event: Event) -> Mapping[str, Any]:
    assert isinstance(event, (RunFinished, TaskFinished))
    if event.reason is Reason.FAILED:
        error = SagittalError(event.error)
        if event.detail:
            error.add_note(event.detail)
        raise error
    return event.result if isinstance(event, TaskFinished) else {}
