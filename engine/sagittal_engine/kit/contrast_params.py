"""Parameters and panels that the methods of the contrastive laboratory share. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import model_validator

from sagittal.facts import Check, ScanFacts
from sagittal.panels import Images, Lines, Panel
from sagittal.params import TrainingParams, inherited, setting
from sagittal_engine.kit.guess_params import PLANES, about_planes

NETWORK = "Network"
VIEWS = "Views"
DATA = "Images"
PATCHES = "3D patches"
LIVE = "Live measures"

PATCH = "patch"
"""The choice of `plane` that cuts scans into 3D patches."""

ENCODERS = {
    "small": "A few hundred thousand weights: minutes on a processor.",
    "resnet9": "One block per stage.",
    "resnet18": "ResNet-18, 512 features.",
    "resnet34": "ResNet-34, 512 features.",
    "resnet50": "ResNet-50, 2048 features.",
    "resnet101": "ResNet-101, 2048 features.",
    "unet_8": "Contracting half of a U-Net that is 8 channels wide at first, 128 features: minutes on a processor.",
    "unet_32": "Contracting half of a U-Net that is 32 channels wide at first, 512 features.",
    "unet_48": "Contracting half of a U-Net that is 48 channels wide at first, 768 features.",
    "small_3d": "For 3D patches: not a million weights, minutes on a processor.",
    "monai_resnet10_3d": "For 3D patches: MONAI's ResNet-10, 512 features.",
    "monai_resnet18_3d": "For 3D patches: MONAI's ResNet-18, 512 features.",
    "monai_resnet34_3d": "For 3D patches: MONAI's ResNet-34, 512 features.",
    "monai_resnet50_3d": "For 3D patches: MONAI's ResNet-50, 2048 features.",
}
STEMS = {
    "imagenet": "7×7 convolution and pooling: a quarter of the resolution, for images of 64 pixels and more.",
    "cifar": "3×3 convolution at full resolution, for images of 32 pixels.",
}
VIEWS_ABOUT = "List of random changes that make two views of an image."
WHOLE = {
    "grey": "For grey medical slices: crop, flip, blur, rotation, cut-out holes, contrast, noise.",
    "simclr": "SimCLR's list for photographs: crop, flip, colour, grey, blur.",
}
"""Lists whose views are of one piece."""
UNET_LEAST = 16
"""Pixels a side below which the deepest level of a U-Net's encoder would be empty."""
JIGSAW_LEAST = 24
"""Pixels a side below which the crops of nine cells, side by side, are too small for an encoder."""
VOLUME_ENCODERS = tuple(name for name in ENCODERS if name.endswith("_3d"))

FLIPS: dict[str, tuple[int, ...]] = {
    "none": (),
    "front-back": (1,),
    "head-foot": (2,),
    "front-back and head-foot": (1, 2),
    "all": (0, 1, 2),
}
"""Axes of a patch (RAS+ order) by choice."""


