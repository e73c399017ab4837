"""Operations on labels against shapes with known answers: pure numpy."""

from __future__ import annotations

import numpy as np
import pytest

from sagittal_app.canvas import operations
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.operations import Change, Scope

SHAPE, SPACING = (40, 36, 24), (1.0, 1.0, 3.0)
X, Y, Z = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")


def tick(_share: float) -> None:
    """Goes on."""


def scope(mask: np.ndarray, on: tuple[int, int] | None = None, order: str = "C") -> Scope:
    labels = np.zeros(SHAPE, np.uint16, order=order)  # type: ignore[call-overload]
    labels[mask] = 3
    return Scope(labels, 3, SPACING, on)


def after(where: Scope, change: Change) -> np.ndarray:
    """The label's mask with a change made."""
    mask = np.ascontiguousarray(where.labels == where.label)
    assert not mask.reshape(-1)[change.added].any() and mask.reshape(-1)[change.removed].all()
    mask.reshape(-1)[change.added] = True
    mask.reshape(-1)[change.removed] = False
    return mask


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


@pytest.mark.parametrize("order", ["C", "F"])
def test_extent_is_the_box_of_the_label(order: str) -> None:
    mask = (X > 5) & (X < 12) & (Y == 7) & (Z > 2) & (Z < 20)
    assert operations.extent(scope(mask, order=order).labels, 3) == Box((6, 7, 3), (12, 8, 20))
    assert operations.extent(scope(mask, order=order).labels, 3, (2, 4)) == Box((6, 7, 4), (12, 8, 5))
    assert operations.extent(scope(mask, order=order).labels, 4) is None
    assert operations.extent(scope(mask, order=order).labels, 3, (2, 1)) is None


@pytest.mark.parametrize("slant", [0.0, 0.8])
@pytest.mark.parametrize("order", ["C", "F"])
def test_interpolation_follows_a_tube_that_narrows_and_leans(slant: float, order: str) -> None:
    radius = 10 - 0.25 * Z
    tube = ((X - 12 - slant * Z) ** 2 + (Y - 18) ** 2 <= radius**2) & (Z >= 2) & (Z <= 20)
    painted = tube & np.isin(Z, (2, 8, 14, 20))
    where = scope(painted, order=order)
    filled = after(where, operations.interpolated(where, 2, tick))
    assert dice(filled, tube) > 0.97
    assert np.array_equal(filled & np.isin(Z, (2, 8, 14, 20)), painted), "painted slices stay as they are"


def test_interpolation_of_one_slice_or_none_changes_nothing() -> None:
    assert not operations.interpolated(scope(np.zeros(SHAPE, bool)), 2, tick).added.size
    assert not operations.interpolated(scope((Z == 5) & (X < 9)), 2, tick).added.size


@pytest.mark.parametrize("on", [None, (2, 10)])
def test_smoothing_rounds_a_rough_ball_and_keeps_its_volume(on: tuple[int, int] | None) -> None:
    away = np.sqrt((X - 20) ** 2 + (Y - 18) ** 2 + (3 * (Z - 11)) ** 2)
    ball, rough = away <= 14, away + np.random.default_rng(5).normal(0, 2, SHAPE) <= 14
    where = scope(rough, on)
    smooth = after(where, operations.smoothed(where, 1.5, tick))
    here = (Z == 10) if on else np.ones(SHAPE, bool)
    assert dice(smooth & here, ball & here) > max(0.94, dice(rough & here, ball & here) + 0.1)
    assert abs(int(smooth.sum()) - int(rough.sum())) <= 8
    assert np.array_equal(smooth[~here], rough[~here])


def test_the_largest_island_stays() -> None:
    big, small = (X < 12) & (Y < 12) & (Z < 9), (X > 20) & (X < 26) & (Y > 20) & (Z > 12)
    where = scope(big | small)
    assert np.array_equal(after(where, operations.largest_island(where, tick)), big)
    on = scope(big | small, (2, 14))
    assert not operations.largest_island(on, tick).removed.size, "on this slice there is one island alone"


def test_holes_are_filled_but_for_other_labels() -> None:
    solid = (X - 20) ** 2 + (Y - 18) ** 2 + (3 * (Z - 11)) ** 2 <= 14**2
    hollow = solid & ~((X - 20) ** 2 + (Y - 18) ** 2 + (3 * (Z - 11)) ** 2 <= 7**2)
    where = scope(hollow)
    assert np.array_equal(after(where, operations.holes_filled(where, tick)), solid)
    tumour = (abs(X - 20) < 2) & (abs(Y - 18) < 2) & (abs(Z - 11) < 2)
    where.labels[tumour] = 7
    assert np.array_equal(after(where, operations.holes_filled(where, tick)), solid & ~tumour)
    on = scope(hollow, (2, 11))
    filled = after(on, operations.holes_filled(on, tick))
    assert np.array_equal(filled[:, :, 11], solid[:, :, 11]) and np.array_equal(filled[:, :, 12], hollow[:, :, 12])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("on", [None, (1, 14)])
@pytest.mark.parametrize(
    ("how", "combine"),
    [("union", np.logical_or), ("subtract", lambda a, b: a & ~b), ("intersect", np.logical_and)],
)
def test_logical_operations_are_those_of_sets(how, combine, on, order) -> None:
    rng = np.random.default_rng(1)
    mine, other = rng.random(SHAPE) < 0.3, rng.random(SHAPE) < 0.3
    where = scope(mine, on, order)
    change = operations.combined(where, lambda box: other[box.slices()], how, tick)
    here = (Y == 14) if on else np.ones(SHAPE, bool)
    assert np.array_equal(after(where, change), np.where(here, combine(mine, other), mine))
    with pytest.raises(ValueError, match="none of union"):
        operations.combined(where, lambda box: other[box.slices()], "xor", tick)


def test_growth_takes_joined_voxels_of_like_intensity_and_stops_at_what_is_not_allowed() -> None:
    values = np.where((X > 5) & (X < 15), 100.0, 0.0) + np.random.default_rng(2).normal(0, 3, SHAPE)
    island = (X > 25) & (X < 30)
    values[island] = 100
    allowed = Z < 12
    grown = operations.grown(values, (10, 18, 5), 20.0, allowed)
    assert np.array_equal(grown, (X > 5) & (X < 15) & allowed)
    assert not operations.grown(values, (10, 18, 20), 20.0, allowed).any()


def test_a_task_stops_where_its_tick_says_so() -> None:
    class Stop(Exception):
        pass

    def stop(_share: float) -> None:
        raise Stop

    where = scope((X < 12) & (Z % 3 == 0))
    for operation in (operations.largest_island, operations.holes_filled):
        with pytest.raises(Stop):
            operation(where, stop)
    with pytest.raises(Stop):
        operations.interpolated(where, 2, stop)
    with pytest.raises(Stop):
        operations.smoothed(where, 1.0, stop)
