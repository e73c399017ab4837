"""GCL: contrast under several meta labels at once, with a gradient mitigator and a gradient filter.

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import field_validator, model_validator

from sagittal.facts import Check, ScanFacts
from sagittal.method import MethodCard
from sagittal.panels import Images, Lines, Matrix, Timeline
from sagittal.params import META_LABELS, inherited, names_in, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import DATA, NETWORK, ContrastiveParams, panels
from sagittal_plugins.gcl import meta_labels

BRANCHES = ("image", "pixel")
"""What is contrasted under each meta label."""
MITIGATOR = "Gradient mitigator"
FILTER = "Gradient filter"


class GCLParams(ContrastiveParams):
    """Parameters of GCL."""

    steps: int = inherited(ContrastiveParams, "steps", 3000)
    batch_size: int = inherited(ContrastiveParams, "batch_size", 32)
    learning_rate: float = inherited(ContrastiveParams, "learning_rate", 0.01)
    warmup_steps: int = inherited(ContrastiveParams, "warmup_steps", 100)
    weight_decay: float = inherited(ContrastiveParams, "weight_decay", 1e-5)
    encoder: str = inherited(ContrastiveParams, "encoder", "unet_32")
    image_size: int = inherited(ContrastiveParams, "image_size", 128)
    out_dim: int = inherited(ContrastiveParams, "out_dim", 512, help="Width of an image's projection.")
    projector_norm: bool = inherited(
        ContrastiveParams,
        "projector_norm",
        False,
        help="Not for GCL: its heads see single cells too, and have no batch normalisation.",
    )

    meta_labels: str = setting(
        "subject, slice_quantile",
        "Attributes under which two images belong together when they share the value; each is a contrast of its own.",
        choices_from=META_LABELS,
        multiple=True,
    )
    temperature: float = setting(
        0.1,
        "What cosines are divided by in both contrasts: the lower, the more the likest negatives count.",
        ge=0.01,
        le=10,
    )
    pixel_weight: float = setting(
        1.0, "Weight of the pixel contrast beside the image contrast; 0 leaves it out.", ge=0, le=100
    )
    quantiles: int = setting(
        4, "Parts into which 'slice_quantile' divides a scan.", ge=2, le=64, unit="parts", group=DATA
    )
    label_noise: float = setting(
        0.0,
        "Share of images whose meta labels are made wrong on purpose, to see how much that harms.",
        ge=0,
        le=0.5,
        group=DATA,
    )
    mitigator: str = setting(
        "gradvac",
        "What becomes of gradients of different meta labels that point apart.",
        choices={
            "gradvac": "Each is turned until it agrees with every other as much as the two usually do.",
            "pcgrad": "What one takes back of another is removed.",
            "sum": "Nothing: they are summed.",
        },
        group=MITIGATOR,
    )
    beta: float = setting(
        0.01, "How quickly the usual agreement follows the newest one (gradvac).", ge=0, le=1, group=MITIGATOR
    )
    measure_steps: int = setting(
        50,
        "Steps between two looks at the agreement where gradients are only summed, each a backward pass per label; 0 "
        "never looks.",
        ge=0,
        unit="steps",
        group=MITIGATOR,
    )
    filter: bool = setting(True, "Keep only some cells of the partner image as positives.", group=FILTER)
    fraction: float = setting(0.3, "Share of the partner's cells that is kept (K).", gt=0, le=1, group=FILTER)
    pace: float = setting(
        1.0,
        "Exponent of the way from certain to hard cells, (step / steps) to this power: 1 is even, more begins later, 0 "
        "is hard from the start.",
        ge=0,
        le=10,
        group=FILTER,
    )
    anchors: int = setting(16, "Anchor cells drawn in each image for each label.", ge=1, le=4096, group=FILTER)
    negatives: int = setting(
        256,
        "Cells of images with another value that an image's anchors are held against.",
        ge=1,
        le=65536,
        group=FILTER,
    )
    pixel_dim: int = setting(128, "Width of a cell's projection.", ge=2, le=65536, group=NETWORK)

    @field_validator("meta_labels")
    @classmethod
    def _some_label(cls, text: str) -> str:
        if not names_in(text):
            raise ValueError("at least one meta label must be chosen, as subject, slice_quantile")
        return text

    @model_validator(mode="after")
    def _plain_heads(self) -> Self:
        if self.projector_norm or self.projector_last_norm:
            raise ValueError(
                "The heads of GCL see pooled features and single cells alike, which batch normalisation would mix. Set "
                "'projector_norm' and 'projector_last_norm' to false."
            )
        return self

    def about_scans(self, scans: Sequence[ScanFacts]) -> Iterable[Check]:
        yield from super().about_scans(scans)
        yield from meta_labels.about_scans(
            names_in(self.meta_labels), scans, plane=self.plane, patches=self.patches_per_scan, parts=self.quantiles
        )


COSINES = (
    "Mean cosine between the gradients of two meta labels on the shared encoder, since the square before: as they came "
    "(before), and of the row's after mitigation with the column's as it came (after)."
)

CARD = MethodCard(
    name="gcl",
    title="GCL-style (reconstructed)",
    summary="Contrasts images and pixels under several meta labels at once, and settles their gradients' conflicts.",
    paper="Gradient-guided contrastive learning under several meta labels, ACM Multimedia 2023, arXiv 2309.08888",
    capabilities=("pretext", "representation"),
    params=GCLParams,
    implementation="sagittal_plugins.gcl.method:GCL",
    note="Reconstructed from the published description: neither the paper's equations nor any code were available.",
    panels=panels(
        *(Matrix(f"Agreement of {branch} contrasts", COSINES, source=f"{branch}_cosines") for branch in BRANCHES),
        Matrix(
            "How often labels conflict",
            "Share of steps, since the square before, in which the gradients of two meta labels pointed apart.",
            source="conflicts",
        ),
        *(
            Timeline(
                f"Conflicts of {branch} contrasts",
                "For each pair of meta labels, the share of ten steps in which their gradients pointed apart.",
                series=(f"{branch}_conflict_*",),
                states=("agree", "conflict"),
            )
            for branch in BRANCHES
        ),
        *(
            Lines(
                f"Cosines of {branch} contrasts",
                "Cosine between the gradients of each two meta labels as they came, mean of ten steps.",
                series=(f"{branch}_cosine_*",),
            )
            for branch in BRANCHES
        ),
        Lines(
            "Agreement",
            "Mean cosine over all pairs of labels, of ten steps, before and after mitigation.",
            series=("image_agreement", "image_agreement_after", "pixel_agreement", "pixel_agreement_after"),
        ),
        Lines(
            "Mitigated",
            "Share of ordered pairs of labels in which one gradient was changed for the other, of ten steps.",
            series=("image_mitigated", "pixel_mitigated"),
        ),
        Lines(
            "Filter",
            "Pace (0 keeps certain cells, 1 hard ones), kept share of the partner's cells, and mean hardness and "
            "uncertainty of the kept beside all candidates.",
            series=("pace", "kept_fraction", "kept_hardness", "hardness", "kept_uncertainty", "uncertainty"),
        ),
        Lines(
            "Positives",
            "Mean number of other images of the batch, views of the same one apart, that share an image's value.",
            series=("positives_*",),
        ),
        Images(
            "Kept pixels",
            "For each label an anchor cell, and a partner image with the cells that the filter keeps as its positives; "
            "beside them how hard and how uncertain each candidate is.",
            source="Kept pixels",
        ),
        parts=False,
    ),
    recipes=recipes.load(__file__),
)
