"""MoCo v2: a queue of past keys from a slowly moving encoder as negatives (He et al. 2020; Chen et al. 2020).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

LOSS = "Loss"


class MoCoParams(ContrastiveParams):
    """Parameters of MoCo v2."""

    temperature: float = setting(0.07, "What cosines are divided by.", ge=0.01, le=10, paper=0.2)
    queue_size: int = setting(4096, "Past keys that are kept as negatives.", ge=1, le=1_000_000, paper=65536)
    key_momentum: float = setting(
        0.99, "Share of itself that the key encoder keeps at each step.", ge=0, lt=1, paper=0.999
    )
    symmetric: bool = setting(
        False, "Let each view be the query once; costs another forward pass of both encoders.", group=LOSS
    )
    projector_norm: bool = inherited(ContrastiveParams, "projector_norm", False)


CARD = MethodCard(
    name="moco",
    title="MoCo v2",
    summary="A view must find the other view of its image among thousands of keys of earlier batches.",
    paper="He et al., Momentum Contrast, CVPR 2020; Chen et al., Improved Baselines with Momentum Contrastive Learning",
    capabilities=("pretext", "representation"),
    params=MoCoParams,
    implementation="sagittal_plugins.moco.method:MoCo",
    panels=panels(),
    recipes=recipes.load(__file__),
)
