"""U-Net: supervised segmentation of slices, from scratch or from an encoder that was pre-trained without labels.

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard, Needs
from sagittal_engine.kit import recipes
from sagittal_engine.kit.segmentation_params import PANELS, SegmentationParams


class UNetParams(SegmentationParams):
    """Parameters of supervised segmentation."""


CARD = MethodCard(
    name="unet",
    title="U-Net",
    summary="Learns to segment slices from labelled scans, from scratch or from a pre-trained encoder; then segments "
    "whole cohorts by itself.",
    paper="Ronneberger, Fischer and Brox, U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI 2015",
    capabilities=("pretext", "predictor"),
    params=UNetParams,
    implementation="sagittal_plugins.unet.method:UNet",
    needs=Needs(scans=1, some_labels=True),
    panels=PANELS,
    recipes=recipes.load(__file__),
)
