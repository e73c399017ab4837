"""Who gives labels and who is tested: never the same subject, and the labelled ones drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sagittal_engine.kit.images import ImageSet

ATTEMPTS = 200
"""Draws looked through for one that holds two classes."""


@dataclass(frozen=True)
class Draw:
    """One choice of labelled subjects."""

    budget: int
    """Subjects asked for; 0 for all."""
    repeat: int
    subjects: tuple[str, ...]
    rows: tuple[int, ...]
    """Indices of their images in the pool."""


def check_apart(pool: ImageSet, test: ImageSet) -> None:
    """Raises ValueError where a subject or scan is on both sides."""
    both = sorted((set(pool.subjects) & set(test.subjects)) | (set(pool.scans) & set(test.scans)))
    if both:
        raise ValueError(f"{', '.join(both[:3])} would be tested and give labels: a subject may be on one side only.")


def draws(pool: ImageSet, budgets: tuple[int, ...], repeats: int, seed: int, *, target: str | None) -> list[Draw]:
    """`repeats` draws of labelled subjects at each budget; a function of the pool's subjects and the seed alone.

    With a `target`, each draw holds at least two of its classes. A budget of 0 takes everybody, as does one that is
    no less than there are, in one draw.

    Raises ValueError where the pool has fewer subjects than a budget, or no draw holds two classes.
    """
    subjects = sorted(set(pool.subjects))
    made = []
    for budget in budgets:
        if budget > len(subjects):
            raise ValueError(
                f"a budget of {budget} labelled subjects needs as many that are not tested; there are {len(subjects)}. "
                "Lower 'budget'."
            )
        everybody = budget in (0, len(subjects))
        for repeat in range(1 if everybody else repeats):
            generator = np.random.default_rng([seed, budget, repeat])
            made.append(_draw(pool, subjects, budget, repeat, generator, everybody, target))
    return made


def _draw(
    pool: ImageSet,
    subjects: list[str],
    budget: int,
    repeat: int,
    generator: np.random.Generator,
    everybody: bool,
    target: str | None,
) -> Draw:
    for _ in range(1 if everybody else ATTEMPTS):
        places = range(len(subjects)) if everybody else generator.choice(len(subjects), budget, replace=False).tolist()
        chosen = {subjects[place] for place in places}
        rows = tuple(row for row, subject in enumerate(pool.subjects) if subject in chosen)
        if target is None or len({pool.targets[target][row] for row in rows}) > 1:
            return Draw(budget, repeat, tuple(sorted(chosen)), rows)
    raise ValueError(
        f"the labelled subjects are all of one class of '{target}', and telling classes apart takes two. Choose "
        "another target or a larger budget."
    )
