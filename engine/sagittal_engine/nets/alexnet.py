"""AlexNet's features as MRNet uses them (Bien et al., PLOS Medicine 15(11), 2018), under torchvision's names."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from sagittal_engine.nets.image_encoder import ImageEncoder, Part

LEAST = 63
"""Pixels a side from which a place is left after three poolings."""


class AlexNetEncoder(ImageEncoder):
    """(N, C, H, W) → (N, 256): the convolutions of AlexNet (Krizhevsky 2014) without its classifier.

    Parameter names are torchvision's (`features.0.weight`, …), so that published ImageNet weights load by name.
    """

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__(in_channels, (64, 192, 256), strides=(8, 16, 32))
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        )  # fmt: skip

    def parts(self) -> Sequence[Part]:
        return self.features[:3], self.features[3:6], self._last

    def _last(self, maps: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.features[6:](maps)
        return found
