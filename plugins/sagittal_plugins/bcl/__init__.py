"""BCL: the binary contrastive loss and its combination with a Euclidean InfoNCE (thesis ch. 4).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.panels import Lines
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

LOSS = "Loss"


class BCLParams(ContrastiveParams):
    """Parameters of the binary contrastive loss."""

    objective: str = setting(
        "combo",
        "What is minimised.",
        choices={
            "bcl": "The binary loss alone (Eq. 4.14).",
            "combo": "The binary loss with a mean per class, and a Euclidean InfoNCE (Eq. 4.18).",
        },
    )
    temperature: float = setting(0.25, "What cosines are divided by in the binary loss.", ge=0.01, le=10)
    contrast_temperature: float = setting(
        0.33, "What squared distances are divided by in the InfoNCE of Combo.", ge=0.02, le=20, group=LOSS
    )
    normalizer: str = setting(
        "pairs",
        "How the binary loss alone is averaged; Combo always takes a mean per class.",
        choices={
            "pairs": "Sum over all pairs by 4N² (Eq. 4.14): negatives outweigh positives 2N − 2 times.",
            "classes": "A mean over positives and a mean over negatives.",
        },
        group=LOSS,
    )


CARD = MethodCard(
    name="bcl",
    title="Binary contrastive loss",
    summary="Is this pair of views from the same image? A yes-or-no question for each pair; Combo adds an InfoNCE.",
    paper="Doctoral thesis, ch. 4 (binary contrastive loss, Combo)",
    capabilities=("pretext", "representation"),
    params=BCLParams,
    implementation="sagittal_plugins.bcl.method:BCL",
    panels=panels(
        Lines(
            "Binary and InfoNCE",
            "The two terms of Combo, on each step's batch; under 'bcl' the binary term is the loss.",
            series=("binary", "info_nce"),
            y_label="term of the loss",
        )
    ),
    recipes=recipes.load(__file__),
)
