"""Evaluation of a run on labelled scans of the study; what is found is kept with the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.facts import EvaluateRequest, ScanFacts
from sagittal_engine.data import scans_of
from sagittal_engine.registry import Registry
from sagittal_engine.service.trained import load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

PROTOCOLS = ("published", "deployed")


def evaluate_run(
    study: Study, folder: RunFolder, registry: Registry, request: EvaluateRequest, task: Task
) -> Mapping[str, Any]:
    """Evaluates one-shot segmentation and appends the document (that of `evaluate --json`) to the run.

    Raises `SagittalError` where the protocol is unknown, or where scans have no truth to compare with.
    """
    from sagittal_engine.evaluate.one_shot import evaluate_one_shot

    if request.protocol not in PROTOCOLS:
        raise SagittalError(f"The protocol must be {' or '.join(PROTOCOLS)}; got '{request.protocol}'.")
    chosen = _scans_with_truth(study, request)
    support = study.find(request.support).scan if request.support else None
    ids = {facts.scan for facts in chosen} | ({support} if support else set())
    scans = scans_of(study, sorted(ids), request.label_set)
    task.progress(0, 1, "Loading the run")
    trained = load_trained(study, folder, registry, scans, task, capability="segmenter", changes=request.parameters)
    document = evaluate_one_shot(
        trained.method,
        trained.module,
        scans,
        _labels(chosen, request.label_set),
        request.protocol,
        support=support,
        boundary=task.boundary,
        progress=task.progress,
    )
    folder.add_evaluation({**document, "task": request.task, "label_set": request.label_set})
    return document


def _scans_with_truth(study: Study, request: EvaluateRequest) -> list[ScanFacts]:
    """The scans asked for, or all that have the label set."""

    def labelled(facts: ScanFacts) -> bool:
        return any(found.name == request.label_set and found.labels for found in facts.label_sets)

    if not request.scans:
        chosen = [facts for facts in study.facts().scans if labelled(facts)]
        if len(chosen) < 2:
            raise SagittalError(
                f"One-shot evaluation needs at least two scans with the labels '{request.label_set}'; "
                f"the study has {len(chosen)}. Import label maps, or name another label set."
            )
        return chosen
    chosen = [study.find(scan) for scan in request.scans]
    bare = [facts.name for facts in chosen if not labelled(facts)]
    if bare:
        raise SagittalError(f"{', '.join(bare)} have no labels '{request.label_set}' to compare with. Leave them out.")
    return chosen


def _labels(scans: Sequence[ScanFacts], label_set: str) -> tuple[str, ...]:
    """Names of all labels of the set in `scans`, by number."""
    rows = {
        row.name: row.number for facts in scans for s in facts.label_sets if s.name == label_set for row in s.labels
    }
    return tuple(sorted(rows, key=lambda name: rows[name]))
