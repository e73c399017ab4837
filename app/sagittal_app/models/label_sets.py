"""Which label sets of a study are predictions, and what to call them. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sagittal.facts import ScanFacts
from sagittal_app import review_words as words
from sagittal_app.canvas.words import PREDICTED_SET

NAMED = 2
"""Support scans that a title names."""


def predicted_sets(scans: Sequence[ScanFacts]) -> dict[str, Mapping[str, Any]]:
    """Names of all predicted label sets with how they came about, in the order of the study."""
    found: dict[str, Mapping[str, Any]] = {}
    for scan in scans:
        for one in scan.label_sets:
            if one.origin.get("kind") == "predicted":
                found.setdefault(one.name, one.origin)
    return found


def set_titles(scans: Sequence[ScanFacts]) -> dict[str, str]:
    """Predicted sets with their titles; what several supports agree on comes before what each says alone.

    A set that the program named is told by what it came from; one that a user named, by its name.
    """
    names = {scan.scan: scan.name for scan in scans}
    sets = predicted_sets(scans)
    order = sorted(sets, key=lambda name: -len(supports_of(sets[name])))
    return {name: _title(name, sets[name], names) for name in order}


def supports_of(origin: Mapping[str, Any]) -> list[str]:
    """Ids of the support scans of a predicted set, each once."""
    found = dict.fromkeys(str(row["support"]) for row in origin.get("examples", ()))
    return list(found) or ([str(origin["support"])] if "support" in origin else [])


def _title(name: str, origin: Mapping[str, Any], names: Mapping[str, str]) -> str:
    run, supports = str(origin.get("run", "")), supports_of(origin)
    if not run or f"-{run}" not in name:
        return name
    known = [names.get(scan, scan) for scan in supports]
    if not known:
        title = words.SET_BY_ITSELF.format(run=run)
    elif len(known) == 1:
        title = PREDICTED_SET.format(run=run, support=known[0])
    else:
        shown = ", ".join(known[:NAMED]) + ("…" if len(known) > NAMED else "")
        agreed = words.SET_AGREED.format(count=len(known), names=shown)
        title = words.SET_OF_SUPPORTS.format(run=run, supports=agreed)
    again = int(origin.get("again", 1))
    return words.SET_AGAIN.format(title=title, number=again) if again > 1 else title
