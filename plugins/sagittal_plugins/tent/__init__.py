"""TENT: adapt a trained segmenter to each new image by making it certain (ICLR 2021).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard, Needs
from sagittal.params import inherited
from sagittal_engine.kit import recipes
from sagittal_engine.kit.adapter_params import EMPIRICAL, AdapterParams, panels


class TentParams(AdapterParams):
    """Parameters of TENT."""

    learning_rate: float = inherited(AdapterParams, "learning_rate", 1e-4, paper=1e-3)


CARD = MethodCard(
    name="tent",
    title="TENT",
    summary="Adapts a trained segmenter to each new scan by minimising the entropy of what it says.",
    paper="Wang et al., Tent: Fully Test-Time Adaptation by Entropy Minimization, ICLR 2021",
    capabilities=("adapter",),
    params=TentParams,
    implementation="sagittal_plugins.tent.method:Tent",
    needs=Needs(segmenter=True),
    panels=panels(EMPIRICAL),
    recipes=recipes.load(__file__),
)
