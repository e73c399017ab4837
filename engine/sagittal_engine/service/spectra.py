"""The curvature spectrum of a run's checkpoint, kept beside those measured while it trained. No torch at import."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.events import PreviewReady, SpectrumComputed
from sagittal.facts import SpectrumRequest
from sagittal_engine.data import scans_of
from sagittal_engine.registry import Registry
from sagittal_engine.store.atomic import replacing
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

MOST_STEPS = 1000
"""Lanczos steps: beyond it the vectors of no network worth looking at fit anywhere."""

LIVE = "spectrum"
"""The panel of the spectra that a run measures while it trains."""


def check_spectrum(request: SpectrumRequest) -> None:
    """Raises `SagittalError` that names the rule where `request` is out of range."""
    for name, value, most in (
        ("steps", request.steps, MOST_STEPS),
        ("probes", request.probes, 100),
        ("batches", request.batches, 1000),
    ):
        if not 1 <= value <= most:
            raise SagittalError(f"'{name}' of a spectrum is from 1 to {most}; got {value}.")
    for name, word, words in (
        ("matrix", request.matrix, ("hessian", "ggn")),
        ("batch_norm", request.batch_norm, ("train", "eval")),
    ):
        if word not in words:
            raise SagittalError(f"'{name}' of a spectrum is {' or '.join(words)}; got '{word}'.")


def source_of(request: SpectrumRequest) -> str:
    """The panel a spectrum belongs to: the usual kind joins the live ones, others stand for themselves."""
    if (request.matrix, request.batch_norm) == ("hessian", "train"):
        return LIVE
    return f"spectrum {request.matrix} {request.batch_norm}"


def spectrum_of_run(
    study: Study, folder: RunFolder, registry: Registry, request: SpectrumRequest, task: Task
) -> Mapping[str, Any]:
    """Computes the document of `spectrum --json` and keeps it among the run's previews, at the checkpoint's step.

    The batches and their views are those of the run's live spectra, so that all of a run's spectra compare. Raises
    `SagittalError` where the run has no such checkpoint, its scans are gone, or memory and disk are too small.
    """
    from sagittal_engine.service.trained import load_trained

    facts = folder.facts()
    present = {scan.scan for scan in study.facts().scans}
    gone = [scan for scan in facts.scans if scan not in present]
    if gone:
        raise SagittalError(
            f"{len(gone)} of the scans that run {facts.run} was trained on are no longer in the study, and its loss "
            "cannot be computed without them. Restore them."
        )
    task.begin("Loading the run")
    scans = scans_of(study, facts.scans, facts.request.label_set)
    trained = load_trained(
        study, folder, registry, scans, task, capability="pretext", changes={}, saved=request.checkpoint
    )
    trained.method.prepare()
    task.begin("Preparing the batches" if request.batches > 1 else "Preparing the batch")
    document = {**_compute(trained, folder, request, task, study), "checkpoint": request.checkpoint, "run": facts.run}
    source = source_of(request)
    path = folder.preview_path(source, trained.step, ".json")
    with replacing(path, durable=False) as temporary:
        temporary.write_text(json.dumps(document), encoding="utf-8")
    folder.add_preview(source, trained.step, path, document["about"])
    task.publish(PreviewReady(facts.run, source, trained.step, str(path), document["about"]))
    if source == LIVE:
        task.publish(SpectrumComputed(facts.run, trained.step, str(path)))
    return document


def _compute(trained: Any, folder: RunFolder, request: SpectrumRequest, task: Task, study: Study) -> dict[str, Any]:
    from sagittal_engine.optim import schedule_factor
    from sagittal_engine.probes.closure import closure_of
    from sagittal_engine.probes.live_spectrum import document_of, told_in_words
    from sagittal_engine.probes.probe import Moment
    from sagittal_engine.probes.spectrum import Watch, hessian_spectrum

    state, params = folder.state(), trained.params
    rate = params.learning_rate * schedule_factor(params, max(1, trained.step))
    moment = Moment(
        trained.method, trained.module, params, trained.context.device, trained.context.seed, trained.step,
        state.steps, rate, state.seconds, task.boundary,
    )  # fmt: skip
    watch = Watch(task.boundary, lambda done, total: task.progress(done, total, _part(done, total)))
    how = {"batch_norm": request.batch_norm, "matrix": request.matrix}
    with told_in_words(), closure_of(moment, request.batches, **how) as closure:
        found = hessian_spectrum(
            closure.terms,
            closure.parameters,
            steps=request.steps,
            probes=request.probes,
            seed=moment.seed,
            matrix=request.matrix,
            project_scale_directions=request.project_scale_directions,
            watch=watch,
            folder=_scratch(study),
        )
    on = closure.sentence(params.batch_size)
    return document_of(found, on, moment, request, asked=(request.steps, request.probes)) | {"parts": closure.parts}


def _part(done: int, total: int) -> str:
    """What is being done once `done` of `total` products of the curvature with a vector are made."""
    return f"Product {done + 1} of {total}" if done < total else "Putting the spectrum together"


def _scratch(study: Study) -> Any:
    """The study's cache, for vectors that memory is too small for."""
    study.cache_folder.mkdir(parents=True, exist_ok=True)
    return study.cache_folder
