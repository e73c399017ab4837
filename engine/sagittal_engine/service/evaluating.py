"""Evaluation of a run on labelled scans of the study; what is found is kept with the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.facts import EvaluateRequest, ScanFacts
from sagittal.params import ParameterError, Params, make, setting
from sagittal_engine.data import StudyScan, scans_of
from sagittal_engine.registry import Registry
from sagittal_engine.service.trained import load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study


class OneShotParams(Params):
    """What `--set` can say of one-shot evaluation besides the method's own parameters."""

    quadrants: bool = setting(False, "Keep to the quadrants that the query's truth lies in; 'published' only.")
    resamples: int = setting(2000, "Resamples of the bootstrap behind the intervals.", ge=100, le=1_000_000)
    labels: str = setting("", "Labels to evaluate, by name, separated by commas; empty takes all.")


def evaluate_run(
    study: Study, folder: RunFolder, registry: Registry, request: EvaluateRequest, task: Task
) -> Mapping[str, Any]:
    """Evaluates one-shot segmentation and appends the document (that of `evaluate --json`) to the run.

    Raises `SagittalError` where the request does not fit, or where scans have no truth to compare with.
    """
    from sagittal_engine.evaluate.one_shot import PROTOCOLS, evaluate_one_shot

    if request.protocol not in PROTOCOLS:
        raise SagittalError(f"The protocol must be {' or '.join(PROTOCOLS)}; got '{request.protocol}'.")
    own, changes = _split(request.parameters)
    if own.quadrants and request.protocol != "published":
        raise SagittalError("The quadrants are read from the query's truth: they need the protocol 'published'.")
    chosen = _scans_with_truth(study, request)
    labels = _labels(chosen, request.label_set, own.labels)
    support = study.find(request.support).scan if request.support else None
    ids = {facts.scan for facts in chosen} | ({support} if support else set())
    scans = scans_of(study, sorted(ids), request.label_set)
    _check_supports(scans, labels, support)
    task.begin("Loading the run")
    trained = load_trained(study, folder, registry, scans, task, capability="segmenter", changes=changes)
    document = evaluate_one_shot(
        trained.method,
        trained.module,
        scans,
        labels,
        request.protocol,
        support=support,
        quadrants=own.quadrants,
        resamples=own.resamples,
        boundary=task.boundary,
        progress=task.progress,
    )
    folder.add_evaluation({**document, "task": request.task, "label_set": request.label_set, "changes": dict(changes)})
    return document


def _split(parameters: Mapping[str, Any]) -> tuple[OneShotParams, dict[str, Any]]:
    """The evaluation's own parameters, and those meant for the method."""
    names = OneShotParams.model_fields
    try:
        own = make(OneShotParams, {name: value for name, value in parameters.items() if name in names})
    except ParameterError as error:
        raise SagittalError(str(error)) from error
    return own, {name: value for name, value in parameters.items() if name not in names}


def _check_supports(scans: Sequence[StudyScan], labels: Sequence[str], support: str | None) -> None:
    """Looks for the truth of every support before the long work, to refuse in words."""
    from sagittal_engine.evaluate.one_shot import pairings, support_of

    try:
        for _, scan, _ in pairings(scans, support):
            support_of(scan, labels)
    except ValueError as error:
        raise SagittalError(str(error)) from error


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


def _labels(scans: Sequence[ScanFacts], label_set: str, wanted: str) -> tuple[str, ...]:
    """Names of the labels of the set in `scans`, by number; only those in the list `wanted` where it names any."""
    rows = {
        row.name: row.number for facts in scans for s in facts.label_sets if s.name == label_set for row in s.labels
    }
    named = [name.strip() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in named if name not in rows]
    if unknown:
        raise SagittalError(f"The scans have no label {', '.join(unknown)}; they have {', '.join(rows)}.")
    return tuple(sorted(named or rows, key=lambda name: rows[name]))
