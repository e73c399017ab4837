"""The flips and quarter turns of an image's first two axes, and how they are undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

ROWS, COLUMNS = 2, 3
"""Axes of (N, C, H, W); of volumes (N, C, X, Y, Z) the first two of three."""

MOST_PIXELS = 2**22
"""In one batch of views: what a processor with little memory bears."""


@dataclass(frozen=True)
class Flip:
    """Turned by `turns` quarter turns, after the axes `flipped` were reversed."""

    turns: int = 0
    flipped: tuple[int, ...] = ()

    def __call__(self, images: Tensor) -> Tensor:
        return torch.rot90(images.flip(self.flipped) if self.flipped else images, self.turns, (ROWS, COLUMNS))

    def undo(self, images: Tensor) -> Tensor:
        """The images as they were before."""
        turned = torch.rot90(images, -self.turns, (ROWS, COLUMNS))
        return turned.flip(self.flipped) if self.flipped else turned

    @property
    def upright(self) -> bool:
        """It leaves height and width what they are."""
        return self.turns % 2 == 0


WEAK: tuple[Flip, ...] = (
    Flip(),
    Flip(flipped=(COLUMNS,)),
    Flip(flipped=(ROWS,)),
    Flip(turns=2),
    Flip(turns=1),
    Flip(turns=3),
)
"""GraTa's six weak views: the image, its two mirror images, and its turns by 180, 90 and 270 degrees."""


def batched(images: Tensor, flips: Sequence[Flip]) -> list[tuple[Sequence[Flip], Tensor]]:
    """The views of (N, C, H, W) in few batches: each (views, (views · N, C, h, w)), one view after the other.

    Square images make one batch; others two, of upright and of turned views. Where that would be more than 4 million
    pixels, every view is a batch of its own.
    """
    square = images.shape[ROWS] == images.shape[COLUMNS]
    groups = [flips] if square else [[f for f in flips if f.upright is way] for way in (True, False)]
    if len(flips) * images[:, 0].numel() > MOST_PIXELS:
        groups = [[flip] for flip in flips]
    return [(group, torch.cat([flip(images) for flip in group])) for group in groups if group]


def undone(views: Tensor, flips: Sequence[Flip]) -> Tensor:
    """What `batched` made, and a network answered, turned back: (views · N, …) → (views, N, …)."""
    return torch.stack([flip.undo(part) for flip, part in zip(flips, views.chunk(len(flips)), strict=True)])
