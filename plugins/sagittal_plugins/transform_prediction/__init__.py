"""Prediction of geometric transforms: how was this slice turned, moved and enlarged?

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from sagittal.method import MethodCard
from sagittal.panels import Images
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import STEMS, UNET_LEAST
from sagittal_engine.kit.guess_params import CHANGES, NETWORK, GuessParams, panels
from sagittal_engine.kit.segmentation_params import SLICE_ENCODERS

LOSS = "transform_loss"
PICTURES = "Transforms"


class TransformParams(GuessParams):
    """Parameters of transform prediction; strengths are the thesis's (ch. 3)."""

    image_size: int = inherited(GuessParams, "image_size", 224, help="Pixels a side that the network sees.")
    rotation: float = setting(15.0, "A slice is turned by this either way, or not.", gt=0, le=180, unit="degrees")
    shift: float = setting(
        0.1, "It is moved by this share of its side either way, or not, along either axis.", gt=0, le=0.5
    )
    scale: float = setting(1.2, "It is enlarged by this, or not.", gt=1, le=4)
    noise: float = setting(0.0, "Standard deviation of Gaussian noise, intensities in 0…1.", ge=0, le=1, group=CHANGES)
    encoder: str = setting("resnet18", "Network that is trained.", choices=SLICE_ENCODERS, group=NETWORK)
    stem: str = setting("imagenet", "First layers of a ResNet.", choices=STEMS, group=NETWORK)
    weights: str = setting(
        "",
        "File with published weights (.pth, .pt or .safetensors) to start the encoder from; empty for random ones.",
        path=True,
        group=NETWORK,
    )

    @model_validator(mode="after")
    def _large_enough(self) -> Self:
        if int(self.shift * self.image_size) < 1:
            raise ValueError(
                f"A shift of {self.shift:g} of {self.image_size} pixels is less than one. Raise 'shift' or "
                "'image_size'."
            )
        if self.encoder.startswith("unet_") and self.image_size < UNET_LEAST:
            raise ValueError(f"The encoder {self.encoder} needs {UNET_LEAST} pixels a side; got {self.image_size}.")
        return self


CARD = MethodCard(
    name="transform_prediction",
    title="Transform prediction",
    summary="Guesses how a slice was turned, moved and enlarged; edges of the picture can give the answer away.",
    paper="Geometric-transformation prediction, the first pretext of doctoral thesis ch. 3",
    capabilities=("pretext", "representation"),
    params=TransformParams,
    implementation="sagittal_plugins.transform_prediction.method:TransformPrediction",
    panels=panels(
        LOSS,
        "Cross-entropy of each step's guesses; ln 54 = 3.99 is what guessing without looking costs.",
        "Share of slices whose turn, shift and size were all told: of each step's batch, of slices of subjects that "
        "are never trained on (always the same ones), and by chance.",
        Images(
            PICTURES,
            "Some slices of the newest drawn batch: as they are, as the network is given them, and as they come out "
            "when what it answers is undone.",
            source=PICTURES,
            captions=("above: slice", "middle: transformed", "below: the network's answer undone"),
        ),
    ),
    recipes=recipes.load(__file__),
)
