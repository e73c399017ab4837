"""Figures beside a case: Dice against the truth, and what an evaluation found. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagittal.engine_port import StudyPort
from sagittal.facts import Label
from sagittal_app.canvas import words


def dice_per_label(
    found: NDArray[np.uint16], found_labels: Sequence[Label], truth: NDArray[np.uint16], truth_labels: Sequence[Label]
) -> dict[str, float]:
    """Dice of each label both sets name: 2 |A∩B| / (|A| + |B|); labels that are empty in both are left out.

    Labels are matched by name, since two sets may number them differently.
    """
    numbers = {row.name: row.number for row in truth_labels}
    figures: dict[str, float] = {}
    for row in found_labels:
        if row.name in numbers:
            ours, theirs = found == row.number, truth == numbers[row.name]
            size = int(np.count_nonzero(ours)) + int(np.count_nonzero(theirs))
            if size:
                figures[row.name] = 2.0 * int(np.count_nonzero(ours & theirs)) / size
    return figures


def dice_of_case(port: StudyPort, scan: str, label_set: str, truth: str) -> dict[str, float]:
    """Dice of a stored prediction against a stored truth. Slow: call it in the background."""
    found, right = port.labels(scan, label_set), port.labels(scan, truth)
    return dice_per_label(found.data, found.labels, right.data, right.labels)


def evaluation_rows(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(organ, "0.653 (0.61–0.69, n = 5)") of an evaluation's summary, the mean last."""
    summary = document.get("summary", {})
    rows = []
    for name in sorted(summary, key=lambda name: (name == "dice_mean", name)):
        if name.startswith("dice_"):
            figure = summary[name]
            title = "mean of labels" if name == "dice_mean" else name.removeprefix("dice_").replace("_", " ")
            rows.append((title, words.dice(figure["mean"], figure["low"], figure["high"], figure["n"])))
    return rows
