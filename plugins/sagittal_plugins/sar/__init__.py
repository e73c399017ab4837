"""SAR: adapt a trained segmenter by the entropy of reliable pixels, at a flat minimum (ICLR 2023).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard, Needs
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.adapter_params import EMPIRICAL, AdapterParams, panels

SHARPNESS = "Sharpness"


class SARParams(AdapterParams):
    """Parameters of SAR."""

    learning_rate: float = inherited(AdapterParams, "learning_rate", 1e-4)
    reliable: float = setting(
        0.4, "Pixels count whose entropy is below this share of the most it can be.", gt=0, le=1, group=SHARPNESS
    )
    radius: float = setting(
        0.05, "ρ: distance, along the gradient, of the sharpest point that is looked at.", ge=0, le=10, group=SHARPNESS
    )
    recover_below: float = setting(
        0.0,
        "Begin anew from the trained network where the moving average of the loss falls below this, which tells of a "
        "collapse; 0 never does. The paper's 0.2 is of 1000 classes; a picture's background is surer than that.",
        ge=0, le=10, paper=0.2, group=SHARPNESS,
    )  # fmt: skip


CARD = MethodCard(
    name="sar",
    title="SAR",
    summary="Adapts a trained segmenter by the entropy of its reliable pixels, sharpness-aware.",
    paper="Niu et al., Towards Stable Test-Time Adaptation in Dynamic Wild World, ICLR 2023",
    capabilities=("adapter",),
    params=SARParams,
    implementation="sagittal_plugins.sar.method:SAR",
    needs=Needs(segmenter=True),
    panels=panels(EMPIRICAL),
    recipes=recipes.load(__file__),
)
