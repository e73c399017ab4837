"""Which labels of exams occur together, and how much that mixes rare with common ones: pure arithmetic on facts.

Source: Charte, Rivera, del Jesus and Herrera, Addressing imbalance in multilabel classification (Neurocomputing 163,
2015), for the imbalance of a label (IRLbl, Eq. 1); the same, Concurrence among imbalanced labels (HAIS 2014), for
SCUMBLE.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

YES, NO = frozenset({"1", "yes", "true"}), frozenset({"0", "no", "false"})


@dataclass(frozen=True)
class Concurrence:
    """Labels of exams against each other."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """(L, L): exams that have both labels; on the diagonal those that have the one."""
    told: tuple[tuple[int, ...], ...]
    """(L, L): exams that have the row's label and of which the column's is known."""
    known: tuple[int, ...]
    """Exams of which each label is known."""
    exams: int
    """Exams of which any label is known."""
    imbalance: tuple[float, ...]
    """IRLbl of each label: exams with the most frequent label by exams with this one; infinite where there is none."""
    scumble: Mapping[str, float]
    """Exam → 1 − geometric mean / arithmetic mean of IRLbl over the labels it has, in 0…1: 0 where it has fewer than
    two, or equally rare ones."""

    @property
    def mean_scumble(self) -> float:
        """SCUMBLE of them all; from about 0.1 on, drawing rare labels more often draws common ones along. NaN for no
        exam."""
        return sum(self.scumble.values()) / len(self.scumble) if self.scumble else math.nan

    def given(self, one: int, other: int) -> float:
        """The share of the exams with label `one` that have label `other`, of those where both are known; NaN for none.

        Not symmetric: most torn menisci are abnormal knees, few abnormal knees have a torn meniscus.
        """
        told = self.told[one][other]
        return self.counts[one][other] / told if told else math.nan


def yes_or_no(value: str) -> bool | None:
    """What a meta label says: "1", "yes", "true" or "0", "no", "false" in any case; None for anything else."""
    said = value.strip().lower()
    return True if said in YES else False if said in NO else None


def concurrence(truths: Mapping[str, Mapping[str, bool]], labels: Sequence[str] = ()) -> Concurrence:
    """Counts which labels occur together. `truths`: exam → label → whether it has it; what is unknown is left out.

    `labels` empty takes all there are, in the order they are met.
    """
    names = tuple(labels) or tuple(dict.fromkeys(name for row in truths.values() for name in row))
    rows = {exam: row for exam, row in truths.items() if any(name in row for name in names)}
    having = [{exam for exam, row in rows.items() if row.get(name)} for name in names]
    told = [{exam for exam, row in rows.items() if name in row} for name in names]
    most = max((len(one) for one in having), default=0)
    imbalance = tuple(most / len(one) if one else math.inf for one in having)
    of = dict(zip(names, imbalance, strict=True))
    return Concurrence(
        labels=names,
        counts=_pairs(having, having),
        told=_pairs(having, told),
        known=tuple(map(len, told)),
        exams=len(rows),
        imbalance=imbalance,
        scumble={exam: scumble(of[name] for name in names if row.get(name)) for exam, row in rows.items()},
    )


def scumble(imbalance: Iterable[float]) -> float:
    """1 − (Π IRLbl)^(1/n) / mean IRLbl over the n labels that one exam has, each finite and at least 1; 0 for n < 2."""
    values = list(imbalance)
    if len(values) < 2:
        return 0.0
    return max(0.0, 1.0 - math.exp(sum(map(math.log, values)) / len(values)) / (sum(values) / len(values)))


def _pairs(rows: Sequence[set[str]], columns: Sequence[set[str]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(len(row & column) for column in columns) for row in rows)
