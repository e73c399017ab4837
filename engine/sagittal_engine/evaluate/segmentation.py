"""How well a network that segments by itself does on scans with a truth: figures per scan, and per domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sagittal.method import Predictor, ScanData
from sagittal_engine.evaluate.overlap import METRICS, overlap_of_labels
from sagittal_engine.evaluate.segmentation_params import TASK, SegmentationTaskParams
from sagittal_engine.evaluate.statistics import summarise
from sagittal_engine.kit.predicting import predict

if TYPE_CHECKING:
    import torch

PROTOCOL = "deployed"
"""Nothing of the tested scans is known but their images."""

INTERVALS = (
    "95 % percentile bootstrap over tested scans; n counts scans. One scan has an interval of no width. Distances "
    "(hd95, asd) are in millimetres."
)


def evaluate_segmentation(
    predictor: Predictor,
    module: torch.nn.Module,
    scans: Sequence[ScanData],
    params: SegmentationTaskParams,
    *,
    boundary: Callable[[], None] = lambda: None,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
    scored: Callable[[ScanData], None] = lambda scan: None,
) -> dict[str, Any]:
    """Segments every scan and scores it against its truth; `scored` hears of each while its image is at hand.

    Returns {"protocol", "task", "labels", "group", "intervals", "cases", "summary", "groups"}. A case has "scan",
    "group" (the scan's value of the meta label, or "") and `overlap.METRICS`, each "<metric>_<label>" and
    "<metric>_mean" over the labels of the truth; None where neither has the label. The summary has mean, 95 % bootstrap
    interval and n over all scans, and "groups" the same per value of the meta label.

    Raises ValueError where a label is not the network's, or a scan lacks the meta label.
    """
    labels = _labels(predictor.labels, params.label_list())
    groups = [scan.meta.get(params.group, "") if params.group else "" for scan in scans]
    if params.group and not all(groups):
        bare = [scan.id for scan, group in zip(scans, groups, strict=True) if not group]
        known = sorted({name for scan in scans for name in scan.meta})
        raise ValueError(
            f"{len(bare)} of {len(scans)} scans have no meta label '{params.group}', the first of them {bare[0]}; "
            f"known: {', '.join(known) or 'none'}."
        )
    cases: list[dict[str, Any]] = []
    for number, (scan, group) in enumerate(zip(scans, groups, strict=True)):
        boundary()
        progress(number, len(scans), f"Segmenting scan {number + 1} of {len(scans)}")
        found = predictor.masks(scan, predict(predictor, module, scan))
        figures = overlap_of_labels(found, predictor.truth(scan), scan.spacing, labels)
        cases.append({"scan": scan.id, "group": group, **figures})
        scored(scan)
    progress(len(scans), len(scans), "Evaluated")
    keys = [f"{metric}_{part}" for part in ("mean", *labels) for metric in METRICS]
    return {
        "protocol": PROTOCOL,
        "task": TASK,
        "labels": list(labels),
        "group": params.group,
        "intervals": INTERVALS,
        "cases": cases,
        "summary": _summary(cases, keys, params),
        "groups": {
            group: _summary([case for case in cases if case["group"] == group], keys, params)
            for group in sorted(set(groups) - {""})
        },
    }


def _labels(known: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise ValueError(f"the run does not know the label {', '.join(unknown)}; it knows {', '.join(known)}.")
    return tuple(name for name in known if name in asked) if asked else tuple(known)


def _summary(
    cases: Sequence[Mapping[str, Any]], keys: Sequence[str], params: SegmentationTaskParams
) -> dict[str, dict[str, float | int]]:
    return summarise(cases, keys, resamples=params.resamples, seed=params.seed)
