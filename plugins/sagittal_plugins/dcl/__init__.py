"""DCL and DCLW: contrastive learning with the positive taken out of the denominator (Yeh et al., ECCV 2022).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

LOSS = "Loss"


class DCLParams(ContrastiveParams):
    """Parameters of decoupled contrastive learning."""

    temperature: float = setting(0.1, "What cosines are divided by.", ge=0.01, le=10)
    weighted: bool = setting(
        False, "DCLW: weigh positives by how far apart they still are, with `sigma` as their width."
    )
    sigma: float = setting(0.5, "Width of the positives' weight under DCLW.", gt=0, le=100, group=LOSS)
    negatives: str = setting(
        "joint",
        "How an anchor's negatives of both views are summed.",
        choices={
            "joint": "In one logarithm, as in the paper.",
            "by_view": "In one logarithm per view, as widely used code does.",
        },
        group=LOSS,
    )


CARD = MethodCard(
    name="dcl",
    title="DCL and DCLW",
    summary="SimCLR's loss with the positive pair removed from the denominator, so that small batches learn too.",
    paper="Yeh et al., Decoupled Contrastive Learning, ECCV 2022",
    capabilities=("pretext", "representation"),
    params=DCLParams,
    implementation="sagittal_plugins.dcl.method:DCL",
    panels=panels(),
    recipes=recipes.load(__file__),
)
