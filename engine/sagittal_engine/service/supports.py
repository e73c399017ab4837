"""From the labels of support scans to the `Support` values a segmenter takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts, SegmentRequest, SupportPlan
from sagittal.method import ScanData, Support
from sagittal_engine.kit.one_shot import implied_range, support_slices

if TYPE_CHECKING:
    from sagittal_engine.study import Study

PREFERRED = ("painted", "truth")
"""Label sets a support is read from, the first that has the label."""


@dataclass(frozen=True)
class Example:
    """One label of the support scan: where it was read from, its mask, and the slices that count."""

    label: str
    label_set: str
    mask: np.ndarray[Any, Any] = field(repr=False)
    slices: tuple[int, ...]
    first: int
    """The label's ends in the support scan: as planned, as the whole mask shows, or as a few painted slices imply."""
    last: int


def read_supports(study: Study, supports: Sequence[ScanFacts], request: SegmentRequest) -> Mapping[str, list[Example]]:
    """Support scan → one example per label of `request` that it has.

    Raises `SagittalError` where a label is in none of them, a support has none of the labels, or slices are named
    though there are several supports.
    """
    if len(supports) == 1:
        return {supports[0].scan: read_examples(study, supports[0], request)}
    if request.slices:
        raise SagittalError("Slices can be named for one support scan only; with several, their plans say which count.")
    found: dict[str, list[Example]] = {}
    refusals: dict[tuple[str, str], SagittalError] = {}
    for facts in supports:
        examples = []
        for label in request.labels:
            try:
                examples += read_examples(study, facts, replace(request, labels=(label,)))
            except SagittalError as error:
                refusals[facts.scan, label] = error
        if not examples:
            raise SagittalError(
                f"The support scan {facts.name} has none of the labels {', '.join(request.labels)}. "
                "Paint their support slices first, or leave the scan out."
            )
        found[facts.scan] = examples
    for label in request.labels:
        told = [refusals[facts.scan, label] for facts in supports if (facts.scan, label) in refusals]
        if len(told) == len(supports):
            raise told[0]
    return found


def read_examples(study: Study, facts: ScanFacts, request: SegmentRequest) -> list[Example]:
    """One example per label of `request`, from the set it names or the first preferred one that has the label.

    Raises `SagittalError` where a label is not there, or where the slices asked for carry nothing of it.
    """
    if not request.labels:
        raise SagittalError("Name at least one label to segment.")
    plans = study.support_plans(facts.scan)
    return [_example(study, facts, label, request, plans) for label in request.labels]


def _example(
    study: Study, facts: ScanFacts, label: str, request: SegmentRequest, plans: Sequence[SupportPlan]
) -> Example:
    for label_set in (request.support_set,) if request.support_set else PREFERRED:
        name = _name_of(facts, label_set, label)
        if name is None:
            continue
        mask = study.masks(facts.scan, label_set).get(name)
        if mask is None or not mask.any():
            continue
        plan = next((p for p in plans if p.label == name), None) if label_set == "painted" else None
        return _from_mask(facts, name, label_set, np.asarray(mask, bool), plan, request.slices)
    where = f"the label set '{request.support_set}'" if request.support_set else "its labels"
    known = sorted({row.name for found in facts.label_sets for row in found.labels})
    raise SagittalError(
        f"The support scan {facts.name} has no '{label}' in {where}. "
        + (f"It has: {', '.join(known)}." if known else "Paint its support slices first.")
    )


def _name_of(facts: ScanFacts, label_set: str, label: str) -> str | None:
    """The name of `label` (a name, or a number as text) in one label set."""
    rows = [row for found in facts.label_sets if found.name == label_set for row in found.labels]
    return next((row.name for row in rows if label in (row.name, str(row.number))), None)


def _from_mask(
    facts: ScanFacts,
    label: str,
    label_set: str,
    mask: np.ndarray[Any, Any],
    plan: SupportPlan | None,
    asked: Sequence[int],
) -> Example:
    carrying = np.flatnonzero(mask.any((0, 1)))
    present = {int(z) for z in carrying}
    first, last = (plan.first, plan.last) if plan else (min(present), max(present))
    # Painted with gaps and without a plan: each slice is an example, and the organ reaches beyond the outer two.
    few = label_set == "painted" and plan is None and len(present) <= last - first
    if few:
        first, last = _within(implied_range(sorted(present)), facts.shape[2])
    if asked:
        empty = sorted(set(asked) - present)
        if empty:
            raise SagittalError(
                f"Slices {', '.join(map(str, empty))} of {facts.name} carry nothing of '{label}', which lies on slices "
                f"{min(present)} to {max(present)}. Choose slices that do."
            )
        chosen = set(asked)
    elif plan is not None:
        chosen = {z for z, state in zip(plan.slices, plan.states, strict=True) if state != "flagged"} & present
        if not chosen and set(plan.slices) & present:
            raise SagittalError(
                f"All painted support slices of '{label}' in {facts.name} are flagged. Look at them again, and mark "
                "those that can serve as done."
            )
    else:
        wanted = set(support_slices(first, last))
        chosen = present if few else {min(present, key=lambda z: (abs(z - w), z)) for w in wanted}
    if not chosen:
        raise SagittalError(f"None of the support slices planned for '{label}' in {facts.name} is painted yet.")
    return Example(label, label_set, mask, tuple(sorted(chosen)), min(first, *chosen), max(last, *chosen))


def _within(ends: tuple[int, int], count: int) -> tuple[int, int]:
    """The range cut to a scan of `count` slices."""
    return max(0, ends[0]), min(count - 1, ends[1])


def make_supports(scan: ScanData, examples: Sequence[Example]) -> list[Support]:
    """One `Support` per set of slices, so that labels that share their slices share what is computed from them."""
    grouped: dict[tuple[int, ...], list[Example]] = {}
    for example in examples:
        grouped.setdefault(example.slices, []).append(example)
    return [
        Support(
            scan,
            slices,
            {example.label: example.mask for example in members},
            {example.label: (example.first, example.last) for example in members},
        )
        for slices, members in grouped.items()
    ]
