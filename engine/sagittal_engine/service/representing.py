"""What is asked of a run's representation: k-NN, linear and classification tasks, and maps of its images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.facts import EvaluateRequest, ScanFacts
from sagittal.params import ParameterError, Params, make
from sagittal_engine.data import StudyScan, scans_of
from sagittal_engine.evaluate.image_params import PIXELS, ImageTaskParams
from sagittal_engine.registry import Registry
from sagittal_engine.service.trained import Trained, load_trained
from sagittal_engine.store.atomic import replacing
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.kit.images import ImageSet
    from sagittal_engine.study import Study

CAPABILITY = "representation"
TRUTH_TARGETS = ("labels", PIXELS)
"""Targets that come from a label set."""


@dataclass(frozen=True)
class Sides:
    """Images of subjects that may give labels, and of those that are tested."""

    pool: ImageSet
    test: ImageSet


def evaluate_representation(
    study: Study, folder: RunFolder, registry: Registry, request: EvaluateRequest, task: Task
) -> Mapping[str, Any]:
    """Evaluates k-NN, linear or classify and appends the document (that of `evaluate --json`) to the run.

    Where the request names no target, it is the run's own 'label_target'.
    Raises `SagittalError` where the request does not fit, or where there is nobody to test or to label.
    """
    from sagittal_engine.evaluate.image_tasks import Subject, evaluate_images
    from sagittal_engine.loop import first_module

    own = {"target": folder.facts().parameters.get("label_target", "labels")}
    params = _made(ImageTaskParams, {**own, **request.parameters})
    if request.protocol != "deployed" or request.support is not None:
        raise SagittalError(
            f"The task {request.task} takes neither a support scan nor the protocol 'published': those are of one-shot "
            "segmentation. Leave them out."
        )
    trained = _trained(study, folder, registry, request.label_set, task, params.checkpoint)
    task.begin("Choosing the images")
    sides = _sides(study, trained, request, params.target)
    task.begin("Reading the targets of the images")
    context = trained.context
    bench = Subject(
        trained.method,
        trained.module,
        lambda: first_module(trained.method, context.seed, context.device),
        context.device,
    )
    try:
        document = evaluate_images(
            bench, sides.pool, sides.test, request.task, params, boundary=task.boundary, progress=task.progress
        )
    except ValueError as error:
        raise SagittalError(str(error)[:1].upper() + str(error)[1:]) from error
    changes = {name: getattr(params, name) for name in request.parameters}
    folder.add_evaluation({**document, "label_set": request.label_set, "step": trained.step, "changes": changes})
    return document


def map_images(
    study: Study,
    folder: RunFolder,
    registry: Registry,
    saved: str,
    parameters: Mapping[str, Any],
    task: Task,
) -> Mapping[str, Any]:
    """Draws a map of the images of a run at the checkpoint `saved`, and keeps it among the run's pictures.

    Returns the document of `sagittal_engine.probes.embedding.embedding` with "run" and "step".
    """
    from sagittal_engine.probes.embedding import embedding
    from sagittal_engine.probes.probe import Moment
    from sagittal_engine.probes.representation_cards import EmbeddingParams

    params = _made(EmbeddingParams, parameters)
    facts = folder.facts()
    trained = _trained(study, folder, registry, facts.request.label_set, task, saved)
    task.begin("Drawing the map")
    moment = Moment(
        trained.method, trained.module, trained.params, trained.context.device, facts.request.seed, trained.step,
        trained.step, trained.params.learning_rate, 0.0, task.boundary,
    )  # fmt: skip
    document = {"run": facts.run, "step": trained.step, **embedding(moment, params)}
    path = folder.preview_path("embedding", trained.step, ".json")
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(document), encoding="utf-8")
    folder.add_preview("embedding", trained.step, path, document["about"])
    task.progress(1, 1, "Drawn")
    return document


def _made(params: type[Params], values: Mapping[str, Any]) -> Any:
    try:
        return make(params, values)
    except ParameterError as error:
        raise SagittalError(str(error)) from error


def _trained(study: Study, folder: RunFolder, registry: Registry, label_set: str, task: Task, saved: str) -> Trained:
    """The run's method with its images prepared, seeing the scans it was trained on with the truth `label_set`."""
    facts = folder.facts()
    present = {scan.scan for scan in study.facts().scans}
    gone = [scan for scan in facts.scans if scan not in present]
    if gone:
        raise SagittalError(
            f"The run was trained on {len(gone)} scans that are no longer in the study, and its images cannot be made "
            "without them. Restore them."
        )
    scans = scans_of(study, facts.scans, label_set)
    task.begin("Loading the run")
    trained = load_trained(study, folder, registry, scans, task, capability=CAPABILITY, changes={}, saved=saved)
    trained.method.prepare()
    return trained


