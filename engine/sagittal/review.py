"""How much a predicted case needs a look: pure arithmetic on facts, shared by the window and the command line.

Each figure has a strength s that is brought to a need in 0…1 by s / (s + half), where `half` is the strength from which
the figure is called out. A case needs a look as much as its most needy figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from sagittal.facts import LabelSetFacts, ScanFacts

Case = tuple[ScanFacts, LabelSetFacts]

HALVES = {"nothing": 0.5, "entropy": 3.5, "disagreement": 0.3, "volume": 3.5}
"""Kind of figure → the strength from which it is called out.

Disagreement 0.3 is a Dice of 0.7, from which overlap is called good (Zijdenbos et al., IEEE TMI 1994); 3.5 is the bound
of the modified z-score (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
"""

ABOUT = {
    "nothing": "The share of the set's other cases in which the label was found, where this case has none of it.",
    "entropy": "Entropy of the scores in bits, from 0 (sure) to 1 (undecided): the mean over voxels that belong to the "
    "label with a probability of at least 5 %, then over the slices that may hold it. Its level is the method's; "
    "called out is what stands above the set's other cases by a modified z-score of 3.5, which takes at least five.",
    "disagreement": "One minus the mean Dice between what every two support scans predict on their own; called out "
    "from 0.30 on.",
    "volume": "Modified z-score of the logarithm of the volume among the set's cases that are not rejected: 0.6745 "
    "times the distance to the median, divided by the median distance; called out from 3.5 on. It takes at least five "
    "cases.",
}
"""How each figure is computed."""

FEWEST = 5
"""Cases from which one can be called odd among them."""

VOLUME_SPREAD, ENTROPY_SPREAD = 0.05, 0.02
"""Smallest median distances (5 % of a volume; bits), so that nearly equal values make no outliers."""


class Doubt(NamedTuple):
    """One figure that speaks for looking at a case. (A tuple: a cohort has tens of thousands.)"""

    kind: str
    """A key of `HALVES`."""
    label: str
    value: float
    """As it is shown: a share, bits, one minus Dice, or a z-score."""
    strength: float

    @property
    def need(self) -> float:
        """In 0…1; one half where the figure is called out."""
        return self.strength / (self.strength + HALVES[self.kind])

    @property
    def notable(self) -> bool:
        return self.need >= 0.5


def volume_ml(scan: ScanFacts, voxels: int) -> float:
    """Millilitres of so many voxels."""
    return voxels * math.prod(scan.spacing) / 1000


def standing_out(values: Sequence[float], floor: float) -> list[float]:
    """Modified z-scores 0.6745·(x − median) / MAD, MAD being the median of |x − median|, at least `floor`.

    Zeros where there are fewer than `FEWEST` values.
    """
    if len(values) < FEWEST:
        return [0.0] * len(values)
    middle = median(values)
    spread = max(median(abs(x - middle) for x in values), floor)
    return [0.6745 * (x - middle) / spread for x in values]


def doubts(cases: Sequence[Case]) -> dict[str, list[Doubt]]:
    """Scan → its doubts, the largest need first; `cases` are all of one label set.

    Entropies are compared among all cases; volumes in millilitres, among cases that are not rejected and have some of
    the label.
    """
    found: dict[str, list[Doubt]] = {scan.scan: [] for scan, _ in cases}
    for label in dict.fromkeys(label for _, one in cases for label in one.figures):
        having = [(scan, one, one.figures[label]) for scan, one in cases if label in one.figures]
        for scan, _, figures in having:
            if (apart := figures.disagreement) is not None:
                found[scan.scan].append(Doubt("disagreement", label, apart, apart))
        bits = [(scan.scan, row.entropy) for scan, _, row in having if row.entropy is not None]
        above = standing_out([entropy for _, entropy in bits], ENTROPY_SPREAD)
        for (id, entropy), z in zip(bits, above, strict=True):
            found[id].append(Doubt("entropy", label, entropy, max(z, 0.0)))
        for id, doubt in _of_volumes([(s, one.review, row.voxels) for s, one, row in having], label):
            found[id].append(doubt)
    return {scan: sorted(rows, key=lambda row: -row.need) for scan, rows in found.items()}


def _of_volumes(sizes: Sequence[tuple[ScanFacts, str, int | None]], label: str) -> Iterator[tuple[str, Doubt]]:
    """Doubts about one label's size (scan, review, voxels): none of it where others have some, or an odd amount."""
    some = [(scan.scan, volume_ml(scan, n)) for scan, review, n in sizes if n and review != "rejected"]
    odd = standing_out([math.log(volume) for _, volume in some], VOLUME_SPREAD)
    for (id, _), z in zip(some, odd, strict=True):
        if len(some) >= FEWEST:
            yield id, Doubt("volume", label, z, abs(z))
    known = sum(n is not None for *_, n in sizes)
    for scan, _, n in sizes:
        if n == 0 and known > 1:
            share = len(some) / (known - 1)
            yield scan.scan, Doubt("nothing", label, share, share)


def need(rows: Sequence[Doubt]) -> float:
    """How much a case needs a look, in 0…1: as much as its most needy figure."""
    return max((row.need for row in rows), default=0.0)


def queue(cases: Sequence[Case], by: str = "", found: Mapping[str, Sequence[Doubt]] | None = None) -> list[Case]:
    """Cases in the order in which to look at them: those not reviewed first, then by need, the neediest first.

    `found` are the `doubts` of these cases where they are known already.
    `by` names one kind of figure (a key of `HALVES`) that alone counts; with "volume" also where nothing was found.
    Ties go by the largest entropy, then as given.
    """
    told = doubts(cases) if found is None else found
    kinds = {"": tuple(HALVES), "volume": ("volume", "nothing")}.get(by, (by,))

    def key(case: Case) -> tuple[bool, float, float]:
        scan, one = case
        rows = [row for row in told[scan.scan] if row.kind in kinds]
        unsure = max((row.value for row in rows if row.kind == "entropy"), default=0.0)
        return one.review != "unreviewed", -need(rows), -unsure

    return sorted(cases, key=key)
