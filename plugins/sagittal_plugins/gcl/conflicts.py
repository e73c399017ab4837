"""Where meta labels conflict, gathered over steps: for series, and for squares of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from sagittal_plugins.gcl.mitigator import Mitigation

Array = np.ndarray[Any, Any]

MOST_SERIES = 5
"""Labels up to which each pair has series of its own: ten pairs, as many as a chart can tell apart."""


class Tally:
    """Sums over steps of one branch; a step in which a gradient was zero counts for the other pairs only."""

    def __init__(self, labels: int) -> None:
        shape = labels, labels
        self._before, self._after, self._conflicts, self._changed = (np.zeros(shape) for _ in range(4))
        self._count, self._after_count = np.zeros(shape), np.zeros(shape)

    def add(self, found: Mitigation) -> None:
        self._count += np.isfinite(found.before)
        self._after_count += np.isfinite(found.after)
        self._before += np.nan_to_num(found.before)
        self._after += np.nan_to_num(found.after)
        self._conflicts += np.nan_to_num(found.before) < 0
        self._changed += found.changed

    @property
    def before(self) -> Array:
        """(M, M): mean cosine of the gradients as they came; NaN where a pair was never seen."""
        return _shares(self._before, self._count)

    @property
    def after(self) -> Array:
        """(M, M): mean cosine of the changed gradient of the row with the unchanged one of the column."""
        return _shares(self._after, self._after_count)

    @property
    def conflicts(self) -> Array:
        """(M, M): share of steps in which the gradients pointed apart."""
        return _shares(self._conflicts, self._count)

    @property
    def changed(self) -> Array:
        """(M, M): share of steps in which the column's gradient was injected into the row's."""
        return _shares(self._changed, self._count)


def _shares(sums: Array, counts: Array) -> Array:
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


class Conflicts:
    """Two tallies per branch, as series are told more often than squares are drawn."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = list(labels)
        self._numbers: dict[str, Tally] = {}
        self._squares: dict[str, Tally] = {}

    def add(self, branch: str, found: Mitigation) -> None:
        for tallies in (self._numbers, self._squares):
            tallies.setdefault(branch, Tally(len(self._labels))).add(found)

    def numbers(self) -> dict[str, float]:
        """Since the last call, by branch: mean cosine and conflict share, over all pairs and of each pair of few."""
        found: dict[str, float] = {}
        for branch, tally in self._numbers.items():
            cosines, shares = tally.before, tally.conflicts
            found |= _mean(f"{branch}_agreement", cosines) | _mean(f"{branch}_agreement_after", tally.after)
            found |= _mean(f"{branch}_mitigated", tally.changed)
            for i, j in combinations(range(len(self._labels)), 2):
                if len(self._labels) <= MOST_SERIES and np.isfinite(cosines[i, j]):
                    pair = f"{self._labels[i]}_and_{self._labels[j]}"
                    found[f"{branch}_cosine_{pair}"] = float(cosines[i, j])
                    found[f"{branch}_conflict_{pair}"] = float(shares[i, j])
        self._numbers = {}
        return found

    def squares(self) -> dict[str, Mapping[str, Any]]:
        """Since the last call: what the `Matrix` panels show, by source."""
        tallies, self._squares = self._squares, {}
        if not tallies:
            return {}
        shares = {branch: tally.conflicts.tolist() for branch, tally in tallies.items()}
        cosines = {
            f"{branch}_cosines": {
                "values": {"before": tally.before.tolist(), "after": tally.after.tolist()},
                "labels": self._labels,
            }
            for branch, tally in tallies.items()
        }
        return {**cosines, "conflicts": {"values": shares, "labels": self._labels}}


def _mean(name: str, values: Array) -> dict[str, float]:
    known = values[np.isfinite(values)]
    return {name: float(known.mean())} if known.size else {}
