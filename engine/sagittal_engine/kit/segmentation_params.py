"""Parameters and panels of networks that learn to segment slices from labels. No torch."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from sagittal.engine_port import SagittalError
from sagittal.facts import label_names
from sagittal.panels import Images, Lines, Panel
from sagittal.params import RUNS, Given, TrainingParams, inherited, names_in, setting
from sagittal_engine.kit.contrast_params import ENCODERS, STEMS, VOLUME_ENCODERS
from sagittal_engine.kit.guess_params import PLANES

NETWORK = "Network"
DATA = "Images"
LOSS = "Loss"
VIEWS = "Random changes"
TEACHER = "Scans without labels"

SLICE_ENCODERS = {name: about for name, about in ENCODERS.items() if name not in VOLUME_ENCODERS}
NOTHING = ""


class SegmentationParams(TrainingParams):
    """How a network of slices learns to segment."""

    steps: int = inherited(TrainingParams, "steps", 1000)
    batch_size: int = setting(10, "Slices, or patches of slices, per step.", ge=2, le=4096, unit="slices")
    learning_rate: float = inherited(TrainingParams, "learning_rate", 1e-3, paper=5e-5)
    optimiser: str = inherited(TrainingParams, "optimiser", "adam")
    weight_decay: float = inherited(TrainingParams, "weight_decay", 1e-5)
    schedule: str = inherited(TrainingParams, "schedule", "cosine")

    start_from: str = setting(
        NOTHING,
        "Encoder to start from: a run of the study (its id), a folder that a run of another study left, or a file of "
        "weights. Empty starts from random weights. The network is then that encoder's.",
        choices_from=RUNS,
    )
    labels: str = setting("", "Labels to learn, by name, with commas between; empty takes all that the scans have.")
    overlapping: bool = setting(
        False, "Labels may overlap (a cup within its disc): each is told by itself, in place of one label per pixel."
    )
    nested: str = setting(
        "",
        "Labels that lie within others, as disc > cup: the outer one is learned and scored with the inner one filled "
        "in. Several with commas between.",
    )
    encoder: str = setting("small", "Contracting half of the network.", choices=SLICE_ENCODERS, group=NETWORK)
    stem: str = setting("imagenet", "First layers of a ResNet.", choices=STEMS, group=NETWORK)
    decoder_width: int = setting(
        0, "Channels of each level of the expanding half; 0 takes the encoder's, at most 256.", ge=0, le=1024,
        group=NETWORK,
    )  # fmt: skip

    plane: str = setting(
        "axial",
        "Plane in which scans are cut into slices.",
        choices=PLANES,
        group=DATA,
    )
    image_size: int = setting(128, "Pixels a side that the network sees.", ge=16, le=1024, unit="px", group=DATA)
    pixel_spacing: float = setting(
        0.0,
        "Side of a pixel. 0 fits every slice whole into the square; else slices are resampled to it, patches of "
        "`image_size` are learned from, and a scan is segmented by a sliding window.",
        ge=0, le=20, unit="mm", group=DATA,
    )  # fmt: skip
    channels: int = setting(
        1,
        "Channels that the network sees.",
        choices={"1": "Grey.", "3": "Colour, or grey three times, as published ImageNet weights want it."},
        group=DATA,
    )
    foreground: float = setting(
        0.5, "Share of a batch that is drawn from where a label is; the rest is drawn from everywhere.",
        ge=0, le=1, group=DATA,
    )  # fmt: skip

    dice_weight: float = setting(1.0, "Weight of the Dice loss.", ge=0, le=100, group=LOSS)
    entropy_weight: float = setting(1.0, "Weight of the cross-entropy.", ge=0, le=100, group=LOSS)

    crop_low: float = setting(
        0.6, "Smallest share of the area that a crop keeps, enlarged to the whole.", gt=0, le=1, group=VIEWS
    )
    flip: float = setting(
        0.0, "Probability of exchanging left and right; 0 where sides are told apart.", ge=0, le=1, group=VIEWS
    )
    rotation: float = setting(15.0, "Largest rotation.", ge=0, le=180, unit="degrees", group=VIEWS)
    elastic: float = setting(
        0.0, "Probability of an elastic deformation (Simard et al. 2003).", ge=0, le=1, group=VIEWS, paper=0.67
    )
    elastic_alpha: float = setting(
        200.0, "Strength of the elastic deformation: what the smoothed noise is multiplied by.", ge=0, le=1000,
        unit="px", group=VIEWS,
    )  # fmt: skip
    elastic_sigma: float = setting(
        15.0, "Smoothness of the elastic deformation: deviation of the Gaussian that the noise is smoothed with.", gt=0,
        le=100, unit="px", group=VIEWS,
    )  # fmt: skip
    brightness: float = setting(0.2, "Largest relative change of brightness.", ge=0, le=1, group=VIEWS)
    contrast: float = setting(0.2, "Largest relative change of contrast.", ge=0, le=1, group=VIEWS)
    blur: float = setting(0.2, "Probability of Gaussian blur.", ge=0, le=1, group=VIEWS)
    noise: float = setting(0.03, "Standard deviation of Gaussian noise, intensities in 0…1.", ge=0, le=1, group=VIEWS)

    mean_teacher: bool = setting(
        False,
        "Learn from scans without labels too: a teacher, the moving average of the network, says what it sees, and the "
        "network shall say the same of other random changes of them (Tarvainen and Valpola 2017). The teacher is what "
        "segments.",
        group=TEACHER,
    )
    consistency_weight: float = setting(
        1.0, "Weight of the agreement with the teacher, once it is ramped up.", ge=0, le=1000, group=TEACHER
    )
    consistency_ramp: float = setting(
        0.4, "Share of the steps over which that weight rises.", ge=0, le=1, group=TEACHER
    )
    teacher_decay: float = setting(0.99, "Share of itself that the teacher keeps at a step.", ge=0, lt=1, group=TEACHER)

    @model_validator(mode="after")
    def _a_loss(self) -> Self:
        if self.dice_weight == self.entropy_weight == 0:
            raise ValueError("Nothing would be learned: 'dice_weight' and 'entropy_weight' are both 0. Raise one.")
        return self

    @field_validator("nested")
    @classmethod
    def _nested(cls, text: str) -> str:
        if any(len(pair) != 2 or not all(pair) for pair in _pairs(text)):
            raise ValueError("labels within others are written as disc > cup, several with commas between")
        return text

    def within(self) -> tuple[tuple[str, str], ...]:
        """(outer, inner) of labels that lie within others."""
        return tuple((outer, inner) for outer, inner in _pairs(self.nested))

    def names(self) -> tuple[str, ...]:
        """The labels asked for; none stands for all."""
        return names_in(self.labels)

    def settled(self, given: Given) -> Self:
        """With the labels by name, and the encoder that is started from as it is.

        Raises `SagittalError` where there are no labels to learn, or the encoder is none of slices.
        """
        known = label_names(given.scans, given.label_set)
        if not known:
            raise SagittalError(
                f"None of the {len(given.scans)} scans has labels '{given.label_set}' to learn from. Import label "
                "maps, paint some, or name another label set."
            )
        unknown = [name for name in self.names() if name not in known]
        if unknown:
            raise SagittalError(
                f"No scan has a label {', '.join(unknown)} in '{given.label_set}'; there are {', '.join(known)}."
            )
        changes: dict[str, object] = {"labels": ", ".join(self.names() or known)}
        absent = [name for pair in self.within() for name in pair if name not in known]
        if absent:
            raise SagittalError(
                f"'nested' names {', '.join(absent)}, which no scan has in '{given.label_set}'; there are "
                f"{', '.join(known)}."
            )
        if self.start_from:
            changes |= network_of(given.encoder(self.start_from), self.start_from)
        return self.model_copy(update=changes)


def _pairs(text: str) -> list[list[str]]:
    return [[part.strip() for part in rule.split(">")] for rule in names_in(text)]


def network_of(facts: object, start: str) -> dict[str, object]:
    """The parameters that an encoder's facts decide: {"encoder", "stem", "channels"}, as far as they are known.

    Raises `SagittalError` where it is not an encoder of slices that a U-Net can be built on.
    """
    known = facts if isinstance(facts, dict) else {}
    name = known.get("architecture")
    if name is None:
        return {}
    if name not in SLICE_ENCODERS:
        raise SagittalError(
            f"The encoder of '{start}' is {name}, and a segmentation network of slices is built on one of "
            f"{', '.join(SLICE_ENCODERS)}. Start from a run with such an encoder."
        )
    found: dict[str, object] = {"encoder": name}
    if "stem" in known:
        found["stem"] = known["stem"]
    if "in_channels" in known:
        found["channels"] = int(known["in_channels"])
    return found


PICTURES = "Segmentation"

PANELS: tuple[Panel, ...] = (
    Lines(
        "Loss",
        "Loss of each step, on that step's batch: Dice, cross-entropy, and agreement with the teacher where scans "
        "without labels are learned from.",
        series=("dice_loss", "entropy_loss", "consistency_loss"),
        y_label="loss",
    ),
    Lines(
        "Dice of the batch",
        "Mean over the labels of the Dice of each step's batch, which the network is trained on: it says nothing of "
        "other scans.",
        series=("batch_dice",),
        y_label="Dice",
    ),
    Images(
        PICTURES,
        "Some images of the newest drawn batch, with the labels above and what the network says below.",
        source=PICTURES,
        captions=("above: labels", "below: what the network says"),
    ),
    Lines("Learning rate", "Step size that each update used.", series=("learning_rate",), log=True),
)
