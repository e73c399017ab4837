"""Dilated ResNets as DeepLab-v3 uses them: 256 channels at stride 8.

Parameter names are torchvision's (`conv1`, `bn1`, `layer1.0.conv1`, `layer1.0.downsample.0`, …), so that published
classification weights and, without their prefix `backbone.`, DeepLab-v3 weights load by name.
"""

from __future__ import annotations

import torch
from torch import nn


class BasicBlock(nn.Module):
    """Two 3×3 convolutions (ResNet-18). Unlike torchvision's, it can be dilated."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, dilation: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + skip)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 convolutions (ResNet-50 and -101), the stride on the 3×3 as in torchvision."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, dilation: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + skip)


LAYOUTS: dict[str, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
}


class DilatedResNet(nn.Module):
    """(N, 3, H, W) → (N, out_channels, H/8, W/8).

    Layers 3 and 4 keep the resolution and are dilated by 2 and 4; the first block of each still carries the dilation
    of the layer before, as torchvision's `replace_stride_with_dilation=[False, True, True]` builds it. `project` is
    the 1×1 convolution to `out_channels` (thesis ch. 7); no published weights have it.
    """

    in_channels = 3
    stride = 8

    def __init__(self, name: str, out_channels: int = 256) -> None:
        super().__init__()
        if name not in LAYOUTS:
            raise ValueError(f"the network must be one of {', '.join(LAYOUTS)}; got {name!r}.")
        block, depths = LAYOUTS[name]
        self.out_channels = out_channels
        self._channels, self._dilation = 64, 1
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._layer(block, 64, depths[0], stride=1, dilate=False)
        self.layer2 = self._layer(block, 128, depths[1], stride=2, dilate=False)
        self.layer3 = self._layer(block, 256, depths[2], stride=2, dilate=True)
        self.layer4 = self._layer(block, 512, depths[3], stride=2, dilate=True)
        self.project = nn.Conv2d(512 * block.expansion, out_channels, 1, bias=False)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def _layer(
        self, block: type[BasicBlock] | type[Bottleneck], width: int, depth: int, *, stride: int, dilate: bool
    ) -> nn.Sequential:
        first_dilation = self._dilation
        if dilate:
            self._dilation *= stride
            stride = 1
        out = width * block.expansion
        downsample = None
        if stride != 1 or self._channels != out:
            downsample = nn.Sequential(nn.Conv2d(self._channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        blocks = [block(self._channels, width, stride, first_dilation, downsample)]
        blocks += [block(out, width, 1, self._dilation, None) for _ in range(1, depth)]
        self._channels = out
        return nn.Sequential(*blocks)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return self.project(self.layer4(self.layer3(self.layer2(self.layer1(x)))))
