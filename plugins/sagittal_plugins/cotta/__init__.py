"""CoTTA: adapt a trained segmenter to what its slowly moving teacher says of many views (CVPR 2022).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard, Needs
from sagittal.params import inherited, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.adapter_params import EMPIRICAL, AdapterParams, panels

TEACHER = "Teacher"


class CoTTAParams(AdapterParams):
    """Parameters of CoTTA's consistency, on the scales and shifts of normalisations."""

    learning_rate: float = inherited(AdapterParams, "learning_rate", 1e-4, paper=7.5e-6)
    teacher_decay: float = setting(
        0.999, "Share of itself that the teacher keeps at a step.", ge=0, le=1, group=TEACHER
    )
    certain_from: float = setting(
        1.0,
        "Where the trained network's mean certainty of an image is at least this, the teacher is asked once, without "
        "flips and turns; 1 always asks for the mean of six.",
        ge=0, le=1, paper=0.69, group=TEACHER,
    )  # fmt: skip
    restore: float = setting(
        0.01, "Probability that a weight is set back to the trained network's after a step.", ge=0, le=1, group=TEACHER
    )


CARD = MethodCard(
    name="cotta",
    title="CoTTA",
    summary="Adapts a trained segmenter to what a slowly moving teacher says of many views, and forgets a little.",
    paper="Wang et al., Continual Test-Time Domain Adaptation, CVPR 2022",
    capabilities=("adapter",),
    params=CoTTAParams,
    implementation="sagittal_plugins.cotta.method:CoTTA",
    needs=Needs(segmenter=True),
    panels=panels(EMPIRICAL),
    recipes=recipes.load(__file__),
    note="CoTTA's consistency on scales and shifts alone; the paper moves every weight.",
)
