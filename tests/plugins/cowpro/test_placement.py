"""Finding an organ along the body without any truth of the query."""

from __future__ import annotations

import numpy as np
import pytest

from sagittal_plugins.cowpro.placement import (
    Place,
    align,
    deployed_plan,
    held_run,
    locate,
    published_plan,
)
from sagittal_plugins.cowpro.volume import Axis


def body(slices: int, shift: float = 0.0, organ_shift: float = 0.0, move: int = 0) -> np.ndarray:
    """Slices of an object that varies along its length, with a bright organ on slices 10 to 17."""
    y, x = np.mgrid[:128, :128]
    stack = []
    for z in range(slices):
        at = z + shift
        width, height = 38 + 8 * np.sin(at / 5), 30 + 6 * np.cos(at / 7)
        plane = (((x - 64) / width) ** 2 + ((y - 64) / height) ** 2 < 1) * (1 + 0.2 * np.sin(at / 3))
        if 10 <= at + organ_shift <= 17:
            radius = 9 - abs(at + organ_shift - 13.5)
            plane = plane + 1.5 * (((x - 44 - move) ** 2 + (y - 60) ** 2) < radius**2)
        stack.append(plane)
    return np.array(stack, np.float32)


def test_scans_that_are_shifted_are_aligned() -> None:
    scale, offset = align(body(26, 4.0), body(30))
    assert scale == pytest.approx(1, abs=0.06)
    assert scale * 13 + offset == pytest.approx(17, abs=1)


def test_short_scans_are_laid_end_to_end() -> None:
    assert align(np.zeros((1, 128, 128)), np.zeros((1, 128, 128))) == (0.0, 0.0)
    scale, offset = align(np.zeros((2, 128, 128)), np.zeros((11, 128, 128)))
    assert (scale * 0 + offset, scale * 1 + offset) == (0, 10)


def test_an_organ_is_found_although_it_lies_elsewhere_than_its_body() -> None:
    support, query = body(30), body(30, organ_shift=-3, move=16)
    outline = np.zeros((32, 32), bool)
    outline[13:18, 9:14] = True
    place = locate(query, support, outline, 10.0, 17.0)
    assert (place.first, place.last) == (pytest.approx(13, abs=1), pytest.approx(20, abs=1))
    rows, columns = np.nonzero(place.near[16])
    # The organ moved by 16 pixels, which are 4 cells, to the right.
    assert columns.mean() == pytest.approx(11 + 4, abs=1.5) and rows.mean() == pytest.approx(15, abs=1.5)


def test_the_published_plan_is_that_of_the_chunks() -> None:
    plan = published_plan(Axis(0, 1, 12, 12), 3, 9, 3)
    assert plan.tolist() == [-1, -1, -1, 0, 0, 1, 1, 2, 2, 2, -1, -1]


def test_the_published_plan_covers_what_the_range_is_interpolated_from() -> None:
    # Cells at voxels 0.5, 3.5, 6.5, …: slices 4 to 7 take from cells 1, 2 and 3.
    plan = published_plan(Axis(0.5, 3, 6, 18), 4, 7, 3)
    assert plan.tolist() == [-1, 0, 2, 2, -1, -1]


def test_the_deployed_plan_keeps_to_the_scan() -> None:
    near = np.ones((6, 32, 32), bool)
    assert deployed_plan(Place(-1.2, 3.4, near), 6, 3).tolist() == [0, 1, 2, 2, -1, -1]
    assert deployed_plan(Place(7.0, 9.0, near), 6, 3).tolist() == [-1] * 6


def test_the_held_run_is_the_one_of_greatest_sum() -> None:
    evidence = np.array([np.nan, 0.9, 0.1, 0.8, 0.0, 0.0, 0.4, np.nan])
    assert held_run(evidence, 0.3) == (1, 3)
    assert held_run(evidence, 0.95) is None
    assert held_run(np.array([0.5]), 0.2) == (0, 0)
