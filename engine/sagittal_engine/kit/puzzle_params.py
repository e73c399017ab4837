"""Parameters and panels of methods that learn by solving puzzles. No torch."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from sagittal.panels import Curve, Images, Panel
from sagittal.params import setting
from sagittal_engine.kit import guess_params
from sagittal_engine.kit.arrangement_rules import most_arrangements
from sagittal_engine.kit.guess_params import CHANGES, NETWORK, GuessParams

PUZZLE = "Puzzle"
LOSS = "puzzle_loss"
PICTURES = "Puzzles"
BY_DISTANCE = "by_distance"


class PuzzleParams(GuessParams):
    """What every puzzle has; defaults are the thesis's (ch. 3)."""

    arrangements: int = setting(
        1000,
        "Orders of the cells that are told apart; the first is the right one.",
        ge=2,
        le=100_000,
        group=PUZZLE,
    )
    arrangement_rule: str = setting(
        "uniform",
        "How the orders are chosen.",
        choices={
            "uniform": "From all there are, alike.",
            "hamming": "Any two differ in more than half of the places (of 9 cells, in five or more).",
        },
        group=PUZZLE,
    )
    arrangement_seed: int = setting(
        0, "Seed of that choice; runs with the same one are asked the same orders.", ge=0, lt=2**31, group=PUZZLE
    )
    grid: int = setting(
        3,
        "Cells a side of the puzzle.",
        choices={"2": "2×2.", "3": "3×3.", "4": "4×4."},
        group=PUZZLE,
    )
    crop: int = setting(
        64, "Pixels a side of what is shown of a cell, at most the cell.", ge=4, le=512, unit="px", group=PUZZLE
    )
    crop_from: str = setting(
        "anywhere",
        "Where in its cell a crop lies. A gap between crops keeps their borders from telling which were neighbours.",
        choices={
            "anywhere": "At random.",
            "corner": "At random within ten pixels of the upper left corner, as the released programs have it.",
            "middle": "In the middle.",
        },
        group=PUZZLE,
    )
    draws: str = setting(
        "range",
        "How turns and shifts of a cell are drawn.",
        choices={
            "range": "From the whole range.",
            "ends": "The largest either way, or none, as the released programs have it.",
        },
        group=CHANGES,
    )
    rotation: float = setting(15.0, "Largest turn of a cell.", ge=0, le=180, unit="degrees", group=CHANGES)
    shift: float = setting(
        0.1, "Largest shift of a cell along either axis, as a share of `crop`, whole pixels.", ge=0, le=1, group=CHANGES
    )
    scale: float = setting(
        1.2, "A cell is enlarged by this, or left, with equal probability (released programs: 1.1).",
        ge=1, le=4, group=CHANGES,
    )  # fmt: skip
    noise: float = setting(0.1, "Standard deviation of Gaussian noise, intensities in 0…1.", ge=0, le=1, group=CHANGES)
    shared_noise: bool = setting(
        False, "The same noise for all slices of a batch, as the released TensorFlow program has it.", group=CHANGES
    )
    brightness: float = setting(
        0.0, "With probability ½ a cell is multiplied by 1 ± up to this (released PyTorch program: 0.15).",
        ge=0, le=1, group=CHANGES,
    )  # fmt: skip
    width: float = setting(
        1.0,
        "Channels of every layer, as a share of the published ones. With the square of it goes the number of weights.",
        gt=0,
        le=4,
        group=NETWORK,
    )
    checkpointing: bool = setting(
        False,
        "Compute inner results again in the backward pass: slower by about a third, and in a fraction of the memory.",
        group=NETWORK,
    )

    @property
    def cells(self) -> int:
        return self.grid**2

    @property
    def cell_side(self) -> int:
        """Pixels a side of a cell: ⌊image_size / grid⌋."""
        return self.image_size // self.grid

    def least_side(self) -> int:
        return self.grid

    def clear_side(self) -> int:
        return self.cell_side

    @model_validator(mode="after")
    def _cells_and_orders(self) -> Self:
        if self.crop > self.cell_side:
            raise ValueError(
                f"A cell has {self.cell_side} pixels a side ('image_size' {self.image_size} over 'grid' {self.grid}), "
                f"and 'crop' asks for {self.crop} of them. Lower 'crop', or raise 'image_size'."
            )
        most = most_arrangements(self.arrangement_rule, self.cells)
        if self.arrangements > most:
            raise ValueError(
                f"There are {most} orders of {self.cells} cells by the rule '{self.arrangement_rule}', and "
                f"'arrangements' asks for {self.arrangements}. Lower it, or choose another 'grid' or rule."
            )
        return self


ABOUT_LOSS = "Cross-entropy of each step's guesses; ln of the number of orders is what guessing without looking costs."
ABOUT_ACCURACY = (
    "Share of puzzles whose order was told exactly: of each step's batch, of slices of subjects that are never trained "
    "on (without random changes, always the same puzzles), and by chance."
)
CURVE = Curve(
    "Solved by distance",
    "Puzzles of held-out subjects at the newest look: share solved of those with so many cells out of place.",
    source=BY_DISTANCE,
    x_label="cells out of place",
    y_label="share solved",
)
PUZZLES = Images(
    PICTURES,
    "Some slices of the newest drawn batch: whole, as the network is given them, and put together as it answers; a "
    "cell is framed blue where it is back in its place, orange where it is not.",
    source=PICTURES,
    captions=("above: slice", "middle: puzzle", "below: the network's answer"),
)


def panels(*own: Panel) -> tuple[Panel, ...]:
    """The panels of a puzzle."""
    return guess_params.panels(LOSS, ABOUT_LOSS, ABOUT_ACCURACY, PUZZLES, CURVE, *own)
