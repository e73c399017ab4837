"""Names and probabilities in one line of the list of exams."""

from __future__ import annotations

import pytest

from sagittal_app.pages.diagnosis_exams import fitted


@pytest.mark.parametrize(
    ("widths", "room", "made"),
    [
        ([40, 10, 30], 80, [40, 10, 30]),
        ([40, 10, 30], 60, [25, 10, 25]),
        ([10, 10], 8, [4, 4]),
        ([10, 10], -5, [0, 0]),
        ([], 20, []),
    ],
)
def test_only_the_longest_names_give_way(widths, room, made):
    assert fitted(widths, room) == made
