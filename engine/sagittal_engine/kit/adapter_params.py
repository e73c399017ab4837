"""Parameters and panels that adapters share. No torch."""

from __future__ import annotations

from sagittal.panels import Lines, Panel
from sagittal.params import Params, setting

UPDATE = "Update"
STREAM = "Stream"


class StreamParams(Params):
    """How the images of a stream are taken."""

    images_per_step: int = setting(
        1,
        "Images that are looked at together, and whose statistics are taken together: a slice, or a picture, at a "
        "time; 0 takes all slices of a scan.",
        ge=0, le=4096, unit="images", group=STREAM,
    )  # fmt: skip


class AdapterParams(StreamParams):
    """Parameters of adapters that move the scales and shifts of a network's normalisations by a gradient."""

    learning_rate: float = setting(1e-4, "Step size of an update.", gt=0, le=10)
    optimiser: str = setting(
        "adam",
        "Rule that turns the gradient into an update.",
        choices={
            "adam": "Adam: each weight moves by about the step size, however small the gradient.",
            "sgd": "Gradient descent with momentum.",
        },
        group=UPDATE,
    )
    momentum: float = setting(0.9, "Momentum of gradient descent.", ge=0, lt=1, group=UPDATE)
    episodic: bool = setting(False, "Begin every step anew from the trained network.", group=STREAM)
    norms: str = setting(
        "batch",
        "Normalisations whose scales and shifts are adapted.",
        choices={
            "batch": "Batch normalisations; a network without is refused.",
            "every": "Instance, group and layer normalisations too.",
        },
        group=UPDATE,
    )
    crop: int = setting(
        0,
        "Side of the middle part of a larger image that an update looks at; 0 takes 512 pixels of a slice or picture, "
        "and 96 voxels of a volume. Predictions are always of the whole.",
        ge=0, le=4096, unit="px", group=STREAM,
    )  # fmt: skip


COSINE = Lines(
    "Cosine of the gradients",
    "Per scan, mean over its steps: cosine between the two gradients that the method compares, and between the one it "
    "follows and the gradient of the loss against the truth, where a scan has truth.",
    series=("cosine", "empirical_cosine"),
    x_label="scan",
    y_label="cosine",
)
EMPIRICAL = Lines(
    "Cosine with the truth",
    "Per scan that has truth, mean over its steps: cosine between the gradient that the method follows and that of the "
    "loss against the truth. Above 0 the step leads the right way.",
    series=("empirical_cosine",),
    x_label="scan",
    y_label="cosine",
)
STEP_SIZE = Lines(
    "Step size", "Per scan, mean over its steps: learning rate of the update.", series=("step_size",), x_label="scan"
)
UNCERTAINTY = Lines(
    "Uncertainty",
    "Per scan: mean binary entropy, in bits, over pixels whose foreground probability is at least 0.05; of the trained "
    "network, and after adapting.",
    series=("entropy_before", "entropy_after"),
    x_label="scan",
    y_label="bits",
)
OVERLAP = Lines(
    "Dice", "Per scan that has truth: mean Dice over labels of the trained network, and after adapting.",
    series=("dice_before", "dice_after"), x_label="scan", y_label="Dice",
)  # fmt: skip


def panels(*own: Panel) -> tuple[Panel, ...]:
    """The panels of an adapter: its own, then what is measured of all."""
    return (*own, STEP_SIZE, UNCERTAINTY, OVERLAP)
