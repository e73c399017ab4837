"""Views of a slice that are puzzles of it: its cells changed one by one, shuffled, and laid out as one image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sagittal_engine.kit.cells import cut_cells, laid_out, placed
from sagittal_engine.views.cell_views import CellDraw, CellRules, apply_cells, draw_cells

GRID = 3
SHOWN, OF = 64, 85
"""A crop keeps so much of a cell's side (thesis ch. 3)."""


@dataclass(frozen=True)
class JigsawDraw:
    """What the puzzles of N slices are made with."""

    changes: CellDraw
    arranged: Tensor
    """int64 (N, cells): place i holds this cell of the slice."""

    def __len__(self) -> int:
        return len(self.arranged)


def jigsaw_rules(size: int) -> CellRules:
    """What may become of the cells of slices of `size` pixels a side: the puzzles' own changes."""
    return CellRules(crop=max(1, size // GRID * SHOWN // OF))


def draw_jigsaw(count: int, size: int, rules: CellRules, generator: torch.Generator) -> JigsawDraw:
    """The draws of `count` puzzles of slices of `size` pixels a side; any order of the cells is as likely as another.

    Raises ValueError where a crop is larger than a cell.
    """
    side = size // GRID
    changes = draw_cells(count, GRID**2, (side, side), rules, generator)
    return JigsawDraw(changes, torch.rand(count, GRID**2, generator=generator).argsort(1))


def apply_jigsaw(images: Tensor, draw: JigsawDraw) -> Tensor:
    """(N, C, H, W), intensities in 0…1 → (N, C, 3·crop, 3·crop)."""
    return laid_out(placed(apply_cells(cut_cells(images, cells=GRID**2), draw.changes), draw.arranged))
