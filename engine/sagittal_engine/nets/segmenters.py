"""Segmentation networks: any encoder of images with the decoder of a U-Net (Ronneberger et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.basic_unet import TwoConv
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal_engine.nets.image_encoder import ImageEncoder

ACTIVATION = ("LeakyReLU", {"negative_slope": 0.1, "inplace": True})
NORM = ("batch", {"affine": True})

WIDEST = 256
"""Most channels of a decoder's level, unless its width is given."""
LAST_WIDTH = 32
"""Most channels at full resolution, where the encoder's first stage has less than that; half of the next level's, since
that is where most of the work is."""


class Level(nn.Module):
    """Enlarges the features to the skip's size, joins the skip, and convolves twice."""

    def __init__(self, given: int, skip: int, width: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(given, width, 1, bias=False)  # before enlarging: a quarter of the work
        self.convs = TwoConv(2, width + skip, width, ACTIVATION, NORM, bias=False)

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        features = self.squeeze(features)
        if features.shape[2:] != skip.shape[2:]:
            features = F.interpolate(features, size=skip.shape[2:], mode="bilinear", align_corners=False)
        joined: Tensor = self.convs(torch.cat([skip, features], 1))
        return joined


class Decoder(nn.Module):
    """From the stages of an encoder to logits at the size of the first skip."""

    def __init__(self, stages: Sequence[int], widths: Sequence[int], outputs: int) -> None:
        """`stages` are the channels of the skips, shallow to deep, the deepest being the start; `widths` those of the
        levels, shallow to deep, one fewer."""
        super().__init__()
        self.levels = nn.ModuleList()
        given = stages[-1]
        for skip, width in zip(reversed(stages[:-1]), reversed(widths), strict=True):
            self.levels.append(Level(given, skip, width))
            given = width
        self.head = nn.Conv2d(given, outputs, 1)

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        features = stages[-1]
        for level, skip in zip(self.levels, reversed(stages[:-1]), strict=True):
            features = level(features, skip)
        logits: Tensor = self.head(features)
        return logits


class SegmentationNet(nn.Module):
    """(N, C, H, W) → logits (N, outputs, H, W), for any H and W of which the encoder can make its stages.

    The encoder's stages are the skips. Where the first of them is coarser than the image, the image itself is one more
    skip, so that outlines are drawn at full resolution. Parameters are named "encoder.*" and "decoder.*".
    """

    def __init__(self, encoder: ImageEncoder, outputs: int, *, width: int = 0) -> None:
        """`width` is that of every level of the decoder but the one at full resolution; 0 takes the encoder's own, at
        most 256. Raises ValueError where there is no output, or the encoder is not one of flat images."""
        super().__init__()
        if outputs < 1:
            raise ValueError(f"a segmentation has at least one output; got {outputs}.")
        strides = encoder.stage_strides
        if len(strides) < 2 or any(isinstance(part, nn.Conv3d) for part in encoder.modules()):
            raise ValueError("the decoder joins the stages of an encoder of flat images; this one has none to join.")
        self.encoder = encoder
        self._whole = strides[0] == 1
        stages = tuple(encoder.stage_widths)
        widths = [width or min(own, WIDEST) for own in stages[:-1]]
        if not self._whole:
            stages = (encoder.in_channels, *stages)
            widths = [min(LAST_WIDTH, max(1, widths[0] // 2)), *widths]
        self.decoder = Decoder(stages, widths, outputs)

    def forward(self, images: Tensor) -> Tensor:
        stages = self.encoder.stages(images)
        logits: Tensor = self.decoder(stages if self._whole else [images, *stages])
        return logits
