"""What every encoder of images or 3D patches is: stages of features, shallow to deep."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import nn

Part = Callable[[torch.Tensor], torch.Tensor]


class ImageEncoder(nn.Module):
    """(N, C, H, W) → (N, width): the last of its `stages` and the mean of that over all places."""

    def __init__(self, in_channels: int, widths: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.stage_widths = tuple(widths)
        """Channels of each stage, shallow to deep."""
        self.stage_strides = tuple(strides)
        """Pixels (voxels) of the image per cell of each stage, along each axis."""
        self.width = self.stage_widths[-1]
        """Features per image."""

    @abstractmethod
    def parts(self) -> Sequence[Part]:
        """What gives the stages, each applied to what the one before gave."""

    def stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The features of every stage, shallow to deep: (N, `stage_widths[s]`, h, w), patches (N, …, x, y, z).

        A side of n pixels becomes about n / `stage_strides[s]` cells. The last equals `maps`.
        """
        found: list[torch.Tensor] = []
        for part in self.parts():
            images = part(images)
            found.append(images)
        return found

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        """The features before pooling: (N, width, h, w), and one axis more for 3D patches."""
        for part in self.parts():
            images = part(images)
        return images

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.maps(images).flatten(2).mean(2)
