"""Draws of labelled subjects, and what several draws came to. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sagittal_engine.evaluate.statistics import bootstrap_table


@dataclass(frozen=True)
class LabelledDraw:
    """One choice of labelled subjects."""

    budget: int
    """Subjects asked for; 0 for all."""
    repeat: int
    subjects: tuple[str, ...]


def draw_subjects(
    pool: Iterable[str], budgets: Sequence[int], repeats: int, seed: int, *, tested: Iterable[str]
) -> list[LabelledDraw]:
    """`repeats` draws of labelled subjects at each budget: a function of the pool's subjects and the seed alone.

    A budget of 0 takes everybody, as does one that is no less than there are, in one draw. Raises ValueError where a
    subject of the pool is tested, or the pool has fewer subjects than a budget.
    """
    subjects = sorted(set(pool))
    both = sorted(set(subjects) & set(tested))
    if both:
        raise ValueError(f"{', '.join(both[:3])} would be tested and give labels: a subject may be on one side only.")
    made = []
    for budget in budgets:
        if budget > len(subjects) or not subjects:
            raise ValueError(
                f"a budget of {budget} labelled subjects needs as many with labels that are not tested; there are "
                f"{len(subjects)}. Lower the budget, or test on fewer scans."
            )
        everybody = budget in (0, len(subjects))
        for repeat in range(1 if everybody else repeats):
            generator = np.random.default_rng([seed, budget, repeat])
            places = range(len(subjects)) if everybody else generator.choice(len(subjects), budget, replace=False)
            made.append(LabelledDraw(budget, repeat, tuple(sorted(subjects[place] for place in places))))
    return made


def figures_of_draws(
    draws: Sequence[Sequence[Mapping[str, Any]]], *, resamples: int, seed: int
) -> dict[str, dict[str, float | int]]:
    """Every metric of the cases of some draws: {"mean", "low", "high", "n"} (see `statistics.bootstrap_table`).

    A case has "scan", "subject" and metrics. A subject's value under a draw is the mean over its scans; metrics that no
    case has are left out.
    """
    subjects = sorted({case["subject"] for cases in draws for case in cases})
    metrics = dict.fromkeys(name for cases in draws for case in cases for name in case if name not in CASE)
    found = {}
    for metric in metrics:
        table = np.array([[_mean_of(cases, subject, metric) for subject in subjects] for cases in draws])
        if np.isfinite(table).any():
            found[metric] = bootstrap_table(table, resamples=resamples, seed=seed)
    return found


CASE = ("scan", "subject")
"""What is no metric of a case."""


def _mean_of(cases: Sequence[Mapping[str, Any]], subject: str, metric: str) -> float:
    values = [case[metric] for case in cases if case["subject"] == subject and case.get(metric) is not None]
    return float(np.mean(values)) if values else float("nan")
