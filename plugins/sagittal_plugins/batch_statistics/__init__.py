"""Prediction-time batch statistics: normalise by the images at hand, and learn nothing (Nado et al. 2020).

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard, Needs
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.adapter_params import StreamParams, panels


class BatchStatisticsParams(StreamParams):
    """Parameters of prediction-time batch statistics."""

    source_share: float = setting(
        0.0,
        "Weight of the statistics of training; the rest is the images' own (Schneider et al. 2020: N / (N + n) of n "
        "images, for a chosen N). 1 is the trained network as it is.",
        ge=0, le=1,
    )  # fmt: skip


CARD = MethodCard(
    name="batch_statistics",
    title="Batch statistics",
    summary="Normalises by the statistics of the images at hand in place of those of training; nothing is learnt.",
    paper="Nado et al., Evaluating Prediction-Time Batch Normalization for Robustness under Covariate Shift, 2020",
    capabilities=("adapter",),
    params=BatchStatisticsParams,
    implementation="sagittal_plugins.batch_statistics.method:BatchStatistics",
    needs=Needs(segmenter=True),
    panels=panels(),
    recipes=recipes.load(__file__),
)
