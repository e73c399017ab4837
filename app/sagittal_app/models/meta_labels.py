"""What a study's scans can be told apart by: its meta labels, and those that every study has. No Qt."""

from __future__ import annotations

from collections import Counter

from sagittal.facts import StudyFacts
from sagittal.params import OWN_META_LABELS
from sagittal_app import messages

FEW = 6
"""Values of a meta label that its sentence names."""


def meta_labels(facts: StudyFacts | None) -> dict[str, str]:
    """Every attribute a method may be told to use, each with a sentence about its values."""
    scans = facts.scans if facts else ()
    found = dict(OWN_META_LABELS)
    if scans:
        subjects = len({scan.subject for scan in scans})
        found["subject"] += f" {messages.count(subjects, 'subject')} in this study."
    for name in sorted({name for scan in scans for name in scan.meta} - set(found)):
        values = Counter(scan.meta.get(name, "") for scan in scans)
        found[name] = _sentence(values, len(scans))
    return found


def values_of(facts: StudyFacts | None, name: str) -> dict[str, str]:
    """Every value that the study's scans have of one attribute, each with how many scans have it."""
    scans = facts.scans if facts else ()
    counts = Counter(scan.meta.get(name, "") for scan in scans)
    return {value: messages.META_HAVE_IT.format(scans=messages.count(counts[value], "scan"))
            for value in sorted(counts) if value}  # fmt: skip


def _sentence(values: Counter[str], scans: int) -> str:
    """What the study's scans have of one meta label; `values` counts them, "" those that have none."""
    bare = values.pop("", 0)
    named = sorted(values)[:FEW]
    more = messages.MORE_CLASSES.format(count=len(values) - FEW) if len(values) > FEW else ""
    listed = ", ".join(f"{name} ({values[name]})" for name in named)
    parts = [f"{messages.count(len(values), 'value')}: {' '.join(filter(None, [listed, more]))}."]
    if len(values) == 1 and not bare:
        parts.append(messages.META_ALL_SAME)
    elif len(values) == scans:
        parts.append(messages.META_ALL_DIFFERENT)
    if bare:
        parts.append(messages.META_MISSING.format(scans=messages.count(bare, "scan")))
    return " ".join(parts)
