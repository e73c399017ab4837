"""Cards of what a finished run can be measured with. No torch."""

from __future__ import annotations

from sagittal.facts import SpectrumRequest
from sagittal.measure import MeasureCard
from sagittal.params import Params, setting
from sagittal_engine.evaluate.adapt_params import TASK as ADAPT
from sagittal_engine.evaluate.adapt_params import AdaptTaskParams
from sagittal_engine.evaluate.few_label_params import ASKED as FINE_TUNE_ASKED
from sagittal_engine.evaluate.few_label_params import RECIPES, FineTuneParams
from sagittal_engine.evaluate.few_label_params import TASK as FINE_TUNE
from sagittal_engine.evaluate.image_params import PIXELS, POSITION, ImageTaskParams
from sagittal_engine.evaluate.segmentation_params import TASK as SEGMENTATION
from sagittal_engine.evaluate.segmentation_params import SegmentationTaskParams
from sagittal_engine.probes.curvature_cards import BATCH_NORM_CHOICES, MATRIX_CHOICES, SPECTRUM_ABOUT
from sagittal_engine.probes.representation_cards import REPRESENTATION, EmbeddingParams

DEFAULT = SpectrumRequest(run="")
CLASSES = ("labels", "quartile")
TASK = ("target", "budget", "repeats", "encoder", "seed")
TRAINING = (
    "epochs", "batch_size", "learning_rate", "optimiser", "weight_decay", "milestones", "factor", "class_weights",
    "positive_weight", "views",
)  # fmt: skip


class CheckpointSpectrumParams(Params):
    """What a `SpectrumRequest` says besides the run and its checkpoint."""

    steps: int = setting(DEFAULT.steps, "Lanczos steps: Ritz values per random vector.", ge=2, le=1000)
    probes: int = setting(DEFAULT.probes, "Random vectors.", ge=1, le=100)
    matrix: str = setting(DEFAULT.matrix, "Which curvature.", choices=MATRIX_CHOICES)
    batch_norm: str = setting(DEFAULT.batch_norm, "How batch normalisation behaves.", choices=BATCH_NORM_CHOICES)
    batches: int = setting(DEFAULT.batches, "Fixed batches the loss is the mean of.", ge=1, le=1000, group="More")
    project_scale_directions: bool = setting(
        DEFAULT.project_scale_directions,
        "Compute it a second time without the trivial directions of scale-invariant layers; takes twice as long.",
        group="More",
    )


CARDS: tuple[MeasureCard, ...] = (
    MeasureCard("spectrum", "Hessian spectrum", SPECTRUM_ABOUT, CheckpointSpectrumParams),
    MeasureCard(
        "embedding",
        "Map of the images",
        "Features drawn as points of a plane (PCA or t-SNE), coloured by class.",
        EmbeddingParams,
        asked=("target", "kind", "images", "images_of", "perplexity"),
        targets=CLASSES,
        needs=REPRESENTATION,
    ),
    MeasureCard(
        "knn",
        "k-NN",
        "Tells the classes of images of unseen subjects by the most similar labelled images.",
        ImageTaskParams,
        asked=(*TASK, "k", "temperature"),
        targets=CLASSES,
        tests=True,
        needs=REPRESENTATION,
    ),
    MeasureCard(
        "linear",
        "Linear reader",
        "Reads the target from frozen features by a linear function of them.",
        ImageTaskParams,
        asked=(*TASK, "penalty"),
        targets=(*CLASSES, POSITION, PIXELS),
        tests=True,
        needs=REPRESENTATION,
    ),
    MeasureCard(
        SEGMENTATION,
        "Segmentation",
        "Scores whole scans of unseen subjects, segmented by the run's own network: overlap, volumes, surfaces.",
        SegmentationTaskParams,
        asked=("group", "labels", "allow_seen", "resamples", "seed"),
        tests=True,
        needs=("predictor",),
    ),
    MeasureCard(
        ADAPT,
        "Comparison of adapters",
        "Adapts the run's network to one stream of scans by several methods: Dice before and after, what each adds to "
        "the one named first, and with several orders what the order does. Nothing is kept but the figures.",
        AdaptTaskParams,
        asked=("methods", "orders", "domain", "shift", "strength", "resamples", "seed"),
        tests=True,
        needs=("predictor",),
    ),
    MeasureCard(
        FINE_TUNE,
        "Fine-tuning for segmentation",
        "Trains the encoder in a segmentation network with the labels of a few subjects; whole scans of others are "
        "tested.",
        FineTuneParams,
        asked=FINE_TUNE_ASKED,
        tests=True,
        recipes=RECIPES,
    ),
    MeasureCard(
        "classify",
        "Fine-tuning for classification",
        "Trains the encoder and a new head with labels; the last epoch is tested, never the best.",
        ImageTaskParams,
        asked=(*TASK, *TRAINING),
        targets=CLASSES,
        tests=True,
        needs=REPRESENTATION,
    ),
)
