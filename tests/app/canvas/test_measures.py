"""What rulers, angles and regions measure, against the textbook; and how their undo goes with that of labels."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import SHAPE, SPACING, document, loan

from sagittal_app.canvas import measures
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.measures import Kind, Measure
from sagittal_app.canvas.state import CanvasState

RULER = Measure(Kind.RULER, Plane.AXIAL, 6, ((1, 2, 6), (4, 6, 6)))


def affine(oblique: float = 0.0) -> np.ndarray:
    return loan(oblique).affine


@pytest.mark.parametrize("oblique", [0.0, 0.7])
def test_a_ruler_measures_millimetres_whatever_the_voxels_proportions(oblique: float) -> None:
    assert measures.length(RULER, affine(oblique)) == pytest.approx(10.0)
    through = Measure(Kind.RULER, Plane.CORONAL, 2, ((1, 2, 6), (5, 2, 5)))
    assert measures.length(through, affine(oblique)) == pytest.approx(10.0)
    assert measures.words(RULER, loan(oblique)) == ("10.0 mm",)


def test_an_angle_is_that_of_the_patient_not_of_the_voxels() -> None:
    square = Measure(Kind.ANGLE, Plane.AXIAL, 6, ((9, 2, 6), (2, 2, 6), (2, 9, 6)))
    assert measures.angle(square, affine()) == pytest.approx(90.0)
    steep = Measure(Kind.ANGLE, Plane.CORONAL, 2, ((9, 2, 1), (0, 2, 1), (3, 2, 2)))
    assert measures.angle(steep, affine()) == pytest.approx(45.0)
    straight = Measure(Kind.ANGLE, Plane.AXIAL, 6, ((0, 0, 6), (1, 1, 6), (2, 2, 6)))
    assert measures.angle(straight, affine()) == pytest.approx(180.0)


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_region_counts_the_voxels_whose_centres_it_holds(plane: Plane, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scan = loan()
    corners = rng.uniform(-3, np.array(SHAPE) + 3, (2, 3))
    through, row, column = measures.AXES[plane]
    corners[:, through] = index = int(rng.integers(SHAPE[through]))
    region = Measure(Kind.REGION, plane, index, tuple(tuple(map(float, corner)) for corner in corners))
    half, middle = np.abs(corners[1] - corners[0]) / 2, corners.mean(axis=0)
    values = [
        float(scan.data[x, y, z])
        for x in range(SHAPE[0])
        for y in range(SHAPE[1])
        for z in range(SHAPE[2])
        if (x, y, z)[through] == index
        and sum((((x, y, z)[axis] - middle[axis]) / half[axis]) ** 2 for axis in (row, column)) <= 1
    ]
    found = measures.statistics(region, scan)
    assert found.n == len(values) > 2
    assert (found.mean, found.sd) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert (found.low, found.high) == (min(values), max(values))
    size = SPACING[row] * SPACING[column]
    assert measures.area(region, affine(0.4)) == pytest.approx(np.pi * half[row] * half[column] * size)


def test_a_region_says_its_figures_in_the_unit_of_the_scan() -> None:
    scan = loan()
    scan = type(scan)(scan.scan, scan.data, scan.affine, scan.spacing, scan.window, "HU")
    region = Measure(Kind.REGION, Plane.AXIAL, 0, ((10.0, 10.0, 0.0), (14.0, 14.0, 0.0)))
    mean, ends, count = measures.words(region, scan)
    assert mean == "mean 1212  sd 108 HU" and ends == "min 1012  max 1412 HU"
    assert count == "n 13  50.3 mm²"
    beyond = Measure(Kind.REGION, Plane.AXIAL, 0, ((-9.0, -9.0, 0.0), (-5.0, -5.0, 0.0)))
    assert measures.words(beyond, scan) == ("50.3 mm²",)
    assert "\tHU" in measures.table([RULER, region], scan) and "10.000" in measures.table([RULER], scan)


def test_large_intensities_are_told_without_powers_of_ten() -> None:
    scan = loan(dtype=np.float64)
    mean, ends, _ = measures.words(Measure(Kind.REGION, Plane.AXIAL, 6, ((9, 9, 6), (13, 13, 6))), scan)
    assert mean.startswith("mean 61111  sd ") and ends == "min 60911  max 61311"


def test_a_region_is_held_by_its_ends_and_moved_by_its_middle() -> None:
    region = Measure(Kind.REGION, Plane.AXIAL, 6, ((10.0, 20.0, 6.0), (14.0, 12.0, 6.0)))
    handles = region.handles()
    assert len(handles) == 5 and handles[4] == (12.0, 16.0, 6.0)
    for number, handle in enumerate(handles):
        there = (handle[0] + 1.0, handle[1] + 1.0, 6.0)
        moved = region.moved(number, there)
        held = (0, 1, 2) if number == 4 else (1,) if number < 2 else (0,)
        assert all(moved.handles()[number][axis] == there[axis] for axis in held)
    assert region.moved(4, (13.0, 17.0, 6.0)).points == ((11.0, 13.0, 6.0), (15.0, 21.0, 6.0))


def test_undo_takes_measures_and_edits_back_in_the_order_they_were_made() -> None:
    """Seeded random sequences: undo all is the start, redo all the end, and every state between is met again."""
    rng = np.random.default_rng(3)
    for _ in range(30):
        state = CanvasState()
        state.show_scan(loan(), document())
        seen = [snapshot(state)]
        for _step in range(int(rng.integers(1, 12))):
            if rng.random() < 0.5:
                state.document.paint("brush", rng.integers(0, np.prod(SHAPE), 5), int(rng.integers(1, 3)))
            else:
                kept = list(state.measures.of(state.scan))
                if kept and rng.random() < 0.3:
                    del kept[int(rng.integers(len(kept)))]
                else:
                    points = tuple(tuple(map(float, rng.uniform(0, 10, 3))) for _ in range(2))
                    kept.append(Measure(Kind.RULER, Plane.AXIAL, 6, points))
                state.measures.set(state.scan, kept, state.depth)
            seen.append(snapshot(state))
        for earlier in reversed(seen[:-1]):
            state.undo()
            assert snapshot(state) == earlier
        for later in seen[1:]:
            state.redo()
            assert snapshot(state) == later


def snapshot(state: CanvasState) -> tuple[bytes, tuple[Measure, ...]]:
    return state.document.data.tobytes(), state.measures.of(state.scan)


def test_measures_stay_with_their_scan_while_the_window_is_open(qapp) -> None:
    state = CanvasState()
    first, second = loan(), loan()
    second = type(second)("s2", second.data, second.affine, second.spacing, second.window)
    state.show_scan(first, document())
    state.measures.set(first, [RULER], 0)
    state.show_scan(second, document())
    assert state.measures.of(state.scan) == ()
    state.undo()
    state.show_scan(first, document())
    assert state.measures.of(state.scan) == (RULER,)
