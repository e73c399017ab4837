"""SKID's networks (thesis ch. 3, Table 3.1), and the single stream they are compared with.

What the thesis leaves open is read as follows: a ReLU stands between the two last linear layers.
"""

from __future__ import annotations

from torch import Tensor, nn

from sagittal_engine.kit.cells import laid_out
from sagittal_engine.nets.branches import plain_start, scaled
from sagittal_engine.nets.guessers import Guesser, Head
from sagittal_engine.nets.image_encoder import ImageEncoder
from sagittal_engine.nets.skid import BRANCH, VARIANTS, DimRed, SKIDEncoder, Skip

__all__ = ["BRANCH", "VARIANTS", "DimRed", "SKIDEncoder", "SKIDNet", "Skip", "single_stream"]

HIDDEN = 1024
DECAY_OF_FUSION = 1e-4
"""L2 penalty on the fusing 1×1 convolution alone."""


class SKIDNet(nn.Module):
    """(N, cells, C, h, w), cell i into branch i → scores (N, classes) of the arrangements.

    `width` scales every layer's channels, 1 as published. `checkpointing` computes inner results again in the backward
    pass: a third more time, and a fraction of the memory. `grouped` says how branches are applied (None: whichever is
    quicker on the device); weights and results are the same.
    Raises ValueError where the variant is none of v1, v2, v3 and noblocks, or a number is out of its range.
    """

    def __init__(
        self,
        variant: str = "v3",
        classes: int = 1000,
        in_channels: int = 3,
        *,
        cells: int = 9,
        width: float = 1.0,
        grouped: bool | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if variant.lower() not in VARIANTS:
            raise ValueError(f"the variant must be one of {', '.join(VARIANTS)}; got {variant!r}.")
        if classes < 1 or in_channels < 1 or cells < 1:
            raise ValueError(f"classes, channels and cells are at least 1; got {classes}, {in_channels} and {cells}.")
        if not 0 < width <= 4:
            raise ValueError(f"the width is above 0 and at most 4; got {width:g}.")
        self.encoder = SKIDEncoder(variant.lower(), in_channels, cells, width, grouped, checkpointing)
        self.head = Head(self.encoder.width, scaled(HIDDEN, width), classes)
        plain_start(self)

    def forward(self, cells: Tensor) -> Tensor:
        scores: Tensor = self.head(self.encoder(cells))
        return scores

    def penalty(self) -> Tensor:
        """10⁻⁴ · Σ w² of the fusing convolution."""
        return DECAY_OF_FUSION * self.encoder.fuse[0].weight.float().square().sum()


def single_stream(encoder: ImageEncoder, classes: int) -> Guesser:
    """The same puzzle as one image: (N, cells, C, h, w) laid out as (N, C, g·h, g·w), into any encoder of images.

    What SKID's branches are there to avoid: filters that look across the border of two cells see whether they were
    neighbours, and need to know nothing of anatomy (thesis ch. 3, with Inception-ResNet-v2).
    """
    return Guesser(encoder, classes, before=laid_out)
