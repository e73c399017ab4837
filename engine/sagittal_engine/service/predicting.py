"""Segmentation by a run's network alone, without a support, into a label set of the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import LabelFigures, ScanFacts, SegmentRequest
from sagittal.method import Prediction, ScanData
from sagittal_engine.data import ArrayCache, StudyScan
from sagittal_engine.registry import Registry
from sagittal_engine.service.agreeing import Agreed
from sagittal_engine.service.segmenting import name_for, scans_to_segment, write_case
from sagittal_engine.service.streams import strangers
from sagittal_engine.service.trained import load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    import torch

    from sagittal_engine.study import Study

Array = np.ndarray[Any, Any]

CAPABILITY = "predictor"
POSSIBLE = 0.05
"""Foreground probability from which a voxel counts for the entropy (see `sagittal.method.Prediction`)."""


def predict_scans(
    study: Study, folder: RunFolder, registry: Registry, request: SegmentRequest, task: Task
) -> Mapping[str, Any]:
    """Segments the scans of `request` by the run's network and writes each as it is done.

    Returns the document of `segment --json`. Nothing that a reader accepted, corrected or rejected is replaced. Raises
    `SagittalError` where the request does not fit the study or the run.
    """
    from sagittal_engine.kit.predicting import FLAT, is_flat, predict

    queries = scans_to_segment(study, request, task)
    images = ArrayCache()
    scans = [StudyScan(study, facts, "truth", images) for facts in queries]
    task.progress(0, len(scans), "Loading the run")
    trained = load_trained(study, folder, registry, scans, task, capability=CAPABILITY, changes=request.parameters)
    labels = _wanted(trained.method.labels, request.labels)
    facts = folder.facts()
    for caution in strangers(study, facts, queries):
        task.message("warning", caution)
    label_set, again = name_for(request.label_set, f"{facts.request.method}-{facts.run}", queries, labels)
    origin = {
        "kind": "predicted", "run": facts.run, "method": facts.request.method, "protocol": "deployed", "again": again,
    }  # fmt: skip
    cases, covered = [], list[str]()
    for done, (query, scan) in enumerate(zip(queries, scans, strict=True)):
        task.progress(done, len(scans), f"Segmenting {query.name}")
        probabilities = predict(trained.method, trained.module, scan)
        task.boundary()
        prediction = prediction_of(trained.method, scan, probabilities, labels)
        covered += _covered(query, prediction.masks)
        if is_flat(scan):
            task.message("warning", FLAT.format(scan=query.name))
        cases.append(write_case(study, scan.id, label_set, origin, figured(prediction)))
    task.progress(len(scans), len(scans), f"{len(scans)} scans segmented")
    if covered:
        task.message(
            "info",
            f"Labels overlap in {', '.join(covered[:3])}{' and others' if len(covered) > 3 else ''}. A label set has "
            "one label per voxel, so where they do, the last of them was written.",
        )
    return {"label_set": label_set, "cases": cases}


def _wanted(known: tuple[str, ...], asked: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise SagittalError(f"The run does not know the label {', '.join(unknown)}; it knows {', '.join(known)}.")
    return tuple(name for name in known if name in asked) if asked else known


def prediction_of(method: Any, scan: ScanData, probabilities: torch.Tensor, labels: tuple[str, ...]) -> Prediction:
    """Masks, and per axial slice: confidence, the mean of 2p − 1 over the mask, 0 where it is empty; entropy as
    `sagittal.method.Prediction` has it."""
    masks: Mapping[str, Array] = method.masks(scan, probabilities)
    confidence, entropy = dict[str, Array](), dict[str, Array]()
    first = probabilities.shape[1] - len(method.labels)
    for label in labels:
        p = method.on_grid(scan, probabilities, first + method.labels.index(label))
        confidence[label] = _slice_means(np.clip(2 * p - 1, 0, 1), masks[label])
        entropy[label] = _slice_means(_bits(p), p >= POSSIBLE)
    return Prediction({label: masks[label] for label in labels}, confidence, entropy)


def figured(prediction: Prediction) -> Agreed:
    """The prediction, with the mean entropy of each label."""
    return Agreed(prediction, {name: LabelFigures(entropy=_mean(found)) for name, found in prediction.entropy.items()})


def _slice_means(values: Array, where: Array) -> Array:
    """(Z,): the mean of `values` over `where` in each axial slice, 0 where there is none."""
    count = where.sum((0, 1))
    return np.where(where, values, 0).sum((0, 1), dtype=np.float64) / np.maximum(count, 1)


def _bits(p: Array) -> Array:
    """−p·log2 p − (1−p)·log2(1−p), 0 at the ends."""
    bits: Array = np.zeros(p.shape, dtype=np.float32)
    for one in (p, 1 - p):
        inside = one > 0
        bits[inside] -= one[inside] * np.log2(one[inside])
    return bits


def _mean(entropy: Array) -> float:
    """Mean over the slices that hold something possible of the label; 0 where none does."""
    seen = entropy[entropy > 0]
    return float(seen.mean()) if seen.size else 0.0


def _covered(query: ScanFacts, masks: Mapping[str, Array]) -> list[str]:
    """The scan's name, where labels overlap."""
    total = np.zeros(next(iter(masks.values())).shape, dtype=np.uint8)
    for mask in masks.values():
        if (total[mask] > 0).any():
            return [query.name]
        total[mask] = 1
    return []
