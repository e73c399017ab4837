"""GraTa: adapt a trained segmenter to each new image by a gradient that is aligned with another (AAAI 2025).

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from sagittal.method import MethodCard, Needs
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.adapter_params import COSINE, UPDATE, AdapterParams, panels

ALIGNMENT = "Alignment"

NONE = "none"
OBJECTIVES = {
    "consistency": "A strong view shall be segmented as the mean of six flips and turns is.",
    "entropy": "Every pixel shall be certain.",
}


class GraTaParams(AdapterParams):
    """Parameters of GraTa. Defaults are the released code's."""

    learning_rate: float = inherited(
        AdapterParams, "learning_rate", 1e-4, help="β: step size where the two gradients agree wholly."
    )
    momentum: float = inherited(AdapterParams, "momentum", 0.99)
    pseudo: str = setting("consistency", "Objective whose gradient is followed.", choices=OBJECTIVES, group=ALIGNMENT)
    auxiliary: str = setting(
        "entropy",
        "Objective of the gradient that the other is aligned with.",
        choices={**OBJECTIVES, NONE: "There is none: the pseudo gradient alone, taken where the network stands."},
        group=ALIGNMENT,
    )
    auxiliary_step: float = setting(
        1.0,
        "How far the network goes along the auxiliary gradient before the pseudo gradient is taken; 0 takes both where "
        "it stands.",
        ge=0, le=100, group=ALIGNMENT,
    )  # fmt: skip
    rate: str = setting(
        "aligned",
        "How the step size follows from the two gradients.",
        choices={
            "aligned": "β · (cosine + 1)² / 4: none where they are opposite.",
            "fixed": "β at every step.",
        },
        group=UPDATE,
    )
    full_entropy: bool = setting(
        False, "Count −(1 − p)·ln(1 − p) in the entropy of sigmoid outputs too; the released code does not.",
        group=ALIGNMENT,
    )  # fmt: skip

    @model_validator(mode="after")
    def _two_gradients(self) -> Self:
        if self.auxiliary == NONE and self.rate == "aligned":
            raise ValueError(
                "The step size 'aligned' compares two gradients, and 'auxiliary' is none. Set 'rate' to fixed, or "
                "choose an auxiliary objective."
            )
        return self


CARD = MethodCard(
    name="grata",
    title="GraTa",
    summary="Adapts a trained segmenter to each new scan: a consistency gradient, aligned with that of the entropy.",
    paper="Chen et al., Gradient Alignment Improves Test-Time Adaptation for Medical Image Segmentation, AAAI 2025",
    capabilities=("adapter",),
    params=GraTaParams,
    implementation="sagittal_plugins.grata.method:GraTa",
    needs=Needs(segmenter=True),
    panels=panels(COSINE),
    recipes=recipes.load(__file__),
)
