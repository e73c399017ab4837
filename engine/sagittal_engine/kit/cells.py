"""An image cut into a grid of cells, and cells laid out as an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def grid_of(cells: int) -> int:
    """Cells a side of a square grid. Raises ValueError where `cells` is no square of two or more."""
    side = math.isqrt(max(0, cells))
    if side < 2 or side * side != cells:
        raise ValueError(f"cells form a square grid of at least 2×2; got {cells}.")
    return side


def cut_cells(image: Tensor, *, cells: int = 9) -> Tensor:
    """(…, C, H, W) → (…, cells, C, ⌊H/g⌋, ⌊W/g⌋) with g = √cells, and (H, W) → (cells, ⌊H/g⌋, ⌊W/g⌋).

    Cell i is in row ⌊i/g⌋ and column i mod g, i = 0 … cells − 1 (thesis Alg. 3.2, whose printed i = 1 … 9 leaves out
    cell 0); pixels that are over at the lower and right borders are left out. A copy, not a view.
    Raises ValueError where the image is smaller than the grid.
    """
    grid = grid_of(cells)
    if image.ndim < 2 or min(image.shape[-2:]) < grid:
        raise ValueError(f"an image cut into {grid}×{grid} cells has as many pixels a side; got {tuple(image.shape)}.")
    height, width = image.shape[-2] // grid, image.shape[-1] // grid
    used = image[..., : grid * height, : grid * width]
    tiles = used.unflatten(-1, (grid, width)).unflatten(-3, (grid, height))  # (…, [C,] row, height, column, width)
    if image.ndim == 2:
        return tiles.permute(0, 2, 1, 3).reshape(cells, height, width)
    order = (*range(tiles.ndim - 5), -4, -2, -5, -3, -1)
    return tiles.permute(order).flatten(-5, -4)


def laid_out(cells: Tensor, *, gap: int = 0, fill: float = 0.0) -> Tensor:
    """(N, cells, C, h, w) → (N, C, g·h, g·w), cell i in row ⌊i/g⌋ and column i mod g, `gap` pixels of `fill` apart."""
    grid = grid_of(cells.shape[1])
    if gap:
        cells = torch.nn.functional.pad(cells, (0, gap, 0, gap), value=fill)
    rows = cells.unflatten(1, (grid, grid)).permute(0, 3, 1, 4, 2, 5)  # (N, C, row, h, column, w)
    whole = rows.flatten(4, 5).flatten(2, 3)
    return whole[..., : whole.shape[-2] - gap, : whole.shape[-1] - gap] if gap else whole


def placed(cells: Tensor, arranged: Tensor) -> Tensor:
    """What a puzzle shows: place i holds cell `arranged`_i. Cells (N, cells, …), arrangements (N, cells)."""
    index = arranged.view(*arranged.shape, *(1,) * (cells.ndim - 2)).expand_as(cells)
    return cells.gather(1, index)


def put_back(puzzle: Tensor, arranged: Tensor) -> Tensor:
    """The inverse of `placed`: what lies at place i goes to place `arranged`_i."""
    return placed(puzzle, arranged.argsort(1))


def spread(crops: Tensor, size: int) -> Tensor:
    """Crops (n, cells, h, w) from the middles of the cells of slices of `size` pixels a side, back where they lay in
    them: (n, size, size), NaN between them."""
    grid = grid_of(crops.shape[1])
    side = size // grid
    margins = []
    for length in (crops.shape[-1], crops.shape[-2]):  # padding counts columns before rows
        before = (side - length) // 2
        margins += [before, side - length - before]
    whole = laid_out(torch.nn.functional.pad(crops.unsqueeze(2), margins, value=torch.nan)).squeeze(1)
    over = size - grid * side
    return torch.nn.functional.pad(whole, (0, over, 0, over), value=torch.nan)


BORDER = 1 / 8
"""Of a crop, as a share of its side: how wide the band along its edges is that counts as border."""


def borders(cells: int, crop: int, size: int) -> Tensor:
    """bool (size, size): the bands along the edges of what is shown of each cell of such a slice."""
    wide = max(1, round(BORDER * crop))
    band = torch.ones(1, cells, crop, crop)
    band[..., wide:-wide, wide:-wide] = 0
    return spread(band, size)[0] == 1
