"""One-shot segmentation of query scans into a label set of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts, SegmentRequest
from sagittal.method import Prediction
from sagittal_engine.data import ArrayCache, StudyScan
from sagittal_engine.registry import Registry
from sagittal_engine.service.supports import Example, make_supports, read_examples
from sagittal_engine.service.trained import load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

Confidence = dict[str, tuple[float | None, ...]]


def segment_scans(
    study: Study, folder: RunFolder, registry: Registry, request: SegmentRequest, task: Task
) -> Mapping[str, Any]:
    """Segments the query scans of `request` and writes each as it is done; returns the document of `segment --json`.

    A case's `slices` are the axial slices that were looked at, and `confidence` has one value for each of them per
    label. Raises `SagittalError` where the request does not fit the study.
    """
    support_facts = study.find(request.support)
    queries = _queries(study, request, support_facts, task)
    examples = read_examples(study, support_facts, request)
    images = ArrayCache()
    support_scan = StudyScan(study, support_facts, "truth", images)
    scans = [StudyScan(study, facts, "truth", images) for facts in queries]
    task.progress(0, len(scans), "Loading the run")
    trained = load_trained(
        study, folder, registry, [support_scan, *scans], task, capability="segmenter", changes=request.parameters
    )
    supports = make_supports(support_scan, examples)
    facts = folder.facts()
    label_set = request.label_set or f"{facts.request.method}-{facts.run}-{support_facts.scan[:6]}"
    origin = _origin(facts.run, facts.request.method, support_facts, examples)
    cases = []
    for done, (query, scan) in enumerate(zip(queries, scans, strict=True)):
        task.progress(done, len(scans), f"Segmenting {query.name}")
        prediction = trained.method.segment(trained.module, supports, scan)
        task.boundary()
        confidence = _plain_confidence(prediction)
        study.write_prediction(scan.id, label_set, prediction.masks, origin, confidence)
        cases.append(_case(scan.id, confidence))
    task.progress(len(scans), len(scans), f"{len(scans)} scans segmented")
    return {"label_set": label_set, "cases": cases}


def _queries(study: Study, request: SegmentRequest, support: ScanFacts, task: Task) -> list[ScanFacts]:
    """The scans to segment. Those asked for must be there; of a whole study, those whose file is gone are left out."""
    if request.scans:
        asked = [study.find(scan) for scan in request.scans]
        gone = [facts.name for facts in asked if facts.missing]
        if gone:
            raise SagittalError(
                f"The files of {', '.join(gone)} are not where they were. Put them back, then try again."
            )
        return asked
    rest = [facts for facts in study.facts().scans if facts.scan != support.scan]
    if not rest:
        raise SagittalError("The study has no scan besides the support. Import the scans to segment.")
    here = [facts for facts in rest if not facts.missing]
    if not here:
        raise SagittalError("The files of all scans besides the support are gone. Put them back, then try again.")
    if len(here) < len(rest):
        gone = [facts.name for facts in rest if facts.missing]
        task.message("warning", f"Left out, because their files are not where they were: {', '.join(gone)}.")
    return here


def _origin(run: str, method: str, support: ScanFacts, examples: Sequence[Example]) -> dict[str, Any]:
    return {
        "kind": "predicted",
        "run": run,
        "method": method,
        "protocol": "deployed",
        "support": support.scan,
        "slices": {example.label: list(example.slices) for example in examples},
        "support_sets": {example.label: example.label_set for example in examples},
    }


def _plain_confidence(prediction: Prediction) -> Confidence:
    """Numbers for slices that were looked at, None elsewhere."""
    return {
        name: tuple(float(v) if np.isfinite(v) else None for v in values)
        for name, values in prediction.confidence.items()
    }


def _case(scan: str, confidence: Confidence) -> dict[str, Any]:
    columns = list(zip(*confidence.values(), strict=True))
    looked_at = [z for z, column in enumerate(columns) if any(value is not None for value in column)]
    return {
        "scan": scan,
        "slices": looked_at,
        "confidence": {name: [values[z] for z in looked_at] for name, values in confidence.items()},
    }
