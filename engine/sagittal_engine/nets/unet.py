"""The contracting half of a U-Net as an image encoder."""

from __future__ import annotations

from typing import Any

from monai.networks.nets.basic_unet import Down, TwoConv
from torch import nn

from sagittal_engine.nets.image_encoder import ImageEncoder

ACTIVATION = ("LeakyReLU", {"negative_slope": 0.01, "inplace": True})
FACTORS = (1, 2, 4, 8, 16)


class UNetEncoder(ImageEncoder):
    """Five levels of b, 2b, 4b, 8b and 16b channels at strides 1, 2, 4, 8 and 16, b the base width.

    Each level is two 3×3 convolutions with batch normalisation and LeakyReLU, after 2×2 maximum pooling from the second
    on: the encoder of the published positional contrast (b = 48 for ACDC and HVSMR, else 32). Parts and their names
    are those of MONAI's `BasicUNet`. Images have at least 16 pixels a side.
    """

    def __init__(self, base: int, in_channels: int = 1) -> None:
        widths = tuple(base * factor for factor in FACTORS)
        super().__init__(in_channels, widths, strides=FACTORS)
        # A bias would be taken out again by the normalisation.
        shared: dict[str, Any] = {"spatial_dims": 2, "act": ACTIVATION, "norm": "batch", "bias": False}
        self.conv_0 = TwoConv(in_chns=in_channels, out_chns=widths[0], **shared)
        self.down_1 = Down(in_chns=widths[0], out_chns=widths[1], **shared)
        self.down_2 = Down(in_chns=widths[1], out_chns=widths[2], **shared)
        self.down_3 = Down(in_chns=widths[2], out_chns=widths[3], **shared)
        self.down_4 = Down(in_chns=widths[3], out_chns=widths[4], **shared)

    def parts(self) -> tuple[nn.Module, ...]:
        return self.conv_0, self.down_1, self.down_2, self.down_3, self.down_4
