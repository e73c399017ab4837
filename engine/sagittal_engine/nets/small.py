"""A small encoder for processors without a GPU."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def stage(channels: int, out: int, stride: int = 2) -> nn.Sequential:
    """Two 3×3 convolutions, the first halving the resolution (by default)."""
    layers: list[nn.Module] = []
    for first in (True, False):
        layers += [
            nn.Conv2d(channels if first else out, out, 3, stride if first else 1, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class SmallEncoder(nn.Module):
    """Four stages of 32, 64, 96 and 128 channels at strides 2, 4, 8, 16; the last three summed at stride 4.

    (N, 1, H, W) → (N, out_channels, ⌈H/4⌉, ⌈W/4⌉): 128² pixels give the 32² cells that published networks give for
    256². Each of the last three stages has a linear 1×1 map to the sum, so features see both edges and far context;
    without the far context organs of like texture are mixed up.
    """

    in_channels = 1
    stride = 4

    def __init__(self, out_channels: int = 128) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.stage1 = stage(1, 32)
        self.stage2 = stage(32, 64)
        self.stage3 = stage(64, 96)
        self.stage4 = stage(96, 128)
        self.project2 = nn.Conv2d(64, out_channels, 1, bias=False)
        self.project3 = nn.Conv2d(96, out_channels, 1, bias=False)
        self.project4 = nn.Conv2d(128, out_channels, 1, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        fine = self.stage2(self.stage1(images))
        middle = self.stage3(fine)
        coarse = self.stage4(middle)
        size = fine.shape[-2:]
        return self.project2(fine) + _resized(self.project3(middle), size) + _resized(self.project4(coarse), size)


def _resized(x: torch.Tensor, size: torch.Size) -> torch.Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
