"""The picture of puzzles that training shows every so often."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal_engine.kit.cells import grid_of, laid_out, put_back

SIDE = 132
"""Pixels a side of each slice as drawn."""
GAP = 6
FRAME = 2
RIGHT, WRONG, PLAIN = (86, 180, 233), (230, 159, 0), (60, 60, 60)
"""Frames of cells that are back in their place, that are not, and of the puzzle."""


def puzzle_picture(images: Tensor, shown: Tensor, arranged: Tensor, guess: Tensor) -> np.ndarray[Any, Any]:
    """uint8 RGB: a column for each of N slices (N, 1, H, W), intensities 0…1; below it its puzzle, cells
    (N, cells, 1, h, w) in the order `arranged` (N, cells), and below that the cells where the order `guess` puts them.
    """
    grid = grid_of(shown.shape[1])
    cell = SIDE // grid
    whole = F.interpolate(images.float(), size=(grid * cell, grid * cell), mode="area").expand(-1, 3, -1, -1)
    tiles = F.interpolate(shown.flatten(0, 1).float(), size=(cell, cell), mode="area").unflatten(0, shown.shape[:2])
    tiles = tiles.expand(-1, -1, 3, -1, -1)
    plain = _framed(tiles, torch.zeros_like(arranged, dtype=torch.bool), PLAIN, PLAIN)
    answered = _framed(tiles, arranged == guess, RIGHT, WRONG)
    rows = [whole, laid_out(plain), laid_out(put_back(answered, guess))]
    columns = torch.cat([F.pad(row, (0, GAP, 0, GAP), value=0.5) for row in rows], 2)
    picture = torch.cat(list(columns), 2)[..., :-GAP, :-GAP]
    return (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().contiguous().numpy()


def _framed(tiles: Tensor, right: Tensor, good: tuple[int, int, int], bad: tuple[int, int, int]) -> Tensor:
    """Tiles (N, cells, 3, h, w) with frames in one of two colours."""
    colours = [tiles.new_tensor(colour).view(3, 1, 1) / 255 for colour in (good, bad)]
    colour = torch.where(right.view(*right.shape, 1, 1, 1), *colours)
    inner = torch.zeros(tiles.shape[-2:], dtype=torch.bool, device=tiles.device)
    inner[FRAME:-FRAME, FRAME:-FRAME] = True
    return torch.where(inner, tiles, colour)
