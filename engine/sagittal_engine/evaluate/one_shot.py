"""One-shot evaluation under two protocols that are never mixed (SSL-ALPNet's, kept by CoWPro, thesis §7.5).

`published`: each label is segmented and scored only on the slices of the query's true range, as the papers do.
`deployed`: what a user has; nothing of the query's truth is used, and every slice is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.method import ScanData, Segmenter, Support
from sagittal_engine.evaluate.statistics import RESAMPLES, dice, summarise
from sagittal_engine.kit.one_shot import fold_scans, support_slices

if TYPE_CHECKING:
    import torch

Array = np.ndarray[Any, Any]

PROTOCOLS = ("published", "deployed")

FOLDS = 5
"""Folds when no support scan is named, or as many as there are scans."""


def label_range(mask: Array) -> tuple[int, int] | None:
    """First and last axial slice that holds the label, None where none does."""
    held = np.flatnonzero(mask.any(axis=(0, 1)))
    return (int(held[0]), int(held[-1])) if len(held) else None


def quadrants_of(mask: Array) -> Array:
    """bool (2, 2): whether the label has a voxel in each half of X by half of Y of the scan's grid."""
    plane: Array = np.any(mask, axis=2)
    x, y = plane.shape[0] // 2, plane.shape[1] // 2
    return np.array([[plane[:x, :y].any(), plane[:x, y:].any()], [plane[x:, :y].any(), plane[x:, y:].any()]])


def support_of(scan: ScanData, labels: Sequence[str]) -> list[Support]:
    """One support per label, from the scan's truth: its slices at 1/6, 3/6 and 5/6 of the label's slices.

    Raises ValueError that names the labels the scan has no truth for.
    """
    truth = scan.labels()
    ranges = {label: label_range(truth[label]) for label in labels if label in truth}
    lacking = [label for label in labels if ranges.get(label) is None]
    if lacking:
        raise ValueError(
            f"The support scan {scan.id} has no truth for {', '.join(lacking)}; choose another support scan or leave "
            "these labels out."
        )
    supports = []
    for label in labels:
        ends = ranges[label]
        assert ends is not None
        # A short label repeats slices; each is needed once.
        slices = tuple(sorted(set(support_slices(*ends))))
        supports.append(Support(scan, slices, {label: truth[label]}, {label: ends}))
    return supports


def pairings(scans: Sequence[ScanData], support: str | None) -> list[tuple[int, ScanData, list[ScanData]]]:
    """(fold, support scan, query scans): one entry where a support is named, else `fold_scans` over all scans.

    Raises ValueError where a support is named that is not among the scans, or there are fewer than two scans.
    """
    if len(scans) < 2:
        raise ValueError(f"one-shot evaluation needs a support and a query, so at least two scans; got {len(scans)}.")
    if support is None:
        folds = min(FOLDS, len(scans))
        chosen = [fold_scans(len(scans), folds, fold) for fold in range(folds)]
        return [(fold, scans[s], [scans[q] for q in queries]) for fold, (queries, s) in enumerate(chosen)]
    found = [scan for scan in scans if scan.id == support]
    if not found:
        raise ValueError(f"The support scan {support} is not among the scans to evaluate on.")
    return [(0, found[0], [scan for scan in scans if scan.id != support])]


def evaluate_one_shot(
    segmenter: Segmenter,
    module: torch.nn.Module,
    scans: Sequence[ScanData],
    labels: Sequence[str],
    protocol: str,
    support: str | None = None,
    *,
    quadrants: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    boundary: Callable[[], None] = lambda: None,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> dict[str, Any]:
    """Segments every query scan from a support scan's slices and scores it against its truth.

    Without `support` (a scan's id) the scans are evaluated crosswise by folds. `quadrants` adds the quadrant prior,
    a second use of the query's truth, and needs `published`.

    Returns {"protocol", "quadrants", "labels", "cases", "summary"}; a case has "scan", "support", "fold",
    "dice_<label>" (None where neither prediction nor truth has the label) and "dice_mean"; the summary gives mean,
    95 % bootstrap interval over scans and n of each.

    Raises ValueError for an unknown protocol, no labels, quadrants under `deployed`, or a support without truth.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}; got {protocol!r}.")
    if not labels:
        raise ValueError("one-shot evaluation needs at least one label; got none.")
    if quadrants and protocol != "published":
        raise ValueError("quadrants are read from the query's truth, so they need the protocol 'published'.")
    cases: list[dict[str, Any]] = []
    pairs = pairings(scans, support)
    total = sum(len(queries) for _, _, queries in pairs)
    for fold, support_scan, queries in pairs:
        supports = support_of(support_scan, labels)
        for query in queries:
            boundary()
            progress(len(cases), total, f"Segmenting scan {len(cases) + 1} of {total}")
            scores = _scores(segmenter, module, supports, query, labels, protocol, quadrants)
            cases.append({"scan": query.id, "support": support_scan.id, "fold": fold, **scores})
    progress(total, total, "Evaluated")
    keys = [f"dice_{label}" for label in labels] + ["dice_mean"]
    return {
        "protocol": protocol,
        "quadrants": quadrants,
        "labels": list(labels),
        "cases": cases,
        "summary": summarise(cases, keys, resamples=resamples, seed=seed),
    }


def _scores(
    segmenter: Segmenter,
    module: torch.nn.Module,
    supports: Sequence[Support],
    query: ScanData,
    labels: Sequence[str],
    protocol: str,
    quadrants: bool,
) -> dict[str, float | None]:
    """Dice of each label of one query, and their mean."""
    truth: Mapping[str, Array] = query.labels()
    if protocol == "deployed":
        masks = segmenter.segment(module, supports, query).masks
        scores = {label: dice(masks[label], truth[label]) for label in labels if label in truth}
    else:
        found = {label: label_range(truth[label]) for label in labels if label in truth}
        ranges = {label: ends for label, ends in found.items() if ends is not None}
        kept = {label: quadrants_of(truth[label]) for label in ranges} if quadrants else None
        masks = segmenter.segment(module, supports, query, ranges=ranges, quadrants=kept).masks
        scores = {
            label: dice(masks[label][:, :, first : last + 1], truth[label][:, :, first : last + 1])
            for label, (first, last) in ranges.items()
        }
    numbers = [score for score in scores.values() if score is not None]
    result: dict[str, float | None] = {f"dice_{label}": scores.get(label) for label in labels}
    return {**result, "dice_mean": float(np.mean(numbers)) if numbers else None}
