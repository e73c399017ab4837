"""BYOL: predict what a slowly moving copy of oneself says of the other view (Grill et al., NeurIPS 2020).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import NETWORK, ContrastiveParams, panels


class BYOLParams(ContrastiveParams):
    """Parameters of BYOL."""

    target_momentum: float = setting(
        0.99,
        "Share of itself that the target keeps at the first step; it rises to 1 along a cosine over `steps`.",
        ge=0,
        le=1,
        paper=0.996,
    )
    predictor_hidden: int = setting(512, "Hidden width of the predictor.", ge=1, le=16384, group=NETWORK, paper=4096)


CARD = MethodCard(
    name="byol",
    title="BYOL",
    summary="One network predicts the other's projection of the other view; no pair is driven apart.",
    paper="Grill et al., Bootstrap Your Own Latent, NeurIPS 2020",
    capabilities=("pretext", "representation"),
    params=BYOLParams,
    implementation="sagittal_plugins.byol.method:BYOL",
    panels=panels(parts=False),
    recipes=recipes.load(__file__),
)
