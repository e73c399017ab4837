"""One-shot segmentation of query scans into a label set of the study."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import LabelFigures, ScanFacts, SegmentRequest
from sagittal.method import Prediction, Segmenter, Support
from sagittal_engine.data import ArrayCache, StudyScan
from sagittal_engine.registry import Registry
from sagittal_engine.service.agreeing import Agreed, agree
from sagittal_engine.service.supports import Example, make_supports, read_supports
from sagittal_engine.service.trained import load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

Confidence = dict[str, tuple[float | None, ...]]

NAMED_SUPPORTS = 3
"""Support scans that the name of a result still lists."""


@dataclass(frozen=True)
class Lender:
    """One support scan, ready to be shown to the method."""

    facts: ScanFacts
    examples: Sequence[Example]
    supports: Sequence[Support]
    method: Segmenter
    """One per support scan: a method remembers what it computed from the supports it saw last."""


def segment_scans(
    study: Study, folder: RunFolder, registry: Registry, request: SegmentRequest, task: Task
) -> Mapping[str, Any]:
    """Segments the query scans of `request` and writes each as it is done; returns the document of `segment --json`.

    With several support scans each segments on its own, into a label set of its own beside the one that they agree
    on. A case's `slices` are the axial slices that were looked at, and `confidence` has one value for each of them per
    label. Nothing that a reader accepted, corrected or rejected is replaced. Raises `SagittalError` where the request
    does not fit the study.
    """
    supports = [study.find(scan) for scan in request.supports]
    if not supports or not request.labels:
        raise SagittalError(
            f"Segmenting with run {folder.facts().run} takes an example: a support scan, and the labels to find. Name "
            "both, or take the run of a method that segments by itself."
        )
    queries = scans_to_segment(study, request, task)
    examples = read_supports(study, supports, request)
    images = ArrayCache()
    support_scans = [StudyScan(study, facts, "truth", images) for facts in supports]
    scans = [StudyScan(study, facts, "truth", images) for facts in queries]
    task.progress(0, len(scans), "Loading the run")
    trained = load_trained(
        study, folder, registry, [*support_scans, *scans], task, capability="segmenter", changes=request.parameters
    )
    methods = [trained.method, *(type(trained.method)(trained.params, trained.context) for _ in supports[1:])]
    lenders = [
        Lender(facts, examples[facts.scan], make_supports(scan, examples[facts.scan]), method)
        for facts, scan, method in zip(supports, support_scans, methods, strict=True)
    ]
    facts = folder.facts()
    stem = f"{facts.request.method}-{facts.run}"
    names = [found.label for lender in lenders for found in lender.examples]
    label_set, again = name_for(request.label_set, f"{stem}-{_joined(lenders)}", queries, names)
    own = {
        lender.facts.scan: name_for("", f"{stem}-{_joined([lender])}", queries, names)
        for lender in lenders
        if len(lenders) > 1
    }
    origin = {"kind": "predicted", "run": facts.run, "method": facts.request.method, "protocol": "deployed"}
    cases = []
    for done, (query, scan) in enumerate(zip(queries, scans, strict=True)):
        found: dict[str, Prediction] = {}
        for lender in lenders:
            from_ = f" from {lender.facts.name}" if len(lenders) > 1 else ""
            task.progress(done, len(scans), f"Segmenting {query.name}{from_}")
            found[lender.facts.scan] = lender.method.segment(trained.module, lender.supports, scan)
            task.boundary()
        for lender in lenders if own else ():
            alone = agree({lender.facts.scan: found[lender.facts.scan]})
            name, number = own[lender.facts.scan]
            write_case(study, scan.id, name, {**origin, **_examples_of([lender]), "again": number}, alone)
        agreed = agree(found)
        cases.append(write_case(study, scan.id, label_set, {**origin, **_examples_of(lenders), "again": again}, agreed))
    task.progress(len(scans), len(scans), f"{len(scans)} scans segmented")
    document = {"label_set": label_set, "cases": cases}
    return {**document, "supports": {scan: name for scan, (name, _) in own.items()}} if own else document


def _joined(lenders: Sequence[Lender]) -> str:
    """Support scans in the name of a label set: few by their ids, more by their number and a digest."""
    ids = [lender.facts.scan for lender in lenders]
    if len(ids) <= NAMED_SUPPORTS:
        return "+".join(scan[:6] for scan in ids)
    return f"{len(ids)}-supports-{hashlib.sha256(' '.join(ids).encode()).hexdigest()[:6]}"


def name_for(asked: str, made: str, queries: Sequence[ScanFacts], labels: Sequence[str]) -> tuple[str, int]:
    """The name of the result: the one asked for, else `made`, numbered on where a reader's work would be replaced.

    The number (1 for the first) is given with it. Raises `SagittalError` where the name asked for holds such work.
    """
    name, number = asked or made, 1
    while reviewed := _reviewed(queries, name, labels):
        if asked:
            more = f" and {len(reviewed) - 1} more" if len(reviewed) > 1 else ""
            raise SagittalError(
                f"The label set '{name}' of {reviewed[0]}{more} was reviewed or corrected, and segmenting into it "
                "again would replace that. Choose another name for the result."
            )
        number += 1
        name = f"{made}-{number}"
    return name, number


def _reviewed(queries: Sequence[ScanFacts], label_set: str, labels: Sequence[str]) -> list[str]:
    """Names of the scans whose `label_set` has some of `labels` and bears a reader's work."""
    return [
        facts.name
        for facts in queries
        for one in facts.label_sets
        if one.name == label_set
        and {row.name for row in one.labels} & set(labels)
        and (one.review != "unreviewed" or one.origin.get("kind") != "predicted" or one.origin.get("edited"))
    ]


