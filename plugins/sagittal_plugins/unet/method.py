"""U-Net as a method of Sagittal."""

from __future__ import annotations

from sagittal_engine.kit.segmentation import SliceSegmentation
from sagittal_plugins.unet import UNetParams


class UNet(SliceSegmentation[UNetParams]):
    """All of it is shared with the fine-tuning of a run's encoder."""
