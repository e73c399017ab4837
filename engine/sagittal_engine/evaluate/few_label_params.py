"""What can be said of fine-tuning an encoder for segmentation with few labels. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import field_validator

from sagittal.params import inherited, setting
from sagittal_engine.evaluate.image_params import numbers_of
from sagittal_engine.kit import recipes
from sagittal_engine.kit.segmentation_params import DATA, SegmentationParams, network_of

TASK = "fine-tune"
PROTOCOL = "Protocol"

RECIPES = recipes.load(__file__)

ASKED = (
    "budgets", "repeats", "labels", "seed", "steps", "batch_size", "learning_rate", "weight_decay", "plane",
    "image_size", "pixel_spacing", "overlapping", "nested", "encoder", "decoder_width", "mean_teacher", "foreground",
    "crop_low", "flip", "rotation", "brightness", "contrast", "blur", "noise", "dice_weight", "entropy_weight",
    "allow_seen", "resamples",
)  # fmt: skip
"""What a form asks for, in order; the rest says how a run is kept, and nothing is kept of these but their figures."""


class FineTuneParams(SegmentationParams):
    """How encoders are fine-tuned, with how many labelled subjects, and how they are tested."""

    steps: int = inherited(SegmentationParams, "steps", 200, help="Steps of each fine-tuning.")
    batch_size: int = inherited(SegmentationParams, "batch_size", 16, paper=10)
    learning_rate: float = inherited(SegmentationParams, "learning_rate", 2e-3, paper=5e-5)
    image_size: int = setting(
        0,
        "Pixels a side that the network sees; 0 takes what the encoders were trained on.",
        ge=0, le=1024, unit="px", group=DATA,
    )  # fmt: skip
    budgets: str = setting(
        "1, 2, 8", "Subjects with labels; several as 1, 2, 8. 0 takes all that are not tested.", group=PROTOCOL
    )
    repeats: int = setting(5, "Seeded draws of the labelled subjects at each budget.", ge=1, le=100, group=PROTOCOL)
    seed: int = setting(0, "Seed of the draws, the random weights and the training.", ge=0, lt=2**31, group=PROTOCOL)
    allow_seen: bool = setting(
        False,
        "Test also on subjects whose scans the encoder was pre-trained on. They were seen, if without labels, which "
        "flatters it; the result says so.",
        group=PROTOCOL,
    )
    resamples: int = setting(
        2000, "Resamples of the bootstrap behind the intervals.", ge=100, le=1_000_000, group=PROTOCOL
    )

    @field_validator("budgets")
    @classmethod
    def _budgets(cls, text: str) -> str:
        if any(value < 0 or value != int(value) for value in numbers_of(text)):
            raise ValueError("budgets are whole numbers of subjects, 0 or more")
        return text

    @field_validator("image_size")
    @classmethod
    def _size(cls, size: int) -> int:
        if 0 < size < 16:
            raise ValueError("images have at least 16 pixels a side, or 0 for those of the encoders")
        return size

    def counts(self) -> tuple[int, ...]:
        """The budgets asked for, ascending, each once; 0 stands for all subjects."""
        return tuple(sorted({int(value) for value in numbers_of(self.budgets)})) or (0,)

    def training(self, labels: tuple[str, ...], facts: Mapping[str, Any], start: str) -> SegmentationParams:
        """The parameters of one fine-tuning: the network of an encoder with these `facts` (none for random weights).

        Raises `SagittalError` where it is no encoder of slices.
        """
        own = {name: getattr(self, name) for name in SegmentationParams.model_fields}
        own |= {"labels": ", ".join(labels), "start_from": start, "image_size": self.image_size or DEFAULT_SIZE}
        if facts:
            own |= network_of(dict(facts), start)
        if facts.get("image_size") and not self.image_size:
            own["image_size"] = max(16, int(facts["image_size"]))
        return SegmentationParams(**own)


DEFAULT_SIZE = 64
"""Pixels a side where neither the request nor an encoder says."""
