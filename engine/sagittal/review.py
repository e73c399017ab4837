"""How much a predicted case needs a look: pure arithmetic on facts, shared by the window and the command line.

Each figure v is brought to a need in 0…1 by v / (v + half), where `half` is the value from which the figure is called
out. A case needs a look as much as its most needy figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sagittal.facts import LabelSetFacts, ScanFacts

Case = tuple[ScanFacts, LabelSetFacts]

HALVES = {"nothing": 0.5, "entropy": 0.5, "disagreement": 0.3, "volume": 3.5}
"""Kind of figure → the value from which it is called out.

Disagreement 0.3 is a Dice of 0.7, from which overlap is called good (Zijdenbos et al., IEEE TMI 1994); 3.5 is the bound
of the modified z-score (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
"""

ABOUT = {
    "nothing": "The share of the set's other cases in which the label was found, where this case has none of it.",
    "entropy": "Entropy of the scores in bits, from 0 (sure) to 1 (undecided): the mean over voxels that belong to the "
    "label with a probability of at least 5 %, then over the slices that may hold it.",
    "disagreement": "One minus the mean Dice between what every two support scans predict on their own.",
    "volume": "Modified z-score of the logarithm of the volume among the set's cases that are not rejected: 0.6745 "
    "times the distance to the median, divided by the median distance. It takes at least five cases.",
}
"""How each figure is computed."""

FEWEST = 5
"""Cases from which volumes can be called odd."""

SPREAD_FLOOR = 0.05
"""Smallest median distance of log volumes (5 %), so that nearly equal volumes make no outliers."""


@dataclass(frozen=True)
class Doubt:
    """One figure that speaks for looking at a case."""

    kind: str
    """A key of `HALVES`."""
    label: str
    value: float

    @property
    def need(self) -> float:
        """In 0…1; one half where the figure is called out."""
        return self.value / (self.value + HALVES[self.kind])

    @property
    def notable(self) -> bool:
        return self.need >= 0.5


def volume_ml(scan: ScanFacts, voxels: int) -> float:
    """Millilitres of so many voxels."""
    return voxels * math.prod(scan.spacing) / 1000


def odd_volumes(voxels: Sequence[float]) -> list[float]:
    """Modified z-scores of the logarithms of positive sizes, without sign; empty where there are fewer than `FEWEST`.

    z = 0.6745·|x − median| / MAD, MAD the median of |x − median|, at least `SPREAD_FLOOR`.
    """
    if len(voxels) < FEWEST:
        return []
    logs = [math.log(size) for size in voxels]
    middle = median(logs)
    spread = max(median(abs(x - middle) for x in logs), SPREAD_FLOOR)
    return [0.6745 * abs(x - middle) / spread for x in logs]


def doubts(cases: Sequence[Case]) -> dict[str, list[Doubt]]:
    """Scan → its doubts, the largest need first; `cases` are all of one label set.

    Volumes are compared in millilitres, among cases that are not rejected and have some of the label.
    """
    found: dict[str, list[Doubt]] = {scan.scan: [] for scan, _ in cases}
    for scan, one in cases:
        for label, figures in one.figures.items():
            if figures.entropy is not None:
                found[scan.scan].append(Doubt("entropy", label, figures.entropy))
            if figures.disagreement is not None:
                found[scan.scan].append(Doubt("disagreement", label, figures.disagreement))
    for label in dict.fromkeys(label for _, one in cases for label in one.figures):
        for doubt, scan in _of_volumes(cases, label):
            found[scan].append(doubt)
    return {scan: sorted(rows, key=lambda row: -row.need) for scan, rows in found.items()}


def _of_volumes(cases: Sequence[Case], label: str) -> list[tuple[Doubt, str]]:
    """Doubts about one label's size: none of it where others have some, or an odd amount."""
    sizes = [
        (scan, volume_ml(scan, voxels), one.review)
        for scan, one in cases
        if label in one.figures and (voxels := one.figures[label].voxels) is not None
    ]
    having = [(scan.scan, volume) for scan, volume, review in sizes if volume > 0 and review != "rejected"]
    rows = [
        (Doubt("volume", label, z), scan)
        for (scan, _), z in zip(having, odd_volumes([volume for _, volume in having]), strict=False)
    ]
    for scan, volume, _ in sizes:
        if not volume and len(sizes) > 1:
            rows.append((Doubt("nothing", label, len(having) / (len(sizes) - 1)), scan.scan))
    return rows


def need(rows: Sequence[Doubt]) -> float:
    """How much a case needs a look, in 0…1: as much as its most needy figure."""
    return max((row.need for row in rows), default=0.0)


def queue(cases: Sequence[Case], by: str = "") -> list[Case]:
    """Cases in the order in which to look at them: those not reviewed first, then by need, the neediest first.

    `by` names one kind of figure (a key of `HALVES`) that alone counts; ties keep the order given.
    """
    found = doubts(cases)

    def key(case: Case) -> tuple[bool, float]:
        scan, one = case
        rows = [row for row in found[scan.scan] if not by or row.kind == by or (by, row.kind) == ("volume", "nothing")]
        return one.review != "unreviewed", -need(rows)

    return sorted(cases, key=key)