class ContrastiveParams(TrainingParams):
    """Parameters of every method that learns from two views of an image. Strengths left empty follow the list."""

    steps: int = inherited(TrainingParams, "steps", 2000)
    batch_size: int = setting(128, "Images per step, each seen in two views.", ge=2, le=65536, unit="images")
    learning_rate: float = inherited(TrainingParams, "learning_rate", 0.06)
    weight_decay: float = inherited(TrainingParams, "weight_decay", 5e-4)
    schedule: str = inherited(TrainingParams, "schedule", "cosine")
    augmentation: str = setting(
        "grey",
        VIEWS_ABOUT,
        choices={
            **WHOLE,
            "jigsaw": "Both views are puzzles: nine cells shuffled, each turned, shifted, enlarged, cropped, noisy.",
        },
    )
    encoder: str = setting("resnet18", "Network that is trained.", choices=ENCODERS, group=NETWORK)
    stem: str = setting("imagenet", "First layers of a ResNet.", choices=STEMS, group=NETWORK)
    weights: str = setting(
        "",
        "File with published weights (.pth, .pt or .safetensors) to start the encoder from; empty for random ones.",
        path=True,
        group=NETWORK,
    )
    hidden_dim: int = setting(512, "Width of the projector's hidden layers.", ge=1, le=16384, group=NETWORK)
    out_dim: int = setting(128, "Width of the projection that is compared.", ge=2, le=65536, group=NETWORK)
    projector_layers: int = setting(2, "Linear layers of the projector.", ge=1, le=4, group=NETWORK)
    projector_norm: bool = setting(True, "Batch normalisation after the projector's hidden layers.", group=NETWORK)
    projector_last_norm: bool = setting(False, "Batch normalisation of the projection itself.", group=NETWORK)

    data: str = setting(
        "",
        "Folder or file of images to train on in place of the study's scans: CIFAR or STL-10 binary files, or a folder "
        "of pictures with a CSV.",
        path=True,
        group=DATA,
    )
    split: str = setting(
        "train",
        "Part of a published set to train on.",
        choices={
            "train": "Its training images; the only part of a folder of pictures.",
            "unlabeled": "STL-10's 100,000 images without a class.",
        },
        group=DATA,
    )
    long_tail: float = setting(
        1.0,
        "Images of the rarest class as a share of the commonest, for published sets; 1 leaves the classes as they are.",
        gt=0,
        le=1,
        group=DATA,
    )
    plane: str = setting(
        "axial",
        "Plane in which scans are cut into slices, or 3D patches.",
        choices={
            **PLANES,
            PATCH: "Cubes of voxels in place of slices; wants an encoder of 3D patches.",
        },
        group=DATA,
    )
    image_size: int = setting(
        64, "Pixels (of a 3D patch, voxels) a side that the network sees.", ge=8, le=1024, unit="px", group=DATA
    )
    channels: int = setting(
        1,
        "Channels that the network sees.",
        choices={"1": "Grey.", "3": "Colour, or grey three times, as published ImageNet weights want it."},
        group=DATA,
    )
    subjects_per_batch: int = setting(
        0, "Subjects that a batch is drawn from; 0 draws from all slices alike.", ge=0, le=65536, group=DATA
    )

    patch_spacing: float = setting(
        1.0, "Side of a voxel of a patch, to which scans are resampled.", ge=0.05, le=20, unit="mm", group=PATCHES
    )
    patches_per_scan: int = setting(
        16, "Patches cut from each scan, where it has as many.", ge=1, le=4096, group=PATCHES
    )
    patch_seed: int = setting(
        0,
        "Seed of the places where patches are cut; runs with the same one see the same patches.",
        ge=0,
        lt=2**31,
        group=PATCHES,
    )
    patch_flips: str = setting(
        "front-back and head-foot",
        "Axes along which views of a patch are flipped, each with the probability `flip`.",
        choices={
            "none": "No flips.",
            "front-back": "Front and back.",
            "head-foot": "Head and foot.",
            "front-back and head-foot": "Both, each on its own; left stays left.",
            "all": "Left and right too: where it does not matter on which side a thing lies.",
        },
        group=PATCHES,
    )

    held_out: float = setting(
        0.2,
        "Share of subjects kept from training, for live measures; 0 keeps none. Published sets use their test images.",
        ge=0,
        lt=1,
        group=LIVE,
    )
    label_target: str = setting("labels", "What live k-NN and tolerance take as the class of an image.", group=LIVE)

    crop_low: float | None = setting(
        None, "Smallest share of the area (volume) that a crop keeps (both lists: 0.08).", gt=0, le=1, group=VIEWS
    )
    crop_high: float | None = setting(
        None, "Largest share of the area (volume) that a crop keeps (both lists: 1).", gt=0, le=1, group=VIEWS
    )
    flip: float | None = setting(
        None,
        "Probability of a left-right flip, of patches see `patch_flips` (both lists: 0.5).",
        ge=0,
        le=1,
        group=VIEWS,
    )
    rotation: float | None = setting(
        None, "Largest rotation (grey list: 30, of patches 15; SimCLR: 0).", ge=0, le=180, unit="degrees", group=VIEWS
    )
    jitter: float | None = setting(
        None, "Probability of brightness and contrast changes (grey list: 1, SimCLR: 0.8).", ge=0, le=1, group=VIEWS
    )
    brightness: float | None = setting(
        None, "Largest relative change of brightness (grey list: 0.2, SimCLR: 0.4).", ge=0, le=1, group=VIEWS
    )
    contrast: float | None = setting(
        None, "Largest relative change of contrast (grey list: 0.2, SimCLR: 0.4).", ge=0, le=1, group=VIEWS
    )
    gamma: float | None = setting(
        None, "Largest change of gamma of patches, 0.3 for 1/1.3 to 1.3 (grey list: 0.3, SimCLR: 0).",
        ge=0, le=4, group=VIEWS,
    )  # fmt: skip
    saturation: float | None = setting(
        None, "Largest relative change of saturation (grey list: 0.2, SimCLR: 0.4).", ge=0, le=1, group=VIEWS
    )
    hue: float | None = setting(
        None, "Largest turn of the colours, in full turns (grey list: 0, SimCLR: 0.1).", ge=0, le=0.5, group=VIEWS
    )
    greyscale: float | None = setting(
        None, "Probability that colours are taken away (grey list: 0, SimCLR: 0.2).", ge=0, le=1, group=VIEWS
    )
    blur: float | None = setting(None, "Probability of Gaussian blur (both lists: 0.5).", ge=0, le=1, group=VIEWS)
    holes: int | None = setting(
        None,
        "Most cut-out holes of a quarter (of patches, a third) of the side (grey list: 4, SimCLR: 0).",
        ge=0,
        le=16,
        group=VIEWS,
    )
    noise: float | None = setting(
        None, "Standard deviation of Gaussian noise, intensities in 0…1 (grey list: 0.1, SimCLR: 0).",
        ge=0, le=1, group=VIEWS,
    )  # fmt: skip

    @model_validator(mode="after")
    def _flat_or_not(self) -> Self:
        """Images and encoder are both flat or both of three dimensions, and views can be made of them."""
        patches, volume = self.plane == PATCH, self.encoder in VOLUME_ENCODERS
        if volume and not patches:
            raise ValueError(
                f"The encoder {self.encoder} sees 3D patches, and 'plane' is {self.plane}. Set 'plane' to patch, or "
                "choose an encoder of slices, such as small or resnet18."
            )
        if patches and self.data:
            raise ValueError(
                "3D patches are cut from the study's scans, and 'data' names flat pictures. Leave 'data' empty, or "
                "choose another 'plane'."
            )
        if patches and not volume:
            raise ValueError(
                f"The encoder {self.encoder} sees slices, and 'plane' is patch. Choose one of "
                f"{', '.join(VOLUME_ENCODERS)} as 'encoder', or another 'plane'."
            )
        if self.encoder.startswith("unet_") and self.image_size < UNET_LEAST:
            raise ValueError(
                f"The encoder {self.encoder} halves an image four times and needs {UNET_LEAST} pixels a side; "
                f"'image_size' is {self.image_size}. Raise it, or choose another 'encoder'."
            )
        low, high = self.crop_low, self.crop_high
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"The smallest crop, 'crop_low', is {low} and the largest, 'crop_high', is {high}. "
                "Lower 'crop_low', or raise 'crop_high'."
            )
        if patches and int(self.channels) != 1:
            raise ValueError("3D patches are grey. Set 'channels' to 1, or choose another 'plane'.")
        if self.augmentation == "jigsaw" and (patches or self.image_size < JIGSAW_LEAST):
            raise ValueError(
                f"Puzzles are made of slices of at least {JIGSAW_LEAST} pixels a side; 'plane' is {self.plane}, and "
                f"'image_size' {self.image_size}. Change them, or set 'augmentation' to grey."
            )
        return self

    def about_scans(self, scans: Sequence[ScanFacts]) -> Iterable[Check]:
        if self.plane != PATCH and not self.data:
            yield from about_planes(scans, self.plane)


