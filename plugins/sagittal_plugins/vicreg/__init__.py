"""VICReg: variance, invariance and covariance kept apart (Bardes, Ponce and LeCun, ICLR 2022).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.panels import Lines
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

LOSS = "Loss"


class VICRegParams(ContrastiveParams):
    """Parameters of VICReg."""

    invariance_weight: float = setting(25.0, "Weight of the distance between views.", ge=0, le=1e4)
    variance_weight: float = setting(25.0, "Weight of features that vary too little.", ge=0, le=1e4)
    covariance_weight: float = setting(1.0, "Weight of features that vary together.", ge=0, le=1e4)
    averaging: str = setting(
        "code",
        "How the terms are averaged.",
        choices={
            "code": "As released: distance over images and features, variance over both views.",
            "paper": "As printed: distance over images alone, variance summed over both views.",
        },
        group=LOSS,
    )
    out_dim: int = inherited(ContrastiveParams, "out_dim", 512, paper=8192)
    projector_layers: int = inherited(ContrastiveParams, "projector_layers", 3)


CARD = MethodCard(
    name="vicreg",
    title="VICReg",
    summary="Views agree, every feature keeps varying over the batch, and features do not repeat each other.",
    paper="Bardes, Ponce and LeCun, VICReg, ICLR 2022",
    capabilities=("pretext", "representation"),
    params=VICRegParams,
    implementation="sagittal_plugins.vicreg.method:VICReg",
    panels=panels(
        Lines(
            "Three terms",
            "Distance between views, shortfall of variance, and covariance of features, before their weights.",
            series=("invariance", "variance", "covariance"),
            log=True,
        )
    ),
    recipes=recipes.load(__file__),
)
