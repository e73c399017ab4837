"""Scoring a run's own segmentations on labelled scans of the study; what is found is kept with the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.facts import EvaluateRequest, ScanFacts
from sagittal.method import ScanData
from sagittal.params import ParameterError, make
from sagittal.run_record import RunFacts
from sagittal_engine.data import scans_of
from sagittal_engine.evaluate.segmentation_params import SegmentationTaskParams
from sagittal_engine.registry import Registry
from sagittal_engine.service.streams import strangers
from sagittal_engine.service.trained import load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

CAPABILITY = "predictor"


def score_run(
    study: Study, folder: RunFolder, registry: Registry, request: EvaluateRequest, task: Task
) -> Mapping[str, Any]:
    """Scores the scans asked for, or all with a truth of subjects that the run was not trained on; returns the
    document of `evaluate --json`, which is kept with the run.

    Raises `SagittalError` where the request does not fit.
    """
    from sagittal_engine.evaluate.segmentation import evaluate_segmentation
    from sagittal_engine.kit.predicting import FLAT, is_flat

    names = SegmentationTaskParams.model_fields
    own = {name: value for name, value in request.parameters.items() if name in names}
    changes = {name: value for name, value in request.parameters.items() if name not in names}
    try:
        params: SegmentationTaskParams = make(SegmentationTaskParams, own)
    except ParameterError as error:
        raise SagittalError(str(error)) from error
    if request.protocol != "deployed" or request.support is not None:
        raise SagittalError(
            f"The task {request.task} takes neither a support scan nor the protocol 'published': those are of one-shot "
            "segmentation. Leave them out."
        )
    facts = folder.facts()
    chosen = _tested(study, facts, request, params.allow_seen)
    for caution in strangers(study, facts, chosen):
        task.message("warning", caution)
    scans = scans_of(study, [scan.scan for scan in chosen], request.label_set)
    task.progress(0, len(scans), "Loading the run")
    trained = load_trained(
        study, folder, registry, scans, task, capability=CAPABILITY, changes=changes, saved=params.checkpoint
    )
    _warn_of_lone(chosen, params.group, task)
    titles = {one.scan: one.name for one in chosen}

    def scored(scan: ScanData) -> None:
        if is_flat(scan):
            task.message("warning", FLAT.format(scan=titles[scan.id]))

    try:
        document = evaluate_segmentation(
            trained.method, trained.module, scans, params, boundary=task.boundary, progress=task.progress, scored=scored
        )
    except ValueError as error:
        raise SagittalError(str(error)[:1].upper() + str(error)[1:]) from error
    document = {
        **document,
        "names": titles,
        "label_set": request.label_set,
        "split": _split(study, facts, chosen),
        "step": trained.step,
        "changes": changes,
        **_beside(registry, facts),
    }
    folder.add_evaluation(document)
    return document


def _tested(study: Study, facts: RunFacts, request: EvaluateRequest, allow_seen: bool) -> list[ScanFacts]:
    """The scans asked for, which must have the truth; else all that have it. Of subjects not trained on, unless
    `allow_seen`."""
    seen = set[str]() if allow_seen else _subjects(study, facts)

    def labelled(scan: ScanFacts) -> bool:
        return any(found.name == request.label_set and found.labels for found in scan.label_sets)

    if request.scans:
        chosen = [study.find(scan) for scan in request.scans]
        bare = [scan.name for scan in chosen if not labelled(scan)]
        if bare:
            raise SagittalError(
                f"{', '.join(bare[:3])} have no labels '{request.label_set}' to compare with. Leave them out."
            )
        trained_on = [scan.name for scan in chosen if _subject(scan) in seen]
        if trained_on:
            raise SagittalError(
                f"{', '.join(trained_on[:3])} {'is' if len(trained_on) == 1 else 'are'} of subjects that the run was "
                "trained on, and scoring them would flatter it. Leave them out, or set 'allow_seen' to have them all "
                "the same, marked."
            )
        return chosen
    chosen = [
        scan for scan in study.facts().scans if labelled(scan) and _subject(scan) not in seen and not scan.missing
    ]
    if not chosen:
        raise SagittalError(
            f"There is nobody to test: every subject with the labels '{request.label_set}' was trained on. Train on "
            "some of the scans only (for domains: 'leave_out'), import others, or set 'allow_seen' to score them all "
            "the same."
        )
    return chosen


def _subjects(study: Study, facts: RunFacts) -> set[str]:
    own = set(facts.scans)
    return {_subject(scan) for scan in study.facts().scans if scan.scan in own}


def _subject(scan: ScanFacts) -> str:
    """Whose scan it is; one of nobody in particular is a subject of its own."""
    return scan.subject or scan.scan


def _split(study: Study, facts: RunFacts, chosen: Sequence[ScanFacts]) -> str:
    seen = _subjects(study, facts)
    both = sum(_subject(scan) in seen for scan in chosen)
    if not both:
        return "No tested subject was trained on."
    return (
        f"{both} of {len(chosen)} tested scans are of subjects that the run was trained on: their figures flatter it."
    )


def _warn_of_lone(chosen: Sequence[ScanFacts], group: str, task: Task) -> None:
    counts: dict[str, int] = {}
    for scan in chosen:
        counts[scan.meta.get(group, "")] = counts.get(scan.meta.get(group, ""), 0) + 1
    lone = [name for name, count in counts.items() if group and name and count == 1]
    if lone:
        task.message(
            "warning",
            f"Of {', '.join(lone)} there is one scan{' each' if len(lone) > 1 else ''}: its figure says nothing of "
            "others, and has no interval.",
        )


def _beside(registry: Registry, facts: RunFacts) -> dict[str, Any]:
    """What was published for the run's recipe, to stand beside its figures."""
    recipes = registry.card(facts.request.method).recipes
    found = next((one.published for one in recipes if one.name == facts.request.recipe), {})
    return {"published": dict(found)} if found else {}
