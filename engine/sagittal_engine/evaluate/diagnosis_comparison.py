"""Two diagnoses of the same exams against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sagittal.diagnosis import Opinion
from sagittal_engine.evaluate.diagnosis import truth_and_probabilities
from sagittal_engine.evaluate.diagnosis_figures import delong, paired_bootstrap


def compared(
    one: Mapping[str, Sequence[Opinion]], other: Mapping[str, Sequence[Opinion]], *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Label → {"delong": …, "bootstrap": …} of `one` less `other`, over the exams that both judged and whose truth is
    known (see `diagnosis_figures`). The mappings are exam → opinions.

    Raises ValueError where they share no label of an exam with known truth.
    """
    found: dict[str, dict[str, Any]] = {}
    for label in dict.fromkeys(opinion.label for own in one.values() for opinion in own):
        first, second = ({row[0]: row[1:] for row in _rows(side, label)} for side in (one, other))
        both = [exam for exam in first if exam in second and first[exam][0] == second[exam][0]]
        if both:
            truth = np.array([first[exam][0] for exam in both])
            told, against = (np.array([side[exam][1] for exam in both]) for side in (first, second))
            found[label] = {
                "delong": delong(truth, told, against),
                "bootstrap": paired_bootstrap(truth, told, against, seed=seed),
            }
    if not found:
        raise ValueError("they share no label of an exam whose truth is known.")
    return found


def _rows(opinions: Mapping[str, Sequence[Opinion]], label: str) -> list[tuple[str, bool, float]]:
    exams, truth, told = truth_and_probabilities(opinions, label)
    return list(zip(exams, truth.tolist(), told.tolist(), strict=True))
