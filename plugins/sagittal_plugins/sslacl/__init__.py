"""SSLACL: jigsaw puzzles of slices, whose branches later read groups of an exam's slices.

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

from sagittal.method import MethodCard
from sagittal.params import inherited
from sagittal_engine.kit import recipes
from sagittal_engine.kit.puzzle_params import PuzzleParams, panels


class SSLACLParams(PuzzleParams):
    """Parameters of SSLACL."""

    batch_size: int = inherited(PuzzleParams, "batch_size", 32)
    steps: int = inherited(PuzzleParams, "steps", 1800)
    decay_every: int = inherited(PuzzleParams, "decay_every", 35)
    arrangement_rule: str = inherited(PuzzleParams, "arrangement_rule", "hamming")


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
