"""Cutting into cells and laying out, against loops."""

from __future__ import annotations

import pytest
import torch

from sagittal_engine.kit.cells import cut_cells, laid_out, placed, put_back


def literal_cells(image, grid):
    """Algorithm 3.2 with i = 0 … cells − 1: cell i spans ⌊H/g⌋ rows from row ⌊i/g⌋ and columns from i mod g."""
    height, width = image.shape[1] // grid, image.shape[2] // grid
    found = []
    for i in range(grid * grid):
        row, column = (i // grid) * height, (i % grid) * width
        found.append(image[:, row : row + height, column : column + width])
    return torch.stack(found)


@pytest.mark.parametrize(("cells", "grid"), [(4, 2), (9, 3), (16, 4)])
def test_cells_are_those_of_the_algorithm(cells, grid):
    images = torch.rand(3, 2, 17, 22, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = cut_cells(images, cells=cells)
    assert found.dtype == torch.float64
    for image, own in zip(images, found, strict=True):
        assert torch.equal(own, literal_cells(image, grid))
        assert torch.equal(cut_cells(image, cells=cells), own)
        assert torch.equal(cut_cells(image[0], cells=cells), own[:, 0])


def test_the_published_slice_has_cells_of_85_pixels():
    assert cut_cells(torch.zeros(3, 256, 256)).shape == (9, 3, 85, 85)


def test_laid_out_cells_are_the_image_again():
    images = torch.rand(2, 1, 12, 12)
    assert torch.equal(laid_out(cut_cells(images)), images)
    apart = laid_out(cut_cells(images), gap=2, fill=0.5)
    assert apart.shape == (2, 1, 16, 16)
    assert torch.equal(apart[..., 6:10, :4], images[..., 4:8, :4]) and bool((apart[..., 4:6, :] == 0.5).all())


def test_a_puzzle_is_put_together_again_by_its_own_order_alone():
    generator = torch.Generator().manual_seed(1)
    cells = torch.rand(4, 9, 1, 2, 2, generator=generator)
    orders = torch.stack([torch.randperm(9, generator=generator) for _ in range(4)])
    puzzle = placed(cells, orders)
    for n in range(4):
        for place in range(9):
            assert torch.equal(puzzle[n, place], cells[n, orders[n, place]])
    assert torch.equal(put_back(puzzle, orders), cells)
    assert not torch.equal(put_back(puzzle, orders.roll(1, 0)), cells)


def test_what_cannot_be_cut_is_refused_in_words():
    with pytest.raises(ValueError, match=r"3×3 cells has as many pixels a side; got \(1, 2, 5\)"):
        cut_cells(torch.zeros(1, 2, 5))
    with pytest.raises(ValueError, match="square grid of at least 2×2; got 8"):
        cut_cells(torch.zeros(1, 9, 9), cells=8)