LOSS = Lines("Loss", "Loss of each step, on that step's batch.", series=("loss",), y_label="loss")
PARTS = Lines(
    "Attraction and repulsion",
    "The two parts whose sum is the loss: over positive pairs, and over negative pairs of the step's batch.",
    series=("attracting", "repelling"),
    y_label="part of the loss",
)
COLLAPSE = Lines(
    "Collapse alarms",
    "Of up to 256 projections of the batch every ten steps: effective rank (exponential of the entropy of the centred "
    "singular values) as a share of the most it can be, and √D times the mean deviation of unit rows (1 is even).",
    series=("effective_rank_share", "feature_deviation"),
    y_label="1 is healthy",
)
RATE = Lines("Learning rate", "Step size that each update used.", series=("learning_rate",), log=True)
PICTURES = Images(
    "Views",
    "Some images of the newest drawn batch: the image, and the two views that are compared; of 3D patches their middle "
    "axial slice.",
    source="Views",
    captions=("above: image", "middle and below: its two views"),
)


def panels(*own: Panel, parts: bool = True) -> tuple[Panel, ...]:
    """The panels of a method: loss, its parts where it has them, the method's own, alarms, rate, pictures."""
    return (LOSS, *((PARTS,) if parts else ()), *own, COLLAPSE, RATE, PICTURES)
