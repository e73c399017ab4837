"""Random changes of cells: each against its definition, and no cell ever sees a neighbour."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from sagittal_engine.views.cell_views import CellDraw, CellRules, apply_cells, draw_cells

CALM = CellRules(crop=6).calm()


def cells_of(count=2, cells=3, side=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, cells, 1, side, side, generator=generator, dtype=torch.float64)


def still(count=2, cells=3, crop=9, **changes):
    zeros = torch.zeros(count, cells)
    found = CellDraw(
        crop, zeros, torch.zeros(count, cells, 2), zeros + 1, torch.zeros(count, cells, 2, dtype=torch.int64)
    )
    return dataclasses.replace(found, **changes)


def test_nothing_drawn_changes_nothing():
    cells = cells_of()
    torch.testing.assert_close(apply_cells(cells, still()), cells, rtol=0, atol=1e-6)


def test_a_crop_is_a_cut():
    cells = cells_of()
    start = torch.tensor([[[0, 0], [3, 1], [2, 3]], [[1, 1], [0, 3], [3, 3]]])
    found = apply_cells(cells, still(crop=6, start=start))
    for n in range(2):
        for k in range(3):
            row, column = start[n, k].tolist()
            torch.testing.assert_close(
                found[n, k], cells[n, k, :, row : row + 6, column : column + 6], rtol=0, atol=1e-6
            )


def test_a_shift_moves_down_and_to_the_right():
    cells = cells_of()
    found = apply_cells(cells, still(shift=torch.tensor([2.0, 1.0]).expand(2, 3, 2)))
    torch.testing.assert_close(found[..., 2:, 1:], cells[..., :-2, :-1], rtol=0, atol=1e-6)


def test_a_quarter_turn_is_counter_clockwise():
    cells = cells_of()
    found = apply_cells(cells, still(turn=torch.full((2, 3), math.pi / 2)))
    torch.testing.assert_close(found, torch.rot90(cells, 1, (-2, -1)), rtol=0, atol=1e-5)


def test_enlarging_twice_shows_the_middle():
    side = 8
    ramp = torch.arange(side, dtype=torch.float64).expand(1, 1, 1, side, side)
    found = apply_cells(ramp, still(1, 1, side, scale=torch.full((1, 1), 2.0)))
    wanted = (torch.arange(side) + 0.5 - side / 2) / 2 + side / 2 - 0.5
    torch.testing.assert_close(found[0, 0, 0, 3], wanted.double(), rtol=0, atol=1e-6)


def literal_pixel(cell, row, column, draw, n, k):
    """One pixel of a view in plain arithmetic: crop, undo the shift, the turn and the enlargement, interpolate."""
    side = len(cell)
    down = float(draw.start[n, k, 0]) + row + 0.5 - side / 2 - float(draw.shift[n, k, 0])
    along = float(draw.start[n, k, 1]) + column + 0.5 - side / 2 - float(draw.shift[n, k, 1])
    angle, size = float(draw.turn[n, k]), float(draw.scale[n, k])
    at_column = (math.cos(angle) * along - math.sin(angle) * down) / size + side / 2 - 0.5
    at_row = (math.sin(angle) * along + math.cos(angle) * down) / size + side / 2 - 0.5
    if not (0 <= at_row < side - 1 and 0 <= at_column < side - 1):
        return None  # beyond the cell, where it is mirrored
    total = 0.0
    for i in (math.floor(at_row), math.floor(at_row) + 1):
        for j in (math.floor(at_column), math.floor(at_column) + 1):
            weight = (1 - abs(at_row - i)) * (1 - abs(at_column - j))
            total += weight * float(cell[i, j])
    return total


def test_all_together_is_plain_arithmetic_where_the_cell_is_seen():
    cells = cells_of(side=14)
    rules = CellRules(crop=8, noise=0.0)
    draw = draw_cells(2, 3, (14, 14), rules, torch.Generator().manual_seed(5))
    found, compared = apply_cells(cells, draw), 0
    for n in range(2):
        for k in range(3):
            for row in range(8):
                for column in range(8):
                    wanted = literal_pixel(cells[n, k, 0], row, column, draw, n, k)
                    if wanted is not None:
                        assert float(found[n, k, 0, row, column]) == pytest.approx(wanted, abs=1e-5)
                        compared += 1
    assert compared > 300


def test_no_pixel_of_a_neighbour_is_seen():
    """Cells of one value each stay of that value, whatever is drawn."""
    values = torch.arange(9.0).view(1, 9, 1, 1, 1).expand(4, 9, 1, 10, 10) / 10
    rules = CellRules(crop=8, rotation=180, shift=0.9, scale=1.5, noise=0.0)
    draw = draw_cells(4, 9, (10, 10), rules, torch.Generator().manual_seed(2))
    torch.testing.assert_close(apply_cells(values, draw), values[..., :8, :8], rtol=0, atol=1e-5)


def test_draws_keep_to_the_rules():
    rules = CellRules(crop=64)
    draw = draw_cells(300, 9, (85, 85), rules, torch.Generator().manual_seed(0))
    degrees = torch.rad2deg(draw.turn)
    assert -15 <= float(degrees.min()) < -14 and 14 < float(degrees.max()) <= 15
    assert sorted(set(draw.shift.flatten().tolist())) == list(range(-6, 7))
    assert sorted(set(draw.scale.flatten().tolist())) == pytest.approx([1.0, 1.2])
    assert sorted(set(draw.start.flatten().tolist())) == list(range(22))
    assert float(draw.noise.std()) == pytest.approx(0.1, rel=0.01)
    assert draw.noise.shape == (300, 9, 1, 64, 64)


def test_released_draws_are_ends():
    rules = CellRules(crop=64, draws="ends", scale=1.1, offsets=9, shared_noise=True, brightness=0.15)
    draw = draw_cells(300, 9, (85, 85), rules, torch.Generator().manual_seed(0))
    assert {round(float(v)) for v in torch.rad2deg(draw.turn).unique()} == {-15, 0, 15}
    assert set(draw.shift.unique().tolist()) == {-6.0, 0.0, 6.0}
    assert sorted(set(draw.start.unique().tolist())) == list(range(10))
    assert len(draw.noise) == 1
    changed = draw.brightness != 1
    assert float(changed.float().mean()) == pytest.approx(0.5, abs=0.05)
    assert float(draw.brightness.min()) >= 0.85 and float(draw.brightness.max()) <= 1.15


def test_calm_rules_cut_the_middle_and_noise_stays_within_the_range():
    draw = draw_cells(1, 2, (9, 10), CALM, torch.Generator().manual_seed(0))
    assert draw.start.tolist() == [[[1, 2], [1, 2]]] and draw.noise is None and not draw.turn.any()
    noisy = draw_cells(2, 3, (9, 9), CellRules(crop=9, noise=1.0), torch.Generator().manual_seed(0))
    found = apply_cells(cells_of().float(), noisy)
    assert float(found.min()) == 0 and float(found.max()) == 1


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(ValueError, match="a crop of 64 pixels is larger than a cell of 32×32"):
        draw_cells(1, 9, (32, 32), CellRules(), torch.Generator())
    with pytest.raises(ValueError, match=r"draws are of \(2, 3\) cells; got cells of \(2, 4, 1, 9, 9\)"):
        apply_cells(torch.zeros(2, 4, 1, 9, 9), still())
    for wrong in ({"scale": 0.9}, {"rotation": -1.0}, {"draws": "both"}, {"offsets": -2}, {"crop": 0}):
        with pytest.raises(ValueError, match=r"got"):
            CellRules(**wrong)
