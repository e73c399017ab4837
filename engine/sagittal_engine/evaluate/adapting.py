"""A stream of scans through an adapter: what the trained network says of each, and what the adapted one says."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sagittal.method import AdaptationStep, Adapter, Predictor, ScanData
from sagittal_engine.evaluate.statistics import RESAMPLES, bootstrap_mean, dice
from sagittal_engine.kit.predicting import probabilities_of
from sagittal_engine.kit.soft_labels import uncertainty

Array = np.ndarray[Any, Any]
Masks = Mapping[str, Array]

MOVED_FAR = 0.25
"""Share of changed voxels from which a mask that became no surer is warned of."""
WARNING = (
    "{share:.0f} % of the mask changed, and it did not become surer. Look at both, and keep the one before "
    "adapting where it is better."
)


@dataclass(frozen=True)
class Said:
    """What a network says of a scan."""

    masks: Masks
    """Label name → bool (X, Y, Z)."""
    entropy: float
    """`kit.soft_labels.uncertainty`, bits."""


def said(predictor: Predictor, scan: ScanData, probabilities: Tensor) -> Said:
    """The masks of probabilities, and how uncertain they are."""
    return Said(predictor.masks(scan, probabilities), uncertainty(probabilities, predictor.activation))


def adapted(
    predictor: Predictor, adapter: Adapter, scan: ScanData, seed: int
) -> tuple[Tensor, Sequence[AdaptationStep]]:
    """Adapts to the scan; the probabilities that the network gives then, (n, outputs, *spatial), on the processor.

    What is random depends on the seed and the scan alone.
    """
    digest = hashlib.sha256(f"{seed} {scan.id}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)
    logits, steps = adapter.adapt(predictor.images(scan), generator, predictor.targets(scan))
    return probabilities_of(logits, predictor.activation).cpu(), steps


def case_of(scan: str, truth: Masks, one: Said, other: Said, steps: Sequence[AdaptationStep]) -> dict[str, Any]:
    """One row of the document: {"scan", "cosine", "step_size", "before", "after", …}.

    "before" and "after" are the mean Dice over labels, None where there is no truth; "dice_before" and "dice_after"
    have it by label. "cosine", "step_size" and "empirical_cosine" are means over the scan's steps. "changed" is the
    share of voxels, of those in either mask, that are not in both. "notes" say why steps were left out, and "warning"
    tells of a mask that moved far without becoming surer.
    """
    found = {"before": _dice(one.masks, truth), "after": _dice(other.masks, truth)}
    row: dict[str, Any] = {
        "scan": scan,
        "cosine": _mean(step.cosine for step in steps),
        "step_size": _mean(step.step_size for step in steps),
        "before": _mean(found["before"].values()),
        "after": _mean(found["after"].values()),
        "dice_before": found["before"],
        "dice_after": found["after"],
        "entropy_before": one.entropy,
        "entropy_after": other.entropy,
        "empirical_cosine": _mean(step.empirical for step in steps),
        "changed": changed(one.masks, other.masks),
        "steps": len(steps),
        "notes": _notes(steps),
        "warning": "",
    }
    if row["changed"] > MOVED_FAR and other.entropy >= one.entropy:
        row["warning"] = WARNING.format(share=100 * row["changed"])
    return row


def _notes(steps: Sequence[AdaptationStep]) -> list[str]:
    """Each note once; of several slices, with how many of them it is said."""
    total = sum(step.images for step in steps)
    told: Counter[str] = Counter()
    for step in steps:
        if step.note:
            told[step.note] += step.images
    return sorted(note if count == total else f"At {count} of {total} slices: {note}" for note, count in told.items())


def changed(one: Masks, other: Masks) -> float:
    """Voxels in one of two masks over voxels in either, all labels together; 0 where both are empty."""
    differing = sum(int(np.count_nonzero(one[name] ^ other[name])) for name in one)
    either = sum(int(np.count_nonzero(one[name] | other[name])) for name in one)
    return differing / either if either else 0.0


def _dice(masks: Masks, truth: Masks) -> dict[str, float | None]:
    return {name: dice(mask, truth[name]) for name, mask in masks.items() if name in truth}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return float(np.mean(known)) if known else None


def compare(cases: Sequence[Mapping[str, Any]], *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Means over scans with bootstrap intervals: "before", and for every method "<method>", "<method>_gain" (after
    less before, scan by scan), "<method>_beyond" (after less that of the first method, scan by scan; not of the first
    itself) and, where scans were met in several orders, "<method>_spread" (largest less smallest Dice of a scan). A
    scan's orders are averaged first. Scans without truth are left out.
    """
    known = [case for case in cases if case["before"] is not None and case["after"] is not None]
    if not known:
        return {}

    def interval(values: Sequence[float]) -> dict[str, float | int]:
        return bootstrap_mean(values, resamples=resamples, seed=seed)

    first = {case["scan"]: case["before"] for case in known}
    summary: dict[str, Any] = {"before": interval(list(first.values()))}
    reference: Mapping[str, float] = {}
    for method in dict.fromkeys(case["method"] for case in known):
        by_scan: dict[str, list[float]] = {}
        for case in known:
            if case["method"] == method:
                by_scan.setdefault(case["scan"], []).append(case["after"])
        means = {scan: float(np.mean(values)) for scan, values in by_scan.items()}
        summary[method] = interval(list(means.values()))
        summary[f"{method}_gain"] = interval([mean - first[scan] for scan, mean in means.items()])
        both = means.keys() & reference.keys()
        if both:
            summary[f"{method}_beyond"] = interval([means[scan] - reference[scan] for scan in means if scan in both])
        reference = reference or means
        if max(map(len, by_scan.values())) > 1:
            summary[f"{method}_spread"] = interval([max(values) - min(values) for values in by_scan.values()])
    return summary


def losses(cases: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Method → scans (and orders) whose Dice is lower after adapting than before."""
    counts: dict[str, int] = {}
    for case in cases:
        lost = case["before"] is not None and case["after"] is not None and case["after"] < case["before"]
        counts[case["method"]] = counts.get(case["method"], 0) + int(lost)
    return counts
