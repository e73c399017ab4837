"""SSLACL: jigsaw puzzles of slices, whose branches later read groups of an exam's slices.

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

from sagittal.method import MethodCard
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.puzzle_params import PUZZLE, PuzzleParams, panels


class SSLACLParams(PuzzleParams):
    """Parameters of SSLACL."""

    batch_size: int = setting(32, "Slices per step.", ge=2, le=4096, unit="slices")
    steps: int = setting(1800, "Steps the schedule is made for.", ge=0, le=10_000_000, unit="steps")
    decay_every: int = setting(
        35, "Steps between two factors of the exponential schedule.", ge=1, unit="steps", group="Optimiser"
    )
    arrangement_rule: str = setting(
        "hamming",
        "How the orders are chosen.",
        choices={
            "uniform": "From all there are, alike.",
            "hamming": "Any two differ in more than half of the places (of 9 cells, in five or more).",
        },
        group=PUZZLE,
    )


CARD = MethodCard(
    name="sslacl",
    title="SSLACL",
    summary="Solves jigsaw puzzles of slices whose orders differ clearly, by nine branches without normalisation.",
    paper="Self-supervised diagnosis of the anterior cruciate ligament from knee MR, doctoral thesis ch. 3",
    capabilities=("pretext", "representation"),
    params=SSLACLParams,
    implementation="sagittal_plugins.sslacl.method:SSLACL",
    note="Reconstructed from the thesis: no program was released.",
    panels=panels(),
    recipes=recipes.load(__file__),
)
