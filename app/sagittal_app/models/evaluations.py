"""What evaluations of a run found, in words: what was measured, the figure, and how it was computed. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagittal.run_record import RunRecord
from sagittal_app import messages

ADAPT, ONE_SHOT, SEGMENTATION = "adapt", "one-shot", "segmentation"

MILLIMETRES = ("hd95", "asd")
"""Metrics with a unit."""
CASE_METRICS = ("dice", "sensitivity", "jaccard", "volume_similarity", "hd95")
"""What is told of every scored scan."""


@dataclass(frozen=True)
class Finding:
    """One figure of one evaluation."""

    task: str
    metric: str
    figure: str
    """ "0.653 [0.610, 0.690]"."""
    n: str
    how: str
    detail: str
    """Whole sentences: who was tested, what the interval means."""


def task_of(document: Mapping[str, Any]) -> str:
    return str(document.get("task", ONE_SHOT))


def measured_on(document: Mapping[str, Any]) -> str:
    """What tells evaluations of one kind apart: the protocol, or target and encoder of a task on images."""
    if task_of(document) == ONE_SHOT:
        return str(document.get("protocol", ""))
    parts = [messages.TASKS.get(task_of(document), task_of(document))]
    if document.get("target"):
        parts.append(f"of {document['target']}")
    if document.get("encoder", "trained") != "trained":
        parts.append(f"({document['encoder']} encoder)")
    return " ".join(parts)


def bracketed(one: Mapping[str, Any]) -> str:
    """ "0.653 [0.610, 0.690]"."""
    mean, low, high = one["mean"], one.get("low"), one.get("high")
    return f"{mean:.3f}" if low is None or high is None else f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def findings(record: RunRecord) -> list[Finding]:
    """Every figure that the run was evaluated with, the newest evaluation first."""
    found = []
    for document in reversed(record.evaluations):
        how, detail = _how(document), _detail(document)
        task = messages.TASKS.get(task_of(document), task_of(document))
        for metric, one in _figures(document):
            n = str(one["n"]) if one.get("n") is not None else ""
            found.append(Finding(task, metric, bracketed(one), n, how, detail))
    return found


def named(metric: str) -> str:
    """A metric's name as one reads it, with its unit: "hd95_vessel" becomes "hd95 vessel, mm"."""
    unit = ", mm" if metric.split("_")[0] in MILLIMETRES else ""
    return messages.words(metric) + unit


def of_adapter(metric: str, compared: Sequence[str]) -> str:
    """What a comparison of the adapters `compared` calls a figure: "tent_gain" becomes "tent: gain in Dice"."""
    for method in sorted(compared, key=len, reverse=True):
        if metric == method or metric.startswith(f"{method}_"):
            what = metric[len(method) + 1 :]
            said = messages.COMPARED.get(what, what).format(first=messages.words(compared[0]))
            return f"{messages.words(method)}: {said}"
    return messages.COMPARED_BEFORE


@dataclass(frozen=True)
class ScoredScans:
    """Every scan of a scoring of segmentations, a row for each of its labels."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def scored_scans(record: RunRecord) -> ScoredScans | None:
    """Those of the newest scoring of whole scans; None where there is none."""
    document = next((one for one in reversed(record.evaluations) if task_of(one) == SEGMENTATION), None)
    if document is None:
        return None
    group, names = str(document.get("group", "")), document.get("names", {})
    rows = []
    for case in document.get("cases", ()):
        whose = (str(names.get(case["scan"], case["scan"])), *((str(case["group"]),) if group else ()))
        for label in document.get("labels", ()):
            figures = (case.get(f"{metric}_{label}") for metric in CASE_METRICS)
            rows.append((*whose, label, *("–" if one is None else f"{one:.3f}" for one in figures)))
    heads = ("scan", *((group,) if group else ()), "label", *map(named, CASE_METRICS))
    return ScoredScans(tuple(head[:1].upper() + head[1:] for head in heads), tuple(rows))


def published(record: RunRecord) -> list[str]:
    """What was published for the run's recipe, a sentence each, to stand beside its own figures."""
    found = {what: figure for document in record.evaluations for what, figure in document.get("published", {}).items()}
    return [f"Published: {what}: {figure}." for what, figure in found.items()]


def _figures(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every figure with its name; of groups of scans, as domains, the means over labels."""
    compared = document.get("methods", ())
    for metric, one in document.get("summary", {}).items():
        yield (of_adapter(metric, compared) if task_of(document) == ADAPT else named(metric)), one
    for group, figures in document.get("groups", {}).items():
        for metric, one in figures.items():
            if metric.endswith("_mean"):
                yield f"{named(metric)}, {document.get('group', '')} {group}".strip(), one


def _how(document: Mapping[str, Any]) -> str:
    if task_of(document) == ONE_SHOT:
        return f"protocol {document.get('protocol', '')}, label set {document.get('label_set', 'truth')}"
    draws = document.get("draws", ())
    budgets = sorted({draw["budget"] for draw in draws})
    labelled = "/".join(str(budget or messages.ALL_SUBJECTS) for budget in budgets)
    parts = []
    if document.get("target"):
        parts += [f"target {document['target']}", f"{document.get('encoder', 'trained')} encoder"]
    elif document.get("label_set"):
        parts.append(f"label set {document['label_set']}")
    if document.get("shift", "none") != "none":
        parts.append(f"simulated {document['shift']}, strength {document['strength']:g}")
    orders = len({case["order"] for case in document.get("cases", ()) if "order" in case})
    if orders > 1:
        parts.append(messages.count(orders, "order"))
    if isinstance(document.get("chance"), int | float):
        parts.append(f"chance {document['chance']:.3f}")
    if document.get("encoder", "trained") == "trained" and "step" in document:
        parts.append(f"step {document['step']}")
    if draws:
        repeats = len({draw["repeat"] for draw in draws})
        parts.append(f"{labelled} labelled subjects × {messages.count(repeats, 'draw')}")
    return ", ".join(parts)


def _detail(document: Mapping[str, Any]) -> str:
    tested = document.get("tested", {})
    sentences = [str(document.get("split", "")), str(document.get("intervals", ""))]
    sentences += [f"Published: {what}: {figure}." for what, figure in document.get("published", {}).items()]
    sentences += [
        messages.COMPARED_LOST.format(method=messages.words(method), cases=messages.count(count, "case"))
        for method, count in document.get("lost", {}).items()
    ]
    if tested:
        images = messages.count(tested["images"], "image")
        sentences.append(f"Tested on {images} of {messages.count(tested['subjects'], 'subject')}.")
    return "\n".join(filter(None, sentences))
