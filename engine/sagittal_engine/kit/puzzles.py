"""The base of methods that learn by solving puzzles: cells of a slice, out of order; which order was it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from sagittal.method import Context, Document, FeatureLayer, Picture
from sagittal_engine.kit.arrangements import arrangements, places_moved
from sagittal_engine.kit.cells import borders, cut_cells, placed, put_back, spread
from sagittal_engine.kit.explaining import LEAST_PLACES, SIMILARITY, Score, enlarged, grad_cam
from sagittal_engine.kit.guessing import GuessingBase
from sagittal_engine.kit.puzzle_params import BY_DISTANCE, LOSS, PICTURES, PuzzleParams
from sagittal_engine.kit.puzzle_pictures import puzzle_picture
from sagittal_engine.nets.guessers import Guesser
from sagittal_engine.views.cell_views import CellDraw, CellRules, apply_cells, draw_cells

P = TypeVar("P", bound=PuzzleParams)

CORNER_OFFSETS = 9
"""Of the released programs: crops begin 0 to 9 pixels from the corner."""
SHOWN = 6
"""Puzzles in a picture."""
EXPLAINED = 4
"""Random orders of a slice's cells that a saliency map is the mean of."""
FUSED = "Behind the layer that joins the branches cells are told apart no more: the map is the same in each."


@dataclass(frozen=True)
class Puzzle:
    """What is done to N slices."""

    changes: CellDraw
    answer: Tensor
    """int64 (N,): which of the arrangements."""
    arranged: Tensor
    """int64 (N, cells): place i of the puzzle holds this cell of the slice."""


