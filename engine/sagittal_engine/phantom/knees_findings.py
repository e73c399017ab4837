"""What is wrong with a synthetic knee: how often, together with what, and how much of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

GOLDEN = (math.sqrt(5) - 1) / 2

SHARES = {"nothing": 0.20, "other": 0.34, "meniscus": 0.22, "acl": 0.12, "both": 0.12}
"""Share of exams with each finding, about as in MRNet's training exams (81 % abnormal, 18 % with a torn anterior
cruciate ligament, 35 % with a torn meniscus, 11 % with both); torn ligaments a little more often, so that small cohorts
have some."""


@dataclass(frozen=True)
class Findings:
    """Of one knee."""

    acl: bool
    """The anterior cruciate ligament is torn."""
    meniscus: bool
    """A meniscus is torn."""
    effusion: float
    """Fluid in the joint: below 0.15 as every knee has some, 1 is a tense joint."""
    bruise: bool
    """The bone under the cartilage is bruised."""

    @property
    def labels(self) -> dict[str, str]:
        """The exam's attributes, 0 or 1, named as MRNet names them."""
        abnormal = self.acl or self.meniscus or self.bruise or self.effusion >= EFFUSION
        return {
            name: str(int(value))
            for name, value in (("abnormal", abnormal), ("acl", self.acl), ("meniscus", self.meniscus))
        }


EFFUSION = 0.3
"""From here on fluid is a finding."""


def findings_of(number: int, seed: int) -> Findings:
    """The findings of exam `number` of a cohort.

    Which one it is runs through the shares in steps of the golden ratio, so that any run of exams has about the right
    share of each; the rest is drawn.
    """
    rng = np.random.default_rng([seed, number, 3])
    place = (number * GOLDEN + np.random.default_rng([seed, 3]).random()) % 1
    ends = np.cumsum(list(SHARES.values()))
    kind = list(SHARES)[min(int(np.searchsorted(ends, place, side="right")), len(SHARES) - 1)]
    acl, meniscus = kind in ("acl", "both"), kind in ("meniscus", "both")
    if acl:
        return Findings(True, meniscus, rng.uniform(0.5, 1.0), bool(rng.random() < 0.7))
    if meniscus:
        return Findings(False, True, rng.uniform(0.05, 0.6), bool(rng.random() < 0.15))
    if kind == "other":
        bruise = bool(rng.random() < 0.5)
        return Findings(False, False, rng.uniform(0.1, 0.5) if bruise else rng.uniform(0.4, 1.0), bruise)
    return Findings(False, False, rng.uniform(0.0, 0.15), False)
