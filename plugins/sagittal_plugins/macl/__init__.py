"""MACL: a temperature that follows the alignment of the positives (Huang et al., ICML 2023).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard
from sagittal.panels import Lines
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

LOSS = "Loss"


class MACLParams(ContrastiveParams):
    """Parameters of MACL."""

    temperature: float = setting(0.1, "Temperature where the alignment equals `alignment_start`.", ge=0.01, le=10)
    alpha: float = setting(0.5, "How much the temperature follows the alignment; 0 is NT-Xent's.", ge=0, lt=1)
    alignment_start: float = setting(
        0.0, "Alignment (mean cosine of positives) that leaves the temperature as it is.", ge=-1, le=1, group=LOSS
    )
    reweigh: bool = setting(
        True, "Divide each anchor's loss by one minus the probability of its positive, a constant.", group=LOSS
    )


CARD = MethodCard(
    name="macl",
    title="MACL",
    summary="SimCLR's loss with a temperature that rises as positives align, and gradients that do not fade.",
    paper="Huang et al., Model-Aware Contrastive Learning: Towards Escaping the Dilemmas, ICML 2023",
    capabilities=("pretext", "representation"),
    params=MACLParams,
    implementation="sagittal_plugins.macl.method:MACL",
    panels=panels(
        Lines(
            "Temperature and alignment",
            "Mean cosine of the positive pairs of each step's batch, and the temperature it gives.",
            series=("alignment", "temperature"),
        )
    ),
    recipes=recipes.load(__file__),
)