def write_case(study: Study, scan: str, label_set: str, origin: Mapping[str, Any], agreed: Agreed) -> dict[str, Any]:
    """Puts a prediction into its label set; returns the case as `segment --json` lists it."""
    confidence = _plain_confidence(agreed.prediction)
    figures = {label: _plain_figures(row) for label, row in agreed.figures.items()}
    study.write_prediction(scan, label_set, agreed.prediction.masks, {**origin, "figures": figures}, confidence)
    case = _case(scan, confidence)
    return {**case, "figures": figures} if any(figures.values()) else case


def _plain_figures(figures: LabelFigures) -> dict[str, Any]:
    """What is known, as JSON keeps it."""
    rows = {"entropy": figures.entropy, "disagreement": figures.disagreement}
    plain: dict[str, Any] = {name: round(value, 6) for name, value in rows.items() if value is not None}
    if figures.agreement:
        plain["agreement"] = {support: round(value, 6) for support, value in figures.agreement.items()}
    return plain


def scans_to_segment(study: Study, request: SegmentRequest, task: Task) -> list[ScanFacts]:
    """The scans to segment. Those asked for must be there; of a whole study, those whose file is gone are left out."""
    if request.scans:
        asked = [study.find(scan) for scan in request.scans]
        gone = [facts.name for facts in asked if facts.missing]
        if gone:
            raise SagittalError(
                f"The files of {', '.join(gone)} are not where they were. Put them back, then try again."
            )
        return asked
    lending = {study.find(scan).scan for scan in request.supports}
    besides = " besides the support" if lending else ""
    rest = [facts for facts in study.facts().scans if facts.scan not in lending]
    if not rest:
        raise SagittalError(f"The study has no scan{besides}. Import the scans to segment.")
    here = [facts for facts in rest if not facts.missing]
    if not here:
        raise SagittalError(f"The files of all scans{besides} are gone. Put them back, then try again.")
    if len(here) < len(rest):
        gone = [facts.name for facts in rest if facts.missing]
        task.message("warning", f"Left out, because their files are not where they were: {', '.join(gone)}.")
    return here


def _examples_of(lenders: Sequence[Lender]) -> dict[str, Any]:
    """Which slices of which support scans a prediction comes from: each of them, and the first of each label."""
    rows = [(lender.facts.scan, example) for lender in lenders for example in lender.examples]
    return {
        "support": lenders[0].facts.scan,
        "slices": {example.label: list(example.slices) for _, example in reversed(rows)},
        "examples": [
            {"support": scan, "label": example.label, "set": example.label_set, "slices": list(example.slices)}
            for scan, example in rows
        ],
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
