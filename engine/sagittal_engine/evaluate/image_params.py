"""What `--set` can say of the tasks k-NN, linear and classify. No torch."""

from __future__ import annotations

import re

from pydantic import field_validator

from sagittal.params import Params, setting

TASKS = ("knn", "linear", "classify")

POSITION, PIXELS = "position", "pixels"
"""Targets that are no classes: where in its scan a slice lies, and the label of every pixel."""

NEIGHBOURS, LINEAR, TRAINING = "k-NN", "Linear", "Training of a classifier"


def numbers_of(text: str) -> list[float]:
    """The numbers in "5, 10" or "5 10". Raises ValueError that names what is none."""
    found = []
    for word in re.split(r"[,;\s]+", text.strip()):
        try:
            found += [float(word)] if word else []
        except ValueError as error:
            raise ValueError(f"a list of numbers is written as 5, 10, 25; '{word}' is none") from error
    return found


class ImageTaskParams(Params):
    """How a representation is put to the test. Subjects that are tested never give a label or a training image."""

    target: str = setting(
        "labels",
        "What is told of an image: 'labels' (which are present), 'quartile' or a meta label by name; for the task "
        "linear also 'position' (of the slice in its scan) and 'pixels' (the label of each, by feature maps of every "
        "resolution).",
    )
    budget: str = setting("0", "Subjects with labels, as 5, or several as 5,10,25; 0 takes all there are.")
    repeats: int = setting(3, "Seeded draws of the labelled subjects at each budget.", ge=1, le=100)
    encoder: str = setting(
        "trained",
        "Whose features.",
        choices={
            "trained": "The run's, at its checkpoint.",
            "untrained": "The same network with the run's first random weights.",
            "supervised": "The same network trained from those weights on the labelled subjects alone, with labels.",
        },
    )
    checkpoint: str = setting("last", "Checkpoint of the run: last, best, or a step that was kept.")
    resamples: int = setting(2000, "Resamples of the bootstrap behind the intervals.", ge=100, le=1_000_000)
    seed: int = setting(0, "Seed of the draws of labelled subjects and of training a classifier.", ge=0, lt=2**31)

    k: int = setting(200, "Neighbours that vote, at most as many as there are.", ge=1, le=100_000, group=NEIGHBOURS)
    temperature: float = setting(0.1, "A vote weighs e^(cosine / temperature).", ge=0.02, le=10, group=NEIGHBOURS)

    penalty: float = setting(
        1.0, "Weight of ½‖w‖² beside the summed loss, features standardised.", gt=0, le=1e6, group=LINEAR
    )

    epochs: int = setting(50, "Passes over the labelled images.", ge=1, le=10_000, group=TRAINING)
    batch_size: int = setting(32, "Images per step.", ge=2, le=65536, group=TRAINING, paper=128)
    learning_rate: float = setting(0.02, "Step size at its peak.", gt=0, le=100, group=TRAINING, paper=0.1)
    optimiser: str = setting(
        "sgd",
        "Rule that turns gradients into updates.",
        choices={"sgd": "With momentum 0.9.", "adam": "Adam."},
        group=TRAINING,
    )
    weight_decay: float = setting(5e-4, "L2 penalty on the weights.", ge=0, le=10, group=TRAINING)
    milestones: str = setting(
        "0.6 0.8", "Shares of the epochs after which the rate is multiplied by the factor.", group=TRAINING
    )
    factor: float = setting(0.1, "Factor of the rate at each milestone.", gt=0, le=1, group=TRAINING)
    class_weights: str = setting(
        "none",
        "Weight of each class in the loss: none, balanced, or one number per class in the order of their names.",
        group=TRAINING,
    )
    positive_weight: float | None = setting(
        None, "Of two classes, weight of the second in the loss, not normalised.", gt=0, le=1e6, group=TRAINING
    )
    views: bool = setting(True, "Random views of the labelled images, as in pre-training.", group=TRAINING)

    @field_validator("budget")
    @classmethod
    def _budget(cls, text: str) -> str:
        if any(value < 0 or value != int(value) for value in numbers_of(text)):
            raise ValueError("budgets are whole numbers of subjects, 0 or more")
        return text

    @field_validator("milestones")
    @classmethod
    def _milestones(cls, text: str) -> str:
        if any(not 0 < value < 1 for value in numbers_of(text)):
            raise ValueError("milestones are shares between 0 and 1")
        return text

    @field_validator("class_weights")
    @classmethod
    def _class_weights(cls, text: str) -> str:
        if text not in ("none", "balanced") and any(value <= 0 for value in numbers_of(text)):
            raise ValueError("class weights are above 0")
        return text

    def budgets(self) -> tuple[int, ...]:
        """The budgets asked for, ascending; 0 stands for all subjects."""
        return tuple(sorted({int(value) for value in numbers_of(self.budget)})) or (0,)
