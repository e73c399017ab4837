"""Barlow Twins: the two views' features correlate with themselves and with nothing else (Zbontar et al., ICML 2021).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels


class BarlowTwinsParams(ContrastiveParams):
    """Parameters of Barlow Twins."""

    redundancy_weight: float = setting(
        5e-3, "Weight of correlations between different features.", ge=0, le=100, paper=5e-3
    )
    out_dim: int = inherited(ContrastiveParams, "out_dim", 512, paper=8192)
    projector_layers: int = inherited(ContrastiveParams, "projector_layers", 3)


CARD = MethodCard(
    name="barlow_twins",
    title="Barlow Twins",
    summary="Features of the two views are made to correlate one by one and to be free of each other's information.",
    paper="Zbontar et al., Barlow Twins: Self-Supervised Learning via Redundancy Reduction, ICML 2021",
    capabilities=("pretext", "representation"),
    params=BarlowTwinsParams,
    implementation="sagittal_plugins.barlow_twins.method:BarlowTwins",
    panels=panels(),
    recipes=recipes.load(__file__),
)