class PuzzleBase(GuessingBase[P]):
    """A method that solves puzzles. A subclass gives `network`, from cells (N, cells, C, crop, crop)."""

    loss_name = LOSS
    guess_name = "puzzle"

    def __init__(self, params: P, context: Context) -> None:
        super().__init__(params, context)
        self._orders = arrangements(
            params.arrangements, rule=params.arrangement_rule, seed=params.arrangement_seed, cells=params.cells
        )
        self._rules = rules_of(params)
        self.view_rules = CellRules(
            params.image_size, params.draws, params.rotation, 0.0, params.scale, 0, params.noise,
            brightness=params.brightness,
        )  # fmt: skip
        self._solved: dict[int, tuple[int, int]] = {}

    @property
    def classes(self) -> int:
        return len(self._orders)

    def draw(self, count: int, generator: torch.Generator, *, calm: bool = False) -> Puzzle:
        side = self.params.cell_side
        rules = self._rules.calm() if calm else self._rules
        changes = draw_cells(count, self.params.cells, (side, side), rules, generator)
        answer = torch.randint(len(self._orders), (count,), generator=generator)
        return Puzzle(changes, answer, self._orders[answer])

    def shown(self, images: Tensor, deed: Puzzle) -> Tensor:
        """The cells of each slice, changed one by one and laid out of order: (N, cells, 1, crop, crop)."""
        return placed(apply_cells(cut_cells(images, cells=self.params.cells), deed.changes), deed.arranged)

    def plain(self, images: Tensor) -> Tensor:
        """The middles of the cells, in order."""
        cells, crop = cut_cells(images, cells=self.params.cells), self.params.crop
        first = (self.params.cell_side - crop) // 2
        return cells[..., first : first + crop, first : first + crop]

    def after_step(self, module: nn.Module, step: int) -> None:
        if self.params.check_steps and step % self.params.check_steps == 0:
            self._solved = {}
        super().after_step(module, step)

    def keep_checked(self, deed: Puzzle, right: Tensor) -> None:
        for distance, solved in zip(places_moved(deed.arranged).tolist(), right.tolist(), strict=True):
            count, good = self._solved.get(distance, (0, 0))
            self._solved[distance] = count + 1, good + solved

    def documents(self) -> Sequence[Document]:
        """How many puzzles of held-out subjects were solved, by how many cells were out of place."""
        if not self._solved:
            return ()
        distances = sorted(self._solved)
        shares = [self._solved[d][1] / self._solved[d][0] for d in distances]
        chance = [1 / self.classes] * len(distances)
        return [Document(BY_DISTANCE, {"x": distances, "y": {"solved": shares, "chance": chance}})]

    def pictures(self, module: nn.Module, batch: Any) -> Sequence[Picture]:
        """Some slices of the batch, their puzzles, and what the network makes of them."""
        images, puzzle = batch["images"], batch["deed"]
        shown = self.shown(images, puzzle)
        guess = self._orders.to(puzzle.answer.device)[module(self._scaled(shown)).argmax(1)]
        right = int((guess == puzzle.arranged).all(1).sum())
        pixels = puzzle_picture(images[:SHOWN], shown[:SHOWN], puzzle.arranged[:SHOWN], guess[:SHOWN])
        return [Picture(PICTURES, pixels, f"{right} of the batch's {len(images)} solved")]

    # Saliency ----------------------------------------------------------------------------------------------------

    def explain_layers(self, module: Any) -> Sequence[FeatureLayer]:
        return [self._in_cells(module, found) for found in super().explain_layers(module)]

    def _in_cells(self, module: Any, found: FeatureLayer) -> FeatureLayer:
        """What a layer's maps are to a cell: its own share of one picture of all, its branch's own, or those of all."""
        if isinstance(module, Guesser):
            height, width = (side // self.params.grid for side in found.size)
            return replace(found, size=(height, width), local=min(height, width) >= LEAST_PLACES)
        if _of_branches(module, found.layer):
            return found
        return replace(found, local=False, about=FUSED)

    def explain_some(
        self, module: Any, layer: nn.Module, slices: Tensor, target: str, score: Score, generator: torch.Generator
    ) -> Tensor:
        """Maps (n, H, W) of the puzzles of a few slices, each cell back where it came from, the mean over some orders;
        of a similarity those of the slices as they are."""
        groups = self.params.cells if _of_branches(module, layer) else 1
        if target == SIMILARITY:
            return self._spread(self._cells_of(module, grad_cam(layer, lambda: score(slices), groups=groups)))
        total = torch.zeros(())
        for _ in range(EXPLAINED):
            deed = self.draw(len(slices), generator, calm=True)
            given = self.given(slices, deed).to(self.context.device)
            found = grad_cam(layer, partial(_best_score, module, given), groups=groups)
            total = total + put_back(self._cells_of(module, found).cpu(), deed.arranged)
        return self._spread(total / EXPLAINED)

    def _cells_of(self, module: Any, maps: Tensor) -> Tensor:
        """Maps (n, cells or 1, h, w) of a layer as maps of the places of the puzzle: (n, cells, crop, crop)."""
        crop, grid = self.params.crop, self.params.grid
        if isinstance(module, Guesser):
            return cut_cells(enlarged(maps, (grid * crop, grid * crop)), cells=self.params.cells).squeeze(2)
        return enlarged(maps, (crop, crop)).expand(-1, self.params.cells, -1, -1)

    def _spread(self, cells: Tensor) -> Tensor:
        """Crops (n, cells, crop, crop) from the middles of their cells, in the slice: (n, H, W), NaN between them."""
        return spread(cells, self.params.image_size)

    def patch_borders(self) -> Tensor:
        """The bands along the edges of what is shown of each cell, an eighth of its side wide."""
        return borders(self.params.cells, self.params.crop, self.params.image_size)

    def encoder_facts(self) -> Mapping[str, Any]:
        p = self.params
        return {**super().encoder_facts(), "cells": p.cells, "crop": p.crop, "width": p.width}


def rules_of(params: PuzzleParams) -> CellRules:
    """What may become of a cell."""
    offsets = {"anywhere": -1, "corner": CORNER_OFFSETS, "middle": 0}[params.crop_from]
    return CellRules(
        params.crop, params.draws, params.rotation, params.shift, params.scale, offsets, params.noise,
        params.shared_noise, params.brightness,
    )  # fmt: skip


def _of_branches(module: Any, layer: nn.Module) -> bool:
    """Whether a layer's features are those of branches, the channels of one cell after those of another."""
    branches = getattr(module.encoder, "branches", None)
    return branches is not None and any(part is layer for part in branches.modules())


def _best_score(module: Any, given: Tensor) -> Tensor:
    """The score of the order that the network takes for the right one, of each puzzle (n,)."""
    best: Tensor = module(given).amax(1)
    return best
