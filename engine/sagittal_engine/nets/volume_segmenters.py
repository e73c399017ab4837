"""3D networks that segment, by name, each parted at a latent in its middle.

They turn images (N, C, X, Y, Z) into logits (N, outputs, X, Y, Z). The *path* leads from the image to the latent and no
further; `finish` does the rest. Methods that compare latents run the path alone where no segmentation is wanted, and
can let go of the rest's intermediate results early.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from monai.networks.blocks import UnetrBasicBlock, UnetrUpBlock
from monai.networks.blocks.dynunet_block import UnetOutBlock
from monai.networks.nets.basic_unet import Down, TwoConv, UpCat
from monai.networks.nets.swin_unetr import SwinTransformer, compute_mask, get_window_size
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal_engine.nets.layout import is_laid_out

NAMES = ("small_unet", "swin_unetr_2", "swin_unetr")
NORMS = ("instance", "batch")

Passed = tuple[Tensor, ...]
"""What the path hands on; the latent is the last."""


class VolumeSegmenter(nn.Module):
    """A network in two parts."""

    multiple: int
    """The sides of an image must be multiples of this."""
    path_names: tuple[str, ...]
    """Attributes that the path consists of."""

    @abstractmethod
    def path(self, images: Tensor) -> Passed:
        """From the images to the latent (N, F, x, y, z), which comes last of what is handed on."""

    @abstractmethod
    def finish(self, images: Tensor, passed: Passed) -> Tensor:
        """The logits of `images`, from what `path` made of them."""

    def forward(self, images: Tensor) -> Tensor:
        return self.finish(images, self.path(images))

    def latent(self, images: Tensor) -> Tensor:
        return self.path(images)[-1]

    def finish_parameters(self) -> Iterator[nn.Parameter]:
        """The trained parameters that `path` does not use."""
        for name, parameter in self.named_parameters():
            if parameter.requires_grad and not name.startswith(tuple(f"{part}." for part in self.path_names)):
                yield parameter


class InstanceNorm(nn.InstanceNorm3d):
    """An instance normalisation that leaves features channels last where they came so.

    torch's own copies them into the other layout first, and the next convolution copies them back: together half of
    the time of a level. The normalisation of a batch of one image is the same.
    """

    def __init__(self, norm: nn.InstanceNorm3d) -> None:
        super().__init__(norm.num_features, norm.eps, affine=norm.affine)
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, input: Tensor) -> Tensor:
        if not is_laid_out(input):
            return super().forward(input)
        each = [
            F.batch_norm(image, None, None, self.weight, self.bias, training=True, eps=self.eps)
            for image in input.split(1)
        ]
        return each[0] if len(each) == 1 else torch.cat(each)


class SmallUNet(VolumeSegmenter):
    """MONAI's basic U-Net with four levels of 8, 16, 32 and 48 channels at strides 1, 2, 4 and 8, for processors.

    The latent is the third level: 32 channels at stride 4. Weights are laid out channels last, which processors
    convolve half again as fast, and normalisations keep to it.
    """

    multiple = 8
    path_names = ("level1", "level2", "level3")
    WIDTHS = (8, 16, 32, 48)

    def __init__(self, outputs: int, in_channels: int = 1, norm: str = "instance") -> None:
        super().__init__()
        act = ("LeakyReLU", {"negative_slope": 0.1, "inplace": True})
        kind = (norm, {"affine": True})
        a, b, c, d = self.WIDTHS
        common = {"act": act, "norm": kind, "bias": True}
        self.level1 = TwoConv(3, in_channels, a, **common)
        self.level2 = Down(3, a, b, **common)
        self.level3 = Down(3, b, c, **common)
        self.level4 = Down(3, c, d, **common)
        self.up3 = UpCat(3, d, c, c, **common)
        self.up2 = UpCat(3, c, b, b, **common)
        self.up1 = UpCat(3, b, a, a, **common)
        self.out = nn.Conv3d(a, outputs, 1)
        for parent in list(self.modules()):
            for name, child in parent.named_children():
                if isinstance(child, nn.InstanceNorm3d):
                    setattr(parent, name, InstanceNorm(child))
        self.to(memory_format=torch.channels_last_3d)

    def path(self, images: Tensor) -> Passed:
        fine = self.level1(images)
        middle = self.level2(fine)
        return fine, middle, self.level3(middle)

    def finish(self, images: Tensor, passed: Passed) -> Tensor:
        fine, middle, latent = passed
        found = self.up1(self.up2(self.up3(self.level4(latent), latent), middle), fine)
        return self.out(found)  # type: ignore[no-any-return]


class SwinSegmenter(VolumeSegmenter):
    """SwinUNETR (Hatamizadeh et al. 2022), whole with four stages, or cut to its first two.

    The latent is the output of the third encoder block: 2·feature_size channels at stride 4 (48 × 32³ of 128³ voxels).
    Parts carry MONAI's names, so that weights published for its SwinUNETR load into the whole one by name.
    Cut, the fourth encoder block takes the place of everything deeper.
    """

    HEADS = (3, 6, 12, 24)
    path_names = ("swinViT.patch_embed", "swinViT.layers1", "encoder3")

    def __init__(
        self,
        outputs: int,
        in_channels: int = 1,
        *,
        stages: int = 2,
        feature_size: int = 24,
        norm: str = "instance",
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (stages + 1)
        self.whole = stages == 4
        f = feature_size
        self.swinViT = SwinTransformer(
            in_chans=in_channels, embed_dim=f, window_size=(7, 7, 7), patch_size=(2, 2, 2), depths=(2,) * stages,
            num_heads=self.HEADS[:stages], use_checkpoint=checkpointing, spatial_dims=3,
        )  # fmt: skip

        def block(given: int, out: int) -> nn.Module:
            return UnetrBasicBlock(3, given, out, kernel_size=3, stride=1, norm_name=norm, res_block=True)

        def up(given: int, out: int) -> nn.Module:
            return UnetrUpBlock(3, given, out, kernel_size=3, upsample_kernel_size=2, norm_name=norm, res_block=True)

        self.encoder1, self.encoder2 = block(in_channels, f), block(f, f)
        self.encoder3, self.encoder4 = block(2 * f, 2 * f), block(4 * f, 4 * f)
        if self.whole:
            self.encoder10 = block(16 * f, 16 * f)
            self.decoder5, self.decoder4 = up(16 * f, 8 * f), up(8 * f, 4 * f)
        self.decoder3, self.decoder2, self.decoder1 = up(4 * f, 2 * f), up(2 * f, f), up(f, f)
        self.out = UnetOutBlock(3, f, outputs)

    def path(self, images: Tensor) -> Passed:
        first = self.swinViT.patch_embed(images)
        second = _stage(self.swinViT.layers1[0], first)
        return first, second, self.encoder3(_even(second))

    def finish(self, images: Tensor, passed: Passed) -> Tensor:
        first, second, latent = passed
        third = _stage(self.swinViT.layers2[0], second)
        found = self.encoder4(_even(third))
        if self.whole:
            fourth = _stage(self.swinViT.layers3[0], third)
            last = self.encoder10(_even(_stage(self.swinViT.layers4[0], fourth)))
            found = self.decoder4(self.decoder5(last, _even(fourth)), found)
        found = self.decoder2(self.decoder3(found, latent), self.encoder2(_even(first)))
        return self.out(self.decoder1(found, self.encoder1(images)))  # type: ignore[no-any-return]


def _stage(layer: Any, features: Tensor) -> Tensor:
    """One stage of a Swin transformer: windows, every other block shifted, and the merging of patches.

    As MONAI's own `BasicLayer.forward`, without the optional package that it asks for.
    """
    sides = tuple(features.shape[2:])
    window, shift = get_window_size(sides, layer.window_size, layer.shift_size)
    padded = [math.ceil(side / size) * size for side, size in zip(sides, window, strict=True)]
    mask = compute_mask(padded, window, shift, features.device)
    found = features.movedim(1, -1).contiguous()
    for block in layer.blocks:
        found = block(found, mask)
    merged: Tensor = layer.downsample(found)
    return merged.movedim(-1, 1).contiguous()


def _even(features: Tensor) -> Tensor:
    """Layer-normalised over the channels, as SwinUNETR hands its stages on."""
    last = features.movedim(1, -1)
    return F.layer_norm(last, last.shape[-1:]).movedim(-1, 1).contiguous()


def build_volume_segmenter(
    name: str,
    outputs: int,
    *,
    in_channels: int = 1,
    norm: str = "instance",
    feature_size: int = 24,
    checkpointing: bool = False,
) -> VolumeSegmenter:
    """A freshly initialised network with `outputs` channels of logits.

    `norm` is the normalisation of convolutions: "instance", or "batch" so that test-time adaptation has statistics to
    adapt. `feature_size` (a multiple of 12) and `checkpointing` (activations made again in the backward pass) are of
    the transformers alone. Raises ValueError where a name is none of those there are or a number does not fit.
    """
    if name not in NAMES:
        raise ValueError(f"the network must be one of {', '.join(NAMES)}; got {name!r}.")
    if norm not in NORMS:
        raise ValueError(f"the normalisation must be one of {', '.join(NORMS)}; got {norm!r}.")
    if outputs < 1 or in_channels < 1 or feature_size < 12 or feature_size % 12:
        raise ValueError(
            "a network has at least one output and one channel, and feature_size is a multiple of 12; "
            f"got {outputs}, {in_channels} and {feature_size}."
        )
    if name == "small_unet":
        return SmallUNet(outputs, in_channels, norm)
    return SwinSegmenter(
        outputs, in_channels, stages=2 if name == "swin_unetr_2" else 4, feature_size=feature_size, norm=norm,
        checkpointing=checkpointing,
    )  # fmt: skip
