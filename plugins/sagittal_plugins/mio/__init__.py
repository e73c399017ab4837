"""MIO: mutual information by independent comparison of pairs (thesis ch. 5; arXiv 2111.12664).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

LOSS = "Loss"


class MIOParams(ContrastiveParams):
    """Parameters of MIO."""

    version: str = setting(
        "v3",
        "Which of the three losses.",
        choices={
            "v1": "Softplus of positives and negatives.",
            "v2": "Positives enter linearly, negatives by softplus.",
            "v3": "Positives enter linearly, negatives exponentially.",
        },
    )
    temperature: float = setting(
        0.2,
        "What cosines are divided by; where it is low (0.07 in Table 5.8), all images come to look alike to v3.",
        ge=0.02,
        le=10,
    )
    mse_weight: float = setting(
        0.0,
        "Weight of the squared distance between the projections of an image's two views (arXiv v1's regulariser).",
        ge=0,
        le=1000,
        group=LOSS,
    )


CARD = MethodCard(
    name="mio",
    title="MIO",
    summary="Every pair is compared on its own: positives attract, negatives repel, with no sum over the batch inside.",
    paper="Doctoral thesis, ch. 5 (MIO v1 to v3); arXiv 2111.12664",
    capabilities=("pretext", "representation"),
    params=MIOParams,
    implementation="sagittal_plugins.mio.method:MIO",
    panels=panels(),
    recipes=recipes.load(__file__),
)
