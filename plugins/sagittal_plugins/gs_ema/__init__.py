"""GS-EMA with the boundary-aware contrastive loss: segmentation that carries over to hospitals it has not seen.

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Self

from pydantic import model_validator

from sagittal.engine_port import SagittalError
from sagittal.facts import Check, ScanFacts, label_names
from sagittal.method import MethodCard, Needs
from sagittal.panels import Images, Lines, Timeline
from sagittal.params import META_LABELS, VALUES_OF, Given, TrainingParams, inherited, setting
from sagittal_engine.kit import recipes

NETWORK = "Network"
DATA = "Patches"
DOMAINS = "Domains"
VIEWS = "Transformed view"
TEACHER = "Teacher"
LOSSES = "Losses"
LIVE = "Live measures"

MULTIPLES = {"small_unet": 8, "swin_unetr_2": 8, "swin_unetr": 32}
"""What the sides of a patch must be multiples of."""

STATES = ("kept", "followed slowly", "followed")
"""What the teacher did in a step."""

SIMILARITIES = (
    "source_student_teacher",
    "target_student_teacher",
    "student_source_target",
    "teacher_source_target",
    "student_source_teacher_target",
    "student_target_teacher_source",
)
"""The six pairs of latents, the two positive ones first."""


class GSEMAParams(TrainingParams):
    """Parameters of GS-EMA and BACL. Defaults suit a processor; `paper` holds the published values."""

    steps: int = inherited(TrainingParams, "steps", 3000, paper="100 epochs")
    batch_size: int = setting(2, "Patches per step, each seen as it is and transformed.", ge=1, le=256, unit="patches")
    optimiser: str = inherited(TrainingParams, "optimiser", "adam")
    learning_rate: float = inherited(TrainingParams, "learning_rate", 1e-3)
    schedule: str = inherited(TrainingParams, "schedule", "exponential")
    decay_factor: float = inherited(TrainingParams, "decay_factor", 0.1)
    decay_every: int = inherited(
        TrainingParams,
        "decay_every",
        1000,
        help="Steps between two changes of the exponential schedule; the default changes the rate twice in `steps`.",
        paper="10 epochs",
    )
    labels: str = setting(
        "", "Labels to learn, by name, separated by commas, where labels overlap the later counts; empty takes all."
    )

    network: str = setting(
        "small_unet",
        "3D network that segments.",
        choices={
            "small_unet": "A U-Net of 0.3 million weights: minutes on a processor.",
            "swin_unetr_2": "SwinUNETR cut to its first two stages, as released.",
            "swin_unetr": "The whole SwinUNETR.",
        },
        group=NETWORK,
        paper="swin_unetr_2",
    )
    norm: str = setting(
        "instance",
        "Normalisation of convolutions.",
        choices={
            "instance": "By the patch at hand, as published.",
            "batch": "By the batch: leaves statistics and scales that test-time adaptation can change.",
        },
        group=NETWORK,
    )
    feature_size: int = setting(
        24, "Channels of SwinUNETR's first stage, a multiple of 12.", ge=12, le=96, group=NETWORK
    )
    checkpointing: bool = setting(
        False,
        "Make SwinUNETR's activations again in the backward pass: less memory, more time.",
        group=NETWORK,
        paper=True,
    )

    voxel: float = setting(
        0.0,
        "Side of the cubic voxels that scans are resampled to; 0 takes the typical one of the chosen scans.",
        ge=0,
        le=20,
        unit="mm",
        group=DATA,
    )
    patch: int = setting(48, "Voxels a side of a patch.", ge=16, le=512, unit="voxels", group=DATA, paper=128)
    near_labels: float = setting(
        0.7,
        "Share of the patches that are cut around a labelled voxel, each label of the scan as often as another, so "
        "that small targets are seen.",
        ge=0,
        le=1,
        group=DATA,
    )
    overlap: float = setting(
        0.25, "Share that neighbouring windows have in common when whole scans are segmented.", ge=0, lt=0.9, group=DATA
    )

    domain_column: str = setting(
        "domain", "Attribute of scans that names their institution.", group=DOMAINS, choices_from=META_LABELS
    )
    leave_out: str = setting(
        "",
        "Domain whose scans are not trained on, to be tested on afterwards; empty leaves none out.",
        group=DOMAINS,
        choices_from=f"{VALUES_OF}domain_column",
    )

    gin: bool = setting(True, "A random shallow network changes the intensities (GIN).", group=VIEWS)
    intensity: bool = setting(True, "Brightness, contrast and gamma change.", group=VIEWS)
    noise: bool = setting(True, "Gaussian noise is added.", group=VIEWS)
    smoothing: bool = setting(True, "The image is smoothed.", group=VIEWS)
    histogram: bool = setting(True, "The histogram is shifted piece by piece.", group=VIEWS)
    bias_field: bool = setting(True, "Brightness varies smoothly over the image.", group=VIEWS)
    geometry: bool = setting(
        True, "Image and labels together are turned by up to 15 degrees and flipped, in both views alike.", group=VIEWS
    )

    teacher: str = setting(
        "gated",
        "When the teacher follows the student.",
        choices={
            "gated": "Where the gradients on source and transformed images agree: GS-EMA.",
            "always": "In every step: a plain moving average.",
            "none": "There is no teacher; the student alone learns from both images.",
        },
        group=TEACHER,
    )
    rule: str = setting(
        "text",
        "What counts as agreement.",
        choices={
            "text": "An angle below 90 degrees: the paper's text, and the sign of the released code.",
            "algorithm1": "The opposite, as the paper's Algorithm 1 is printed.",
        },
        group=TEACHER,
    )
    sign_gradients: bool = setting(
        False, "Compare the signs of the gradients' elements, as the released code does.", group=TEACHER
    )
    on_conflict: str = setting(
        "keep",
        "What the teacher does where gradients do not agree.",
        choices={
            "keep": "It stays as it is.",
            "slow": "It follows with `slow_decay`, as in the released code.",
        },
        group=TEACHER,
    )
    decay: float = setting(
        0.9,
        "Share of itself that the teacher keeps when it follows; it begins at one half and rises to this.",
        ge=0,
        le=1,
        group=TEACHER,
        paper="0.9 or 0.9999",
    )
    slow_decay: float = setting(0.999, "The same where it follows slowly.", ge=0, le=1, group=TEACHER)
    predict_with: str = setting(
        "teacher",
        "Whose network segments after the training.",
        choices={"teacher": "The teacher's, where there is one.", "student": "The student's."},
        group=TEACHER,
    )

    contrast: str = setting(
        "both",
        "Which features are contrasted (BACL), of the latents of student and teacher on source and transformed image.",
        choices={
            "both": "The latents and their boundary features: BACL.",
            "volume": "The latents: BACL-V.",
            "boundary": "Their boundary features, without low frequencies: BACL-B.",
            "none": "None.",
        },
        group=LOSSES,
    )
    supervised_weight: float = setting(
        0.25, "Weight of Dice and cross-entropy on each of the two images.", gt=0, le=100, group=LOSSES
    )
    contrast_weight: float = setting(0.5, "Weight of each contrast.", gt=0, le=100, group=LOSSES)

    teacher_every: int = setting(
        10,
        "Steps between two looks at what the teacher segments, which nothing is learned from.",
        ge=1,
        unit="steps",
        group=LIVE,
        paper=1,
    )
    label_target: str = setting(
        "",
        "What colours maps of the latents, and what live k-NN tells; empty takes the domain, or labels where there is "
        "none.",
        group=LIVE,
    )
    patches_per_scan: int = setting(
        8, "Patches of each scan that maps and k-NN look at, where it has as many.", ge=1, le=256, group=LIVE
    )

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.patch % MULTIPLES[self.network]:
            raise ValueError(
                f"The sides of a patch must be multiples of {MULTIPLES[self.network]} for {self.network}; 'patch' is "
                f"{self.patch}."
            )
        if self.teacher == "none" and self.contrast != "none":
            raise ValueError(
                "The contrast compares student and teacher, and 'teacher' is none. Set 'contrast' to none, or choose "
                "another 'teacher'."
            )
        if self.feature_size % 12:
            raise ValueError(f"'feature_size' must be a multiple of 12; it is {self.feature_size}.")
        return self

    def label_list(self) -> tuple[str, ...]:
        """The names in `labels`."""
        return tuple(dict.fromkeys(name.strip() for name in self.labels.split(",") if name.strip()))

    def settled(self, given: Given) -> Self:
        """With the labels and the voxel of the scans to train on. Raises `SagittalError` where they do not fit."""
        kept = kept_domains(given.scans, self.domain_column, self.leave_out)
        present = label_names(kept, given.label_set)
        unknown = [name for name in self.label_list() if name not in present]
        if unknown:
            raise SagittalError(
                f"The scans to train on have no label {', '.join(unknown)}; they have {', '.join(present) or 'none'}."
            )
        flat = [scan.name for scan in kept if min(scan.shape[:3]) < 4]
        if flat:
            raise SagittalError(
                f"This method learns from volumes, and {', '.join(flat[:3])} {'are' if len(flat) > 1 else 'is'} flat. "
                "Leave flat pictures out."
            )
        voxel = self.voxel or (typical_voxel([scan.spacing for scan in kept]) if kept else 0.0)
        known = any(scan.meta.get(self.domain_column) for scan in kept)
        return self.model_copy(
            update={
                "labels": ", ".join(self.label_list() or present),
                "voxel": voxel,
                "label_target": self.label_target or (self.domain_column if known else "labels"),
            }
        )

    def used(self, scans: Sequence[ScanFacts]) -> Sequence[ScanFacts]:
        """All but those of the domain that is left out."""
        return kept_domains(scans, self.domain_column, self.leave_out)

    def about_scans(self, scans: Sequence[ScanFacts]) -> Iterable[Check]:
        """Tells what is left out, of domains of a single scan, and of scans that may be of the domain left out."""
        domains = Counter(scan.meta.get(self.domain_column, "") for scan in scans)
        bare = domains.pop("", 0)
        if self.leave_out:
            count = domains.pop(self.leave_out, 0)
            what = f"{_scans(count)} of the domain '{self.leave_out}'"
            yield Check(True, f"{what} {'is' if count == 1 else 'are'} left out of training.")
            if count == 1:
                yield Check(False, f"There is only {what}: figures on it say nothing of others, and have no interval.")
            if bare:
                yield Check(
                    False,
                    f"{_scans(bare)} without '{self.domain_column}' {'is' if bare == 1 else 'are'} trained on, and may "
                    f"be of the domain '{self.leave_out}'. Give each one, or leave them out.",
                )
        lonely = sorted(name for name, count in domains.items() if count == 1)
        if lonely and len(domains) > 1:
            which = "The domain" if len(lonely) == 1 else "The domains"
            named = ", ".join(lonely[:3]) + (", …" if len(lonely) > 3 else "")
            have = "has" if len(lonely) == 1 else "have"
            yield Check(False, f"{which} {named} {have} one scan to train on: little is learned of what differs there.")


def _scans(count: int) -> str:
    return f"{count} scan{'' if count == 1 else 's'}"


def kept_domains(scans: Sequence[ScanFacts], column: str, leave_out: str) -> list[ScanFacts]:
    """The scans to train on: those of every domain but `leave_out`.

    Raises `SagittalError` where there is no such column or domain, or nothing would be left.
    """
    if not leave_out:
        return list(scans)
    names = sorted({scan.meta.get(column, "") for scan in scans} - {""})
    if not names:
        columns = sorted({name for scan in scans for name in scan.meta})
        raise SagittalError(
            f"The domain '{leave_out}' cannot be left out, because no chosen scan has the attribute '{column}'. "
            + (
                f"They have {', '.join(columns)}: name one in 'domain_column'."
                if columns
                else "Import a table with it."
            )
        )
    if leave_out not in names:
        raise SagittalError(f"There is no domain '{leave_out}' to leave out; '{column}' has {', '.join(names)}.")
    kept = [scan for scan in scans if scan.meta.get(column, "") != leave_out]
    if not kept:
        raise SagittalError(
            f"Every chosen scan is of the domain '{leave_out}', so leaving it out leaves nothing to train on. Choose "
            "scans of other domains too."
        )
    return kept


def typical_voxel(spacings: Iterable[tuple[float, ...]]) -> float:
    """The side of a cubic voxel, mm, as large as a voxel of the typical scan: a median, rounded to 0.01."""
    return max(0.01, round(median(math.prod(spacing[:3]) ** (1 / 3) for spacing in spacings), 2))


CARD = MethodCard(
    name="gs_ema",
    title="GS-EMA",
    summary="Learns to segment so that it carries over to unseen hospitals: a teacher follows where gradients agree.",
    paper="Lin et al., GS-EMA: Integrating Gradient Surgery Exponential Moving Average with Boundary-Aware Contrastive "
    "Learning for Enhanced Domain Generalization in Aneurysm Segmentation (ISBI 2024)",
    capabilities=("pretext", "predictor", "representation"),
    params=GSEMAParams,
    implementation="sagittal_plugins.gs_ema.method:GSEMA",
    needs=Needs(scans=1, labels=True),
    panels=(
        Lines(
            "Losses",
            "Dice and cross-entropy of the student on the source and on the transformed images, and the contrast of "
            "the latents, each with its weight.",
            series=("source_loss", "target_loss", "contrast_loss"),
            names=("source", "transformed", "contrast"),
            y_label="loss",
        ),
        Lines(
            "Angle between gradients",
            "Angle between the student's gradients on source and transformed images, over all its parameters; the "
            "teacher follows below 90 degrees (rule 'text'), the line across.",
            series=("gradient_angle",),
            y_label="degrees",
            levels=(90.0,),
        ),
        Timeline(
            "The teacher",
            "What the gate let the teacher do in each step.",
            series=("teacher_step",),
            states=STATES,
        ),
        Lines(
            "Share of updates",
            "Share of all steps so far in which the gate let the teacher follow.",
            series=("update_share",),
            y_label="share",
        ),
        Lines(
            "Similarity on the same image",
            "Cosines of whole latents of student and teacher, both on the source or both on the transformed image, "
            "means over the batch; the contrast raises them.",
            series=SIMILARITIES[:2],
            names=("source", "transformed"),
            y_label="cosine",
        ),
        Lines(
            "Similarity across images",
            "The same between source and transformed image, the source as the first network sees it, the other as the "
            "second does; the contrast lowers them.",
            series=SIMILARITIES[2:],
            names=("student, student", "teacher, teacher", "student, teacher", "teacher, student"),
            y_label="cosine",
        ),
        Lines(
            "Student and teacher",
            "Dice of what student and teacher segment of the step's source and transformed images, a mean over labels, "
            "every `teacher_every` steps.",
            series=("student_dice_source", "student_dice_target", "teacher_dice_source", "teacher_dice_target"),
            names=("student, source", "student, transformed", "teacher, source", "teacher, transformed"),
            y_label="Dice",
        ),
        Lines(
            "The teacher's loss",
            "Dice and cross-entropy of what the teacher segments of both images, with their weight, every "
            "`teacher_every` steps: nothing is learned from it.",
            series=("teacher_dice_ce",),
            y_label="loss",
        ),
        Images(
            "Views",
            "Patches of the newest drawn batch, a row each, the slice with most of the labels: source, what the "
            "student and the teacher see of the transformed image, truth, and what is predicted on the source.",
            source="Views",
            captions=("source, transformed twice, truth, prediction",),
        ),
        Images(
            "Boundary features",
            "Means over the channels of the latents without their low frequencies, in the middle slice, a row for each "
            "patch: student on source and transformed image, then the teacher, where there is one.",
            source="Boundary features",
            captions=("source and transformed: student, then teacher",),
        ),
    ),
    recipes=recipes.load(__file__),
)
