"""SKID's blocks and the encoder that is built of them (thesis ch. 3, Table 3.1).

All convolutions have biases. What the thesis leaves open is read as follows: a ReLU follows every batch normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal_engine.nets.branches import POOL, Branches, recomputed, scaled

VARIANTS: Mapping[str, tuple[int, int, int, int] | None] = {
    "v1": (512, 512, 512, 2048),
    "v2": (512, 1024, 1024, 2048),
    "v3": (1024, 2048, 1024, 2048),
    "noblocks": None,
}
"""Inner channels of both Skip blocks, then filters of both DimRed blocks; NoBlocks has neither."""
BRANCH = (256, 256, POOL, 256, 256, POOL)
FUSED = 1024
SKIP_SHARE = 0.25


class Skip(nn.Module):
    """x + ¼ · ReLU(BN(conv(ReLU(BN(conv x))))), 3×3 convolutions to `inner` channels and back."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, inner, 3, padding=1), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = nn.Conv2d(inner, channels, 3, padding=1), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        return x + SKIP_SHARE * F.relu(self.bn2(self.conv2(inner)))


class DimRed(nn.Module):
    """Half the resolution: [3×3, 3×3 of stride 2] beside [2×2 mean, 1×1], `filters` channels each, concatenated.

    Batch normalisation after each of the three convolutions: so counted, the thesis's numbers of parameters come out.
    """

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters)
        self.conv2, self.bn2 = nn.Conv2d(filters, filters, 3, stride=2, padding=1), nn.BatchNorm2d(filters)
        self.conv3, self.bn3 = nn.Conv2d(channels, filters, 1), nn.BatchNorm2d(filters)

    def forward(self, x: Tensor) -> Tensor:
        deep = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        # An odd side is halved upwards, as the convolution of stride 2 does.
        flat = F.relu(self.bn3(self.conv3(F.avg_pool2d(x, 2, ceil_mode=True))))
        return torch.cat([deep, flat], 1)


class SKIDEncoder(nn.Module):
    """(N, cells, C, h, w) → (N, width, h/16, w/16): the branches, fused, and the blocks behind them."""

    def __init__(
        self, variant: str, in_channels: int, cells: int, scale: float, grouped: bool | None, checkpointing: bool
    ) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.branches = Branches(
            cells, in_channels, [w if w == POOL else scaled(int(w), scale) for w in BRANCH], norm=True, grouped=grouped
        )
        fused = scaled(FUSED, scale)
        self.fuse = nn.Sequential(
            nn.Conv2d(cells * self.branches.width, fused, 1), nn.BatchNorm2d(fused), nn.ReLU(inplace=True)
        )
        sizes = VARIANTS[variant]
        if sizes is None:
            halve = [nn.AvgPool2d(2, ceil_mode=True) for _ in range(2)]
            self.blocks, self.width = nn.Sequential(*halve), fused
        else:
            first, second, narrow, wide = (scaled(size, scale) for size in sizes)
            self.blocks = nn.Sequential(
                Skip(fused, first), DimRed(fused, narrow), Skip(2 * narrow, second), DimRed(2 * narrow, wide)
            )
            self.width = 2 * wide

    def forward(self, cells: Tensor) -> Tensor:
        if not (self.checkpointing and self.training):
            found: Tensor = self.blocks(self.fuse(self.branches(cells)))
            return found
        x = cells.flatten(1, 2)
        for part in (*self.branches.stages(), self.fuse, *self.blocks):
            x = recomputed(part, x)
        return x
