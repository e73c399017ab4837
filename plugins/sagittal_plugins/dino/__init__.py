"""DINO: a student that sees parts of an image agrees with a teacher that sees most of it (Caron et al., ICCV 2021).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.panels import Lines
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import VIEWS, VIEWS_ABOUT, WHOLE, ContrastiveParams, panels

TEACHER = "Teacher"


class DINOParams(ContrastiveParams):
    """Parameters of DINO."""

    augmentation: str = setting("grey", VIEWS_ABOUT, choices=WHOLE)
    prototypes: int = setting(1024, "Outputs that student and teacher compare.", ge=2, le=1_000_000, paper=65536)
    local_views: int = setting(4, "Small crops per image, seen by the student alone.", ge=0, le=16, paper=8)
    local_size: int = setting(
        0,
        "Pixels a side of the small crops; 0 is three sevenths of `image_size`.",
        ge=0,
        le=512,
        unit="px",
        group=VIEWS,
    )
    crop_split: float = setting(
        0.4,
        "Large crops keep at least this share of the area, small ones at most this (0.4 for transformers, 0.14 for "
        "ResNet-50).",
        gt=0.01,
        lt=1,
        group=VIEWS,
    )
    student_temperature: float = setting(0.1, "Sharpness of the student.", ge=0.01, le=10)
    teacher_temperature: float = setting(
        0.04, "Sharpness of the teacher at the start; it rises to `teacher_temperature_high`.", ge=0.005, le=10,
        group=TEACHER,
    )  # fmt: skip
    teacher_temperature_high: float = setting(
        0.07, "Sharpness of the teacher after `teacher_warmup` steps.", ge=0.005, le=10, group=TEACHER
    )
    teacher_warmup: int = setting(
        0, "Steps over which the teacher's temperature rises; 0 keeps the start.", ge=0, unit="steps", group=TEACHER
    )
    teacher_momentum: float = setting(
        0.99,
        "Share of itself that the teacher keeps at the first step; it rises to 1 along a cosine over `steps`.",
        ge=0,
        le=1,
        group=TEACHER,
        paper=0.996,
    )
    centre_momentum: float = setting(
        0.9, "Share of itself that the centre of the teacher's outputs keeps.", ge=0, lt=1, group=TEACHER
    )
    frozen_steps: int = setting(
        20, "First steps in which the prototypes stay as they are.", ge=0, unit="steps", group=TEACHER,
        paper="one epoch",
    )  # fmt: skip
    projector_layers: int = inherited(ContrastiveParams, "projector_layers", 3)
    projector_norm: bool = inherited(ContrastiveParams, "projector_norm", False)


CARD = MethodCard(
    name="dino",
    title="DINO",
    summary="From small crops a student must say what its slow teacher says of large ones; centring prevents collapse.",
    paper="Caron et al., Emerging Properties in Self-Supervised Vision Transformers, ICCV 2021",
    capabilities=("pretext", "representation"),
    params=DINOParams,
    implementation="sagittal_plugins.dino.method:DINO",
    panels=panels(
        Lines(
            "Entropy and divergence",
            "Mean entropy of the teacher's answers, and what the student misses of them; their sum is the loss. "
            "Entropy near 0 or near its highest, ln of the prototypes, is a collapse.",
            series=("teacher_entropy", "divergence"),
            y_label="nats",
        ),
        parts=False,
    ),
    recipes=recipes.load(__file__),
)
