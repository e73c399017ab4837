"""CoWPro: one-shot segmentation learned from superpixels (doctoral thesis, ch. 7), with its ancestors as switches.

Card and parameters only; nothing here imports torch.
"""

from sagittal.method import MethodCard, Needs
from sagittal.panels import Images, Lines
from sagittal.params import TrainingParams, inherited, setting
from sagittal_engine.kit import recipes

OBJECT = "Prototypes"
SUPERPIXELS = "Superpixels"
EPISODES = "Episodes"
DATA = "Preprocessing"


class CoWProParams(TrainingParams):
    """Parameters of CoWPro. Defaults suit a processor without a GPU; `paper` holds the thesis's values."""

    variant: str = setting(
        "cowpro",
        "Which of the family to train.",
        choices={
            "cowpro": "Channel-centred prototypes, correlated after aggregation; the global prototype always joins.",
            "alpnet": "SSL-ALPNet: no centring; the global prototype alone where the mask fills no cell.",
            "panet": "SSL-PANet: one global prototype per class, no local ones.",
        },
    )
    steps: int = inherited(TrainingParams, "steps", 2000, paper=100_100)
    batch_size: int = setting(2, "Slices per step.", ge=1, le=256, unit="slices", paper=1)
    superpixels_per_slice: int = setting(
        4,
        "Superpixels drawn from each slice; each is one episode, all share the two encoded views.",
        ge=1,
        le=64,
        paper=1,
    )
    encoder: str = setting(
        "small",
        "Network that turns slices into features.",
        choices={
            "small": "Four stages, 32 to 128 channels: minutes on a processor.",
            "resnet18": "Dilated ResNet-18, 256 channels out.",
            "resnet50": "Dilated ResNet-50, 256 channels out.",
            "resnet101": "Dilated ResNet-101, 256 channels out: the thesis's network.",
        },
        paper="resnet101",
    )
    image_size: int = setting(
        128,
        "Pixels a side that the network sees; the field of view stays the same.",
        choices={"128": "Half resolution, for the small encoder.", "256": "Full resolution, as published."},
        paper=256,
    )
    weights: str = setting(
        "",
        "File with published ResNet or DeepLab-v3 weights (.pth, .pt or .safetensors) to start a ResNet from.",
        path=True,
        paper="DeepLab-v3 ResNet-101, COCO",
    )
    exclude_labels: str = setting(
        "",
        "Labels, separated by commas, whose slices are left out of training (Setting 2). The only use of truth here.",
    )
    learning_rate: float = inherited(TrainingParams, "learning_rate", 1e-2, paper=1e-3)
    weight_decay: float = inherited(TrainingParams, "weight_decay", 5e-4)
    schedule: str = inherited(TrainingParams, "schedule", "exponential")

    train_window: int = setting(
        4,
        "Side of the pooling window that makes local prototypes in training.",
        ge=1,
        le=16,
        unit="cells",
        group=OBJECT,
    )
    test_window: int = setting(2, "The same when segmenting.", ge=1, le=16, unit="cells", group=OBJECT)
    thresholds: str = setting(
        "fixed",
        "How full a window must be to give a local prototype.",
        choices={
            "fixed": "Fuller than `threshold`, foreground and background alike.",
            "dynamic": "Foreground: fuller than 0.8 of the fullest window. Background: fuller than the mean window.",
        },
        group=OBJECT,
    )
    threshold: float = setting(0.95, "Fullness of a window under the fixed rule.", ge=0, lt=1, group=OBJECT)
    keep: float = setting(
        1.0,
        "Share of the prototypes, the most similar ones, that each pixel is compared with.",
        gt=0,
        le=1,
        group=OBJECT,
    )
    renormalise: bool = setting(
        False, "Bring the aggregated prototype back to unit length before correlating.", group=OBJECT
    )
    scale: float = setting(
        20.0,
        "Factor of cosines in the softmax over prototypes and in the score: the higher, the sharper the decision.",
        gt=0,
        group=OBJECT,
    )
    background_weight: float = setting(
        0.05, "Weight of background in the query loss; foreground has 1.", gt=0, le=1, group=OBJECT
    )
    ccr_weight: float = setting(
        1.0, "Weight of the loss with the roles of support and query exchanged.", ge=0, le=100, group=OBJECT
    )

    superpixel_scale: float = setting(
        1.0, "Felzenszwalb's scale: the higher, the larger the superpixels.", gt=0, group=SUPERPIXELS
    )
    superpixel_sigma: float = setting(
        1.0,
        "Standard deviation of the smoothing of a slice before its superpixels are made.",
        ge=0,
        le=10,
        unit="px",
        group=SUPERPIXELS,
    )
    superpixel_min_size: int = setting(
        400, "Smallest superpixel, on the 256 by 256 grid.", ge=4, le=65536, unit="px", group=SUPERPIXELS
    )
    foreground: str = setting(
        "level",
        "What counts as body when superpixels are made.",
        choices={
            "level": "Brighter than `foreground_level` (the published rule).",
            "otsu": "Brighter than Otsu's level of the scan: for CT. In MR it may leave dark organs out.",
            "triangle": "Brighter than the foot of the background's peak (triangle rule): for any intensity scale.",
        },
        group=SUPERPIXELS,
    )
    foreground_level: float = setting(50.0001, "Intensity above which a pixel belongs to the body.", group=SUPERPIXELS)

    query_only: bool = setting(
        False, "Transform the query alone (as the thesis says) instead of both views independently.", group=EPISODES
    )
    rotation: float = setting(5.0, "Largest rotation.", ge=0, le=180, unit="degrees", group=EPISODES)
    shift: float = setting(5.0, "Largest shift, on the 256 by 256 grid.", ge=0, le=128, unit="px", group=EPISODES)
    shear: float = setting(5.0, "Largest shear.", ge=0, lt=80, unit="degrees", group=EPISODES)
    scale_low: float = setting(0.9, "Smallest magnification.", gt=0, le=1, group=EPISODES)
    scale_high: float = setting(1.2, "Largest magnification.", ge=1, le=10, group=EPISODES)
    elastic_alpha: float = setting(
        10.0, "Strength of the elastic deformation, on the 256 by 256 grid.", ge=0, le=1000, unit="px", group=EPISODES
    )
    elastic_sigma: float = setting(
        5.0, "Smoothness of the elastic deformation, on the 256 by 256 grid.", gt=0, le=100, unit="px", group=EPISODES
    )
    gamma_low: float = setting(0.5, "Smallest exponent of the intensity curve.", gt=0, le=1, group=EPISODES)
    gamma_high: float = setting(1.5, "Largest exponent of the intensity curve.", ge=1, le=10, group=EPISODES)

    pixel_mm: float = setting(1.25, "In-plane spacing of the 256 by 256 grid.", gt=0, le=100, unit="mm", group=DATA)
    slice_mm: float = setting(7.7, "Distance between the slices trained on.", gt=0, le=1000, unit="mm", group=DATA)
    clip_percent: float = setting(
        0.5, "Share of the brightest voxels of a scan that are clipped.", ge=0, lt=50, unit="%", group=DATA
    )


CARD = MethodCard(
    name="cowpro",
    title="CoWPro",
    summary="Learns one-shot segmentation without labels: superpixels stand in for organs, prototypes carry them over.",
    paper="Doctoral thesis, ch. 7 (CoWPro); Ouyang et al., SSL-ALPNet, ECCV 2020",
    capabilities=("pretext", "segmenter"),
    params=CoWProParams,
    implementation="sagittal_plugins.cowpro.method:CoWPro",
    needs=Needs(scans=1),
    panels=(
        Lines(
            "Losses",
            "Query loss (weighted cross entropy) and CCR loss (roles of support and query exchanged) of each step.",
            series=("query_loss", "ccr_loss"),
            y_label="cross entropy",
        ),
        Lines(
            "Episode Dice",
            "Dice of the predicted query superpixels, a mean over the episodes of the step.",
            series=("episode_dice",),
            y_label="Dice",
        ),
        Images(
            "Episode",
            "One episode: support view, its superpixel, query view, predicted superpixel.",
            source="Episode",
            captions=("above: support, superpixel", "below: query, prediction"),
        ),
    ),
    recipes=recipes.load(__file__),
)
