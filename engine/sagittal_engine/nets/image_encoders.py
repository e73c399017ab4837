"""Encoders that give one feature vector per image (or per 3D patch), by name.

The ResNets carry torchvision's parameter names (`conv1`, `bn1`, `layer1.0.conv1`, …) and have no classifier, so
published ImageNet weights load by name. MONAI's 3D ones carry MONAI's names, which MedicalNet's weights have too, and
the U-Nets' those of MONAI's `BasicUNet`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from sagittal_engine.nets.image_encoder import ImageEncoder, Part
from sagittal_engine.nets.resnet import BasicBlock, Bottleneck
from sagittal_engine.nets.small import stage

STEMS = ("imagenet", "cifar")

LAYOUTS: dict[str, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    "resnet9": (BasicBlock, (1, 1, 1, 1)),
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
}
"""Kind and number of the blocks of the four stages (He et al. 2016, Table 1; "resnet9" has one block a stage)."""

VOLUME_NAMES = ("small_3d", *(f"monai_resnet{depth}_3d" for depth in (10, 18, 34, 50)))
"""Encoders of 3D patches; the others see flat images."""
UNET_NAMES = ("unet_8", "unet_32", "unet_48")
"""Encoders of U-Nets, by the channels of their first level."""
NAMES: tuple[str, ...] = ("small", *LAYOUTS, *UNET_NAMES, *VOLUME_NAMES)


class ResNetEncoder(ImageEncoder):
    """A ResNet without its classifier.

    The ImageNet stem (7×7 convolution of stride 2, 3×3 pooling of stride 2) ends at stride 32. The CIFAR stem is a 3×3
    convolution of stride 1 without pooling (SimCLR, appendix B.9), so 32² pixels end as 4² cells.
    """

    def __init__(self, name: str, in_channels: int = 3, stem: str = "imagenet") -> None:
        block, depths = LAYOUTS[name]
        cifar = stem == "cifar"
        widths = (64, *(width * block.expansion for width in (64, 128, 256, 512)))
        super().__init__(in_channels, widths, strides=(1, 1, 2, 4, 8) if cifar else (2, 4, 8, 16, 32))
        self._channels = 64
        self.conv1 = nn.Conv2d(in_channels, 64, 3 if cifar else 7, 1 if cifar else 2, 1 if cifar else 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if cifar else nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._layer(block, 64, depths[0], stride=1)
        self.layer2 = self._layer(block, 128, depths[1], stride=2)
        self.layer3 = self._layer(block, 256, depths[2], stride=2)
        self.layer4 = self._layer(block, 512, depths[3], stride=2)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def _layer(self, block: type[BasicBlock] | type[Bottleneck], width: int, depth: int, *, stride: int) -> nn.Module:
        out = width * block.expansion
        downsample = None
        if stride != 1 or self._channels != out:
            downsample = nn.Sequential(nn.Conv2d(self._channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        blocks = [block(self._channels, width, stride, 1, downsample)]
        blocks += [block(out, width, 1, 1, None) for _ in range(1, depth)]
        self._channels = out
        return nn.Sequential(*blocks)

    def parts(self) -> Sequence[Part]:
        return self._stem, self._pooled, self.layer2, self.layer3, self.layer4

    def _stem(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.relu(self.bn1(self.conv1(images)))
        return features

    def _pooled(self, features: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer1(self.maxpool(features))
        return found


class SmallImageEncoder(ImageEncoder):
    """Four stages of 32, 64, 96 and 128 channels at strides 2, 4, 8 and 16; 450 thousand weights, 128 features.

    With the CIFAR stem the first stage keeps the resolution.
    """

    def __init__(self, in_channels: int = 1, stem: str = "imagenet") -> None:
        first = 1 if stem == "cifar" else 2
        super().__init__(in_channels, (32, 64, 96, 128), strides=[first * factor for factor in (1, 2, 4, 8)])
        self.stage1 = stage(in_channels, 32, stride=first)
        self.stage2 = stage(32, 64)
        self.stage3 = stage(64, 96)
        self.stage4 = stage(96, 128)

    def parts(self) -> Sequence[Part]:
        return self.stage1, self.stage2, self.stage3, self.stage4


class SmallVolumeEncoder(ImageEncoder):
    """Four 3D stages of 16, 32, 64 and 128 channels at strides 2, 4, 8 and 16: (N, C, X, Y, Z) → (N, 128).

    880 thousand weights; a batch of 32 patches of 24 voxels a side takes a processor a fraction of a second.
    """

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__(in_channels, (16, 32, 64, 128), strides=(2, 4, 8, 16))
        self.stage1 = _volume_stage(in_channels, 16)
        self.stage2 = _volume_stage(16, 32)
        self.stage3 = _volume_stage(32, 64)
        self.stage4 = _volume_stage(64, 128)

    def parts(self) -> Sequence[Part]:
        return self.stage1, self.stage2, self.stage3, self.stage4


def _volume_stage(channels: int, out: int) -> nn.Sequential:
    """Two 3×3×3 convolutions, the first halving the resolution."""
    layers: list[nn.Module] = []
    for given, stride in ((channels, 2), (out, 1)):
        layers += [nn.Conv3d(given, out, 3, stride, 1, bias=False), nn.BatchNorm3d(out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class VolumeEncoder(ImageEncoder):
    """A 3D ResNet of MONAI for patches: (N, C, X, Y, Z) → (N, width), shaped as MedicalNet's weights want it."""

    def __init__(self, depth: int, in_channels: int = 1) -> None:
        from monai.networks.nets import resnet  # heavy, and wanted for 3D alone

        bias, shortcut = resnet.get_medicalnet_pretrained_resnet_args(depth)
        net = getattr(resnet, f"resnet{depth}")(
            spatial_dims=3, n_input_channels=in_channels, conv1_t_stride=2, feed_forward=False,
            bias_downsample=bias, shortcut_type=shortcut,
        )  # fmt: skip
        widths = (64, *(width * (4 if depth >= 50 else 1) for width in (64, 128, 256, 512)))
        super().__init__(in_channels, widths, strides=(2, 4, 8, 16, 32))
        for name in ("conv1", "bn1", "act", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            self.add_module(name, getattr(net, name))

    def parts(self) -> Sequence[Part]:
        return self._stem, self._pooled, self.layer2, self.layer3, self.layer4

    def _stem(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.act(self.bn1(self.conv1(images)))
        return features

    def _pooled(self, features: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer1(self.maxpool(features))
        return found


def build_image_encoder(name: str, *, in_channels: int = 3, stem: str = "imagenet") -> ImageEncoder:
    """A freshly initialised encoder; `stem` changes "small" and the ResNets alone.

    Raises ValueError where the name or the stem is none of those there are, and where there are no channels.
    """
    if name not in NAMES:
        raise ValueError(f"the encoder must be one of {', '.join(NAMES)}; got {name!r}.")
    if stem not in STEMS:
        raise ValueError(f"the stem must be one of {', '.join(STEMS)}; got {stem!r}.")
    if in_channels < 1:
        raise ValueError(f"an encoder needs at least one channel; got {in_channels}.")
    if name == "small":
        return SmallImageEncoder(in_channels, stem)
    if name in LAYOUTS:
        return ResNetEncoder(name, in_channels, stem)
    if name in UNET_NAMES:
        from sagittal_engine.nets.unet import UNetEncoder  # MONAI is heavy, and wanted for U-Nets and 3D alone

        return UNetEncoder(int(name.removeprefix("unet_")), in_channels)
    if name == "small_3d":
        return SmallVolumeEncoder(in_channels)
    return VolumeEncoder(int(name.removeprefix("monai_resnet").removesuffix("_3d")), in_channels)
