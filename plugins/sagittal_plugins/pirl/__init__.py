"""PIRL: a slice and its puzzle have the same features (Misra and van der Maaten, CVPR 2020).

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from sagittal.method import MethodCard
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import (
    JIGSAW_LEAST,
    PATCH,
    VIEWS_ABOUT,
    WHOLE,
    ContrastiveParams,
    panels,
)

MEMORY = "Memory"


class PIRLParams(ContrastiveParams):
    """Parameters of PIRL."""

    augmentation: str = setting("grey", VIEWS_ABOUT, choices=WHOLE)
    temperature: float = setting(0.07, "What cosines are divided by.", ge=0.01, le=10)
    share: float = setting(
        0.5, "Weight of the puzzle's agreement with the memory; the rest is the slice's own.", ge=0, le=1
    )
    negatives: int = setting(
        1024, "Features of other slices, drawn from the memory at each step, that are driven away.",
        ge=1, le=1_000_000, paper=32000, group=MEMORY,
    )  # fmt: skip
    memory_momentum: float = setting(
        0.5, "Share of itself that a slice's remembered feature keeps when the slice is seen again.", ge=0, lt=1,
        group=MEMORY,
    )  # fmt: skip
    objective: str = setting(
        "nce",
        "How the right slice is told from the others.",
        choices={
            "nce": "Noise contrast, as printed: the right one is likely, and each other unlikely.",
            "cross-entropy": "The right one is likely.",
        },
    )
    projector_layers: int = inherited(
        ContrastiveParams, "projector_layers", 1, help="Linear layers between features and what is compared."
    )
    projector_norm: bool = inherited(ContrastiveParams, "projector_norm", False)

    @model_validator(mode="after")
    def _slices(self) -> Self:
        if self.plane == PATCH:
            raise ValueError("PIRL cuts slices into cells, and 'plane' is patch. Choose axial, coronal or sagittal.")
        if self.image_size < JIGSAW_LEAST:
            raise ValueError(
                f"PIRL's puzzles are made of slices of at least {JIGSAW_LEAST} pixels a side, and 'image_size' is "
                f"{self.image_size}. Raise it."
            )
        return self


CARD = MethodCard(
    name="pirl",
    title="PIRL",
    summary="A slice and its shuffled cells are given the same features, unlike those remembered of other slices.",
    paper="Misra and van der Maaten, Self-Supervised Learning of Pretext-Invariant Representations, CVPR 2020",
    capabilities=("pretext", "representation"),
    params=PIRLParams,
    implementation="sagittal_plugins.pirl.method:PIRL",
    panels=panels(),
    recipes=recipes.load(__file__),
)
