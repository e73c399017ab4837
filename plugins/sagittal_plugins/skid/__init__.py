"""SKID: jigsaw puzzles of slices, solved by branches that each see one cell.

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import model_validator

from sagittal.facts import Check, ScanFacts
from sagittal.method import MethodCard
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.guess_params import NETWORK
from sagittal_engine.kit.puzzle_params import PuzzleParams, panels
from sagittal_engine.kit.segmentation_params import SLICE_ENCODERS

SINGLE = "single stream"
HEAVY = 0.25
"""Share of the published channels from which a processor takes seconds or more for a step."""


class SKIDParams(PuzzleParams):
    """Parameters of SKID."""

    network: str = setting(
        "v3",
        "Network that solves the puzzle.",
        choices={
            "v1": "Nine branches, narrow blocks: 109 million weights at full width.",
            "v2": "Nine branches, wider second blocks: 170 million weights at full width.",
            "v3": "Nine branches, wide blocks: 218 million weights at full width.",
            "noblocks": "Nine branches, pooling in place of the blocks behind them: 20 million weights at full width.",
            SINGLE: "All cells laid out as one image, into one encoder: shows the shortcut that branches avoid.",
        },
    )
    encoder: str = setting(
        "resnet18", "Encoder of the single stream; branches have their own.", choices=SLICE_ENCODERS, group=NETWORK
    )
    weights: str = setting(
        "",
        "File with published weights (.pth, .pt or .safetensors) to start the single stream's encoder from.",
        path=True,
        group=NETWORK,
    )

    @model_validator(mode="after")
    def _one_image_is_large_enough(self) -> Self:
        side = self.grid * self.crop
        if self.network == SINGLE and side < 16:
            raise ValueError(
                f"The single stream needs an image of 16 pixels a side, and {side} are shown. Raise 'crop'."
            )
        if self.weights and self.network != SINGLE:
            raise ValueError(
                f"Published weights fit the encoder of the single stream, and 'network' is {self.network}. Leave "
                f"'weights' empty, or set 'network' to {SINGLE}."
            )
        return self

    def about_scans(self, scans: Sequence[ScanFacts]) -> Iterable[Check]:
        yield from super().about_scans(scans)
        if self.network != SINGLE and self.width > HEAVY:
            yield Check(
                True,
                f"SKID at {self.width:g} of its published width is made for a graphics card; on a processor choose "
                "the recipe quick-cpu.",
            )


CARD = MethodCard(
    name="skid",
    title="SKID",
    summary="Solves jigsaw puzzles of slices, each cell seen by a branch of its own, so that anatomy must be known.",
    paper="Skip-driven jigsaw for knee MR, doctoral thesis ch. 3; released programs sadimanna/skid",
    capabilities=("pretext", "representation"),
    params=SKIDParams,
    implementation="sagittal_plugins.skid.method:SKID",
    panels=panels(),
    recipes=recipes.load(__file__),
)
