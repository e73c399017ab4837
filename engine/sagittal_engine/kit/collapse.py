"""Collapse alarms: cheap numbers that tell a representation that has stopped distinguishing images."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

ROWS = 256
"""Projections looked at: enough to see a collapse, few enough to cost a few milliseconds."""
FIRST_STEP = 100
"""An untrained network gives nearly equal projections, so nothing is said before."""
LEAST_DEVIATION = 0.1
LEAST_RANK_SHARE = 0.03

COMPLETE = (
    "The projections of different images have become nearly equal (feature deviation {deviation:.2f}; 1 is even): the "
    "representation is collapsing, and k-NN on it means little. Lower 'learning_rate', raise 'batch_size', or change "
    "the temperature or the weight of the term that drives images apart."
)
DIMENSIONAL = (
    "The projections vary along only {rank:.1f} of {most} directions (effective rank): most of the representation's "
    "dimensions have collapsed. Lower 'learning_rate' or the temperature, use stronger views, or a narrower 'out_dim'."
)


def effective_rank(rows: Tensor) -> float:
    """exp of the entropy of the centred rows' singular values, made to sum to one (Roy and Vetterli 2007).

    1 where all rows lie on a line, min(N − 1, D) where every direction varies alike; 1 too where all rows are equal.
    """
    centred = (rows - rows.mean(0)).double().cpu()
    gram = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    singular = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    total = singular.sum()
    if not total > 0:
        return 1.0
    shares = singular / total
    return math.exp(float(-torch.special.xlogy(shares, shares).sum()))


def feature_deviation(rows: Tensor) -> float:
    """√D times the mean over dimensions of the deviation of unit rows: 1 on an even sphere, 0 where all are equal."""
    unit = F.normalize(rows.double(), dim=1)
    return float(unit.std(0, correction=0).mean()) * math.sqrt(rows.shape[1])


class CollapseAlarm:
    """Looks at projections now and then, and says once of each kind of collapse what it means."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._before: set[str] = set()

    def look(self, projections: Tensor, step: int) -> tuple[dict[str, float], str]:
        """The numbers, and a sentence when a collapse is seen twice in a row for the first time, else ""."""
        rows = projections[:ROWS].detach().float()
        if not bool(torch.isfinite(rows).all()):
            return {}, ""
        rank, deviation = effective_rank(rows), feature_deviation(rows)
        most = min(len(rows) - 1, rows.shape[1])
        numbers = {
            "effective_rank": rank,
            "effective_rank_share": rank / most,
            "feature_deviation": deviation,
        }
        seen = set()
        if step >= FIRST_STEP:
            seen |= {"complete"} if deviation < LEAST_DEVIATION else set()
            seen |= {"dimensional"} if rank < max(2.0, LEAST_RANK_SHARE * most) and most >= 8 else set()
        new = (seen & self._before) - self._told
        self._before = seen
        self._told |= new
        if "complete" in new:
            return numbers, COMPLETE.format(deviation=deviation)
        return numbers, DIMENSIONAL.format(rank=rank, most=most) if new else ""
