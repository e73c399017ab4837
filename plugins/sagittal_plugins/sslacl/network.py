"""SSLACL's network of the puzzle (thesis ch. 3); what its branches do later stands beside it in the package of nets."""

from __future__ import annotations

from torch import Tensor, nn

from sagittal_engine.nets.branches import plain_start, scaled
from sagittal_engine.nets.guessers import Head
from sagittal_engine.nets.sslacl import HIDDEN, SSLACLClassifier, SSLACLEncoder, divide_slices

__all__ = ["SSLACLClassifier", "SSLACLNet", "divide_slices"]


class SSLACLNet(nn.Module):
    """(N, cells, C, h, w), cell i into branch i → scores (N, classes) of the arrangements.

    `width` scales every layer's channels, 1 as published; `grouped` and `checkpointing` change time and memory alone.
    Raises ValueError where a number is out of its range.
    """

    def __init__(
        self,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        cells: int = 9,
        width: float = 1.0,
        grouped: bool | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if classes < 1 or in_channels < 1 or cells < 1 or not 0 < width <= 4:
            raise ValueError(
                "classes, channels and cells are at least 1, and the width is above 0 and at most 4; "
                f"got {classes}, {in_channels}, {cells} and {width:g}."
            )
        self.encoder = SSLACLEncoder(in_channels, cells, width, grouped, checkpointing)
        self.head = Head(self.encoder.width, scaled(HIDDEN, width), classes, layers=2)
        plain_start(self)

    def forward(self, cells: Tensor) -> Tensor:
        scores: Tensor = self.head(self.encoder(cells))
        return scores