def _sides(study: Study, trained: Trained, request: EvaluateRequest, target: str) -> Sides:
    """Labels from subjects the run was trained on; tests on those it never saw, held out by it or not part of it.

    Images that are not the study's (benchmark files) are split as the run split them.
    """
    training, method = trained.method.training_set(), trained.method
    known = {scan.scan: scan for scan in study.facts().scans}
    if any(scan not in known for scan in training.scans):
        held_out = method.held_out_set()
        if len(held_out) == 0:
            raise SagittalError("There is nobody to test: the run held no images out. Train with 'held_out' above 0.")
        return Sides(training, held_out)
    seen = {_subject(known[scan]) for scan in training.scans}
    own = {scan.id for scan in trained.context.scans}
    pool = [scan for scan in known.values() if scan.scan in own and _subject(scan) in seen]
    test = _tested(study, request.scans, seen)
    if target in TRUTH_TARGETS:
        pool, test = ([scan for scan in side if _labelled(scan, request.label_set)] for side in (pool, test))
    if not test or not pool:
        raise SagittalError(_nobody(bool(pool), bool(test), request, target))
    masks = target == PIXELS
    return Sides(*(method.image_set(_scans(study, side, request.label_set), masks=masks) for side in (pool, test)))


def _tested(study: Study, scans: Sequence[str], seen: set[str]) -> list[ScanFacts]:
    """The scans asked for, of which none may be of a subject that was trained on; else all of unseen subjects."""
    if not scans:
        return [scan for scan in study.facts().scans if _subject(scan) not in seen]
    chosen = [study.find(scan) for scan in scans]
    trained_on = [scan.name for scan in chosen if _subject(scan) in seen]
    if trained_on:
        raise SagittalError(
            f"{', '.join(trained_on[:3])} {'is' if len(trained_on) == 1 else 'are'} of subjects that the run was "
            "trained on, and testing on them would flatter it. Leave them out, or train a run without them."
        )
    return chosen


def _subject(scan: ScanFacts) -> str:
    """Whose scan it is; one of nobody in particular is a subject of its own."""
    return scan.subject or scan.scan


def _labelled(scan: ScanFacts, label_set: str) -> bool:
    return any(found.name == label_set and found.labels for found in scan.label_sets)


def _nobody(labelled: bool, tested: bool, request: EvaluateRequest, target: str) -> str:
    labels = f" with the labels '{request.label_set}'" if target in TRUTH_TARGETS else ""
    if labels and not labelled and not tested:
        return (
            f"No subject has scans{labels}, which the target '{target}' is told from. Import label maps for them, name "
            "another label set, or choose a meta label as the target."
        )
    if tested:
        return (
            f"None of the subjects that the run was trained on has scans{labels}, so nobody can give labels. Import "
            "label maps for them, name another label set, or choose a meta label as the target."
        )
    return (
        f"There is nobody to test: every subject{labels} was trained on. Train with 'held_out' above 0, choose scans "
        "to train on, or import scans of other subjects."
    )


def _scans(study: Study, scans: Sequence[ScanFacts], label_set: str) -> list[StudyScan]:
    return scans_of(study, [scan.scan for scan in scans], label_set)
