"""SimCLR: tell the two views of an image from all other images of the batch (Chen et al., ICML 2020).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

LOSS = "Loss"


class SimCLRParams(ContrastiveParams):
    """Parameters of SimCLR."""

    temperature: float = setting(
        0.1, "What cosines are divided by: cold looks at the hardest negatives, warm at all.", ge=0.01, le=10
    )
    temperature_schedule: str = setting(
        "constant",
        "Whether the temperature changes over the run.",
        choices={
            "constant": "It stays.",
            "cosine": "It swings between `temperature` and `temperature_high` (Kukleva et al. 2023).",
        },
        group=LOSS,
    )
    temperature_high: float = setting(1.0, "Upper end of the swing.", ge=0.01, le=10, group=LOSS)
    temperature_period: int = setting(
        0, "Length of a swing there and back; 0 is the whole run.", ge=0, unit="steps", group=LOSS
    )


CARD = MethodCard(
    name="simclr",
    title="SimCLR",
    summary="Two views of an image attract each other and repel all other images of the batch (NT-Xent).",
    paper="Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020",
    capabilities=("pretext", "representation"),
    params=SimCLRParams,
    implementation="sagittal_plugins.simclr.method:SimCLR",
    panels=panels(),
    recipes=recipes.load(__file__),
)
