"""W-MSE: views agree after their batch has been whitened (Ermolov et al., ICML 2021).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

LOSS = "Loss"


class WMSEParams(ContrastiveParams):
    """Parameters of W-MSE."""

    group_size: int = setting(
        128, "Images that are whitened together; best more than twice `out_dim`, at most `batch_size`.", ge=3, le=65536
    )
    partitions: int = setting(1, "Different divisions of the batch into groups per step.", ge=1, le=64, group=LOSS)
    shrinkage: float = setting(
        1e-3, "Share of the identity mixed into the covariance, against singular ones.", ge=0, lt=1, group=LOSS, paper=0
    )
    out_dim: int = inherited(ContrastiveParams, "out_dim", 64)


CARD = MethodCard(
    name="wmse",
    title="W-MSE",
    summary="Projections are whitened over groups of the batch, which leaves no room to collapse; then views agree.",
    paper="Ermolov et al., Whitening for Self-Supervised Representation Learning, ICML 2021",
    capabilities=("pretext", "representation"),
    params=WMSEParams,
    implementation="sagittal_plugins.wmse.method:WMSE",
    panels=panels(parts=False),
    recipes=recipes.load(__file__),
)
