"""The cases of one label set in the order in which to look at them, with what speaks for a look. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from sagittal.facts import LabelFigures, LabelSetFacts, ScanFacts
from sagittal.review import Case, Doubt, doubts, need, queue, volume_ml
from sagittal_app import review_words as words


@dataclass(frozen=True)
class Source:
    """One support scan that a prediction comes from."""

    support: str
    """Id of the scan."""
    label_set: str
    slices: tuple[int, ...]
    agreement: float | None
    """Dice of its own prediction with the one kept; None where it was asked alone."""


class CaseQueue:
    """Cases that are not reviewed come first, the neediest before the others.

    Making one of a large cohort takes a second, and belongs into the background; asking it takes none.
    """

    def __init__(self, cases: Sequence[Case] = (), by: str = "") -> None:
        """`by` is a kind of figure (a key of `sagittal.review.HALVES`) that alone counts; empty for all."""
        self.by = by
        self._doubts = doubts(cases)
        self.cases = queue(cases, by, self._doubts)
        self._by_scan = {case[0].scan: case for case in cases}
        self._sentences = {case[0].scan: self._said_of(case) for case in cases}

    @property
    def scans(self) -> list[str]:
        return [scan.scan for scan, _ in self.cases]

    def find(self, scan: str) -> Case | None:
        return self._by_scan.get(scan)

    def doubts(self, scan: str) -> list[Doubt]:
        """What speaks for looking at the case, the strongest first."""
        rows = self._doubts.get(scan, [])
        return [row for row in rows if row.kind in (self.by, "nothing")] if self.by else rows

    def need(self, scan: str) -> float:
        """In 0…1, one half from where the case is called out."""
        return need(self.doubts(scan))

    def next_to_review(self, after: str) -> str | None:
        """The scan to look at once `after` is judged: the neediest one that nobody has reviewed."""
        rest = (scan.scan for scan, one in self.cases if one.review == "unreviewed" and scan.scan != after)
        return next(rest, None)

    def neighbour(self, scan: str, by: int) -> str | None:
        """The scan `by` places further down the list; None at its ends."""
        ids = self.scans
        at = ids.index(scan) + by if scan in ids else 0
        return ids[at] if 0 <= at < len(ids) else None

    def tally(self) -> str:
        """ "3 of 14 reviewed"."""
        done = sum(one.review != "unreviewed" for _, one in self.cases)
        return words.TALLY.format(done=done, total=len(self.cases)) if self.cases else ""

    def sentences(self, scan: str) -> list[str]:
        """What is called out of a case, in words, a line per kind: "Supports disagree: liver 0.61, spleen 0.48"."""
        return self._sentences.get(scan, [])

    def _said_of(self, case: Case) -> list[str]:
        called: dict[str, list[str]] = {}
        for row in takewhile(lambda row: row.notable, self.doubts(case[0].scan)):  # the strongest come first
            called.setdefault(row.kind, []).append(_amount(case, row))
        return [f"{words.DOUBTS[kind]}: {', '.join(parts)}" for kind, parts in called.items()]


def say(case: Case, doubt: Doubt) -> str:
    """One doubt in words: "Supports disagree: liver 0.61"."""
    return f"{words.DOUBTS[doubt.kind]}: {_amount(case, doubt)}"


def _amount(case: Case, doubt: Doubt) -> str:
    volume = words.millilitres(volume_of(*case, doubt.label) or 0.0) if doubt.kind == "volume" else ""
    return words.AMOUNTS[doubt.kind].format(label=doubt.label, value=doubt.value, volume=volume)


def volume_of(scan: ScanFacts, one: LabelSetFacts, label: str) -> float | None:
    """Millilitres of a label as last saved, where they are known."""
    voxels = one.figures.get(label, LabelFigures()).voxels
    return None if voxels is None else volume_ml(scan, voxels)


def sources_of(one: LabelSetFacts, label: str) -> list[Source]:
    """Where a prediction of a label comes from."""
    agreement = one.figures.get(label, LabelFigures()).agreement
    return [
        Source(str(row["support"]), str(row["set"]), tuple(row["slices"]), agreement.get(str(row["support"])))
        for row in one.origin.get("examples", ())
        if row["label"] == label
    ]
