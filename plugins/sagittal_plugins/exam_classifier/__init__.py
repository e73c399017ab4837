"""Exam classifier: labels of whole exams, told from some slices of one plane.

Card and parameters only; nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from pydantic import model_validator

from sagittal.engine_port import SagittalError
from sagittal.facts import Check, ScanFacts
from sagittal.method import MethodCard, Needs
from sagittal.panels import Images, Lines, Matrix
from sagittal.params import META_LABELS, RUNS, Given, TrainingParams, inherited, names_in, setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import STEMS
from sagittal_engine.kit.exams import commonest_plane, is_of, settled_labels, truth_of
from sagittal_engine.kit.guess_params import AXES, PLANES
from sagittal_engine.kit.segmentation_params import SLICE_ENCODERS

NETWORK, DATA, LIVE, VIEWS, BALANCE = "Network", "Exams", "Live measures", "Random changes", "Rare labels"
AUTO = "auto"
GROUPS = "groups"
OWN_SLICES = "The commonest of the scans; of a run that is started from, its own."
CELL_ENCODERS = {
    "skid_v1": "SKID v1: nine branches, each sees one cell.",
    "skid_v2": "SKID v2.",
    "skid_v3": "SKID v3, as published for diagnoses.",
    "skid_noblocks": "SKID without blocks behind its branches.",
    "sslacl": "SSLACL: branches without normalisation.",
}
ALEXNET = {"alexnet": "AlexNet's features, as supervised MRNet has them; at least 64 pixels a side."}
ENCODERS = {**SLICE_ENCODERS, **ALEXNET, **CELL_ENCODERS}
LEAST_OF_ALEXNET = 64
PICTURES, CONCURRENCE = "Exams", "concurrence"


class ExamClassifierParams(TrainingParams):
    """How a network of one plane learns to tell labels of exams."""

    steps: int = inherited(TrainingParams, "steps", 600)
    batch_size: int = setting(4, "Exams per step.", ge=1, le=4096, unit="exams")
    learning_rate: float = inherited(TrainingParams, "learning_rate", 1e-3, paper=1e-5)
    optimiser: str = inherited(TrainingParams, "optimiser", "adam")
    schedule: str = inherited(TrainingParams, "schedule", "cosine")

    start_from: str = setting(
        "",
        "Encoder to start from: a run of the study (its id), a folder that a run of another study left, or a file of "
        "weights. Empty starts from random weights. The network is then that encoder's.",
        choices_from=RUNS,
    )
    frozen: bool = setting(
        False,
        "Leave the encoder as it is and learn from its features: of a run, how good they are; of random weights, what "
        "they must be compared with.",
    )
    labels: str = setting(
        "",
        "Attributes to tell, several at once; one of several classes is told as one label per class. Empty takes all "
        "that say yes or no (1 or 0).",
        choices_from=META_LABELS,
        multiple=True,
    )
    plane: str = setting(
        AUTO, "Plane whose scans are learned from; a run is of one plane.", choices={AUTO: OWN_SLICES, **PLANES}
    )
    head: str = setting(
        "maximum",
        "How the slices of an exam come together.",
        choices={
            "maximum": "The strongest of each feature over the slices, one linear layer: thesis ch. 4, and MRNet.",
            "convlstm": "Two recurrent layers of maps, slice after slice: SKID.",
            "cnn3d": "Two 3D convolutions over the slices' maps.",
            GROUPS: "Divide and teach: nine parts of the slices, each read by one branch of the puzzle: SSLACL.",
        },
    )

    encoder: str = setting(
        "small",
        "Network that reads each slice, where none is started from.",
        choices=ENCODERS,
        group=NETWORK,
    )
    stem: str = setting("imagenet", "First layers of a ResNet.", choices=STEMS, group=NETWORK)
    weights: str = setting(
        "",
        "File with published weights (.pth, .pt or .safetensors) for the encoder, in place of random ones.",
        path=True,
        group=NETWORK,
    )
    width: float = setting(
        1.0, "Channels of encoders of cells, as a share of the published ones.", gt=0, le=4, group=NETWORK
    )
    head_width: float = setting(
        1.0, "Channels of the head (recurrent or 3D), as a share of the published 512.", gt=0, le=4, group=NETWORK
    )
    grid: int = setting(
        3,
        "Cells a side, for encoders of cells.",
        choices={"2": "2×2.", "3": "3×3.", "4": "4×4."},
        group=NETWORK,
    )
    crop: int = setting(
        64, "Pixels a side of the middle of a cell that its branch sees.", ge=4, le=512, unit="px", group=NETWORK
    )

    image_size: int = setting(224, "Pixels a side that slices are brought to.", ge=16, le=1024, unit="px", group=DATA)
    channels: int = setting(
        1,
        "Channels that the network sees.",
        choices={"1": "Grey.", "3": "Colour, or grey three times, as published weights want it."},
        group=DATA,
    )
    signed: bool = setting(
        False, "Intensities −1…1 in place of 0…1; as the run that is started from had them.", group=DATA
    )
    slices: int = setting(
        16,
        "Slices of an exam that one look takes; of a scan with fewer, all.",
        ge=1,
        le=1024,
        unit="slices",
        group=DATA,
    )
    draws: str = setting(
        "normal",
        "How a look at an exam chooses its slices; training takes all alike.",
        choices={
            "normal": "Around the middle: normal, with a quarter of the slices as its deviation (thesis).",
            "stratified": "3 of 16 from the first fifth, 3 from the last, the others from between (released program).",
            "uniform": "All slices alike.",
        },
        group=DATA,
    )
    label_share: float = setting(
        1.0, "Share of the training exams whose labels are used: the label budget.", gt=0, le=1, group=DATA
    )

    class_weights: bool = setting(
        True, "Weigh the rarer class of a label up, by how much rarer it is, in the loss.", group=BALANCE
    )
    oversample: bool = setting(
        False, "Take exams of the rarer class of the first label more often, until both come alike.", group=BALANCE
    )

    crop_low: float = setting(
        0.8, "Smallest share of a slice's area that a crop keeps, enlarged to the whole.", gt=0, le=1, group=VIEWS
    )
    flip: float = setting(0.0, "Probability of exchanging left and right of a slice.", ge=0, le=1, group=VIEWS)
    rotation: float = setting(10.0, "Largest rotation.", ge=0, le=180, unit="degrees", group=VIEWS)
    brightness: float = setting(0.1, "Largest relative change of brightness.", ge=0, le=1, group=VIEWS)
    contrast: float = setting(0.1, "Largest relative change of contrast.", ge=0, le=1, group=VIEWS)

    held_out: float = setting(
        0.2,
        "Share of subjects kept from training: for live measures, and to learn how planes are weighed in a diagnosis.",
        ge=0, lt=1, group=LIVE,
    )  # fmt: skip
    check_steps: int = setting(
        50, "Steps between two looks at exams of held-out subjects; 0 never looks.", ge=0, unit="steps", group=LIVE
    )

    @model_validator(mode="after")
    def _network_fits(self) -> Self:
        if self.head == GROUPS and self.encoder != "sslacl" and not self.start_from:
            raise ValueError(
                "Divide and teach reads with SSLACL's branches: set 'encoder' to sslacl, or start from one."
            )
        if self.encoder == "alexnet" and self.image_size < LEAST_OF_ALEXNET:
            raise ValueError(f"AlexNet takes {LEAST_OF_ALEXNET} pixels a side; 'image_size' is {self.image_size}.")
        if self.of_cells and self.head != GROUPS and self.crop > self.image_size // self.grid:
            raise ValueError(
                f"A cell has {self.image_size // self.grid} pixels a side ('image_size' {self.image_size} over 'grid' "
                f"{self.grid}), and 'crop' asks for {self.crop} of them. Lower 'crop', or raise 'image_size'."
            )
        if self.start_from and self.weights:
            raise ValueError("Weights come from one place: give 'start_from' or 'weights', not both.")
        return self

    @property
    def of_cells(self) -> bool:
        """Whether the encoder sees a slice as cells."""
        return self.encoder in CELL_ENCODERS

    def names(self) -> tuple[str, ...]:
        """The labels, in the order of the outputs."""
        return names_in(self.labels)

    def settled(self, given: Given) -> Self:
        """With the plane, the labels as outputs, and the encoder that is started from as it is.

        Raises `SagittalError` where there is nothing to tell apart, or the encoder is none of slices.
        """
        changes: dict[str, Any] = {}
        if self.start_from:
            changes = self._of_start(given.encoder(self.start_from))
        told = changes.get("plane") or commonest_plane(given.scans)
        plane = told if self.plane == AUTO else self.plane
        own = [scan.meta for scan in given.scans if is_of(scan, plane)]
        if not own:
            raise SagittalError(NO_SCANS.format(count=len(given.scans), plane=plane))
        changes |= {"plane": plane, "labels": ", ".join(settled_labels(self.names(), own))}
        # Built anew, so that the rules between parameters are kept by what was filled in too.
        return type(self).model_validate({**self.model_dump(exclude_unset=True), **changes})

    def _of_start(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that an encoder's facts decide, as far as they are known; {} of a bare file."""
        name = facts.get("architecture")
        if name is None:
            return {}
        if name not in ENCODERS:
            raise SagittalError(
                f"The encoder of '{self.start_from}' is {name}, and exams are read slice by slice, by one of "
                f"{', '.join(ENCODERS)}. Start from a run with such an encoder."
            )
        if self.head == GROUPS and name != "sslacl":
            raise SagittalError(
                f"Divide and teach reads with the branches of SSLACL, and '{self.start_from}' is {name}. Start from a "
                "run of SSLACL, or choose another 'head'."
            )
        found: dict[str, Any] = {"encoder": name}
        if "stem" in facts:
            found["stem"] = facts["stem"]
        if facts.get("plane") in PLANES:
            found["plane"] = facts["plane"]
        if "in_channels" in facts:
            found["channels"] = int(facts["in_channels"])
        if "normalisation" in facts:
            found["signed"] = str(facts["normalisation"]).endswith(SIGNED)
        of_cells = name in CELL_ENCODERS
        if of_cells:
            found |= {"grid": round(float(facts["cells"]) ** 0.5), "crop": facts["crop"], "width": facts["width"]}
        if "image_size" in facts and (of_cells or "image_size" not in self.model_fields_set):
            found["image_size"] = facts["image_size"]
        return found

    def about_scans(self, scans: Sequence[ScanFacts]) -> Iterable[Check]:
        own = [scan for scan in scans if self.plane == AUTO or is_of(scan, self.plane)]
        labels = self.names()
        labelled = [scan for scan in own if any(truth_of(scan.meta, label) is not None for label in labels)]
        if len(own) < len(scans):
            yield Check(True, f"{len(own)} of {len(scans)} scans are {self.plane}; those of other planes are left out.")
        if labels and len(labelled) < len(own):
            yield Check(
                True, f"{len(labelled)} of {len(own)} {self.plane} scans have a label; the others are left out."
            )
        for label in labels:
            positive = sum(truth_of(scan.meta, label) is True for scan in labelled)
            negative = sum(truth_of(scan.meta, label) is False for scan in labelled)
            yield Check(min(positive, negative) > 1, f"{label}: {positive} exams with it, {negative} without.")
        if self.plane == AUTO:
            return
        rows, columns, across = AXES[self.plane]
        few = [scan.name for scan in own if 1 < scan.shape[across] < self.slices]
        if few:
            yield Check(True, f"{_some(few)} have fewer than {self.slices} slices: a look takes all of them.")
        cell = self.image_size // self.grid
        small = [scan.name for scan in own if max(scan.shape[rows], scan.shape[columns]) < cell]
        if self.of_cells and self.head != GROUPS and small:
            yield Check(
                False,
                f"The {self.plane} slices of {_some(small)} are smaller than {cell} pixels, which is one cell: "
                "enlarged, their cells hold little. Lower 'image_size', or leave these scans out.",
            )


SIGNED = "2x − 1"
"""How facts of encoders end that see intensities −1…1."""
NO_SCANS = "None of the {count} scans is {plane}. Choose another 'plane', or other scans."


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


CARD = MethodCard(
    name="exam_classifier",
    title="Exam classifier",
    summary="Learns to tell labels of whole exams from slices of one plane, from scratch or a pre-trained encoder.",
    paper="Downstream protocols of a doctoral thesis, ch. 3 (SKID, SSLACL) and ch. 4; Bien et al., PLOS Medicine "
    "15(11), 2018 (MRNet)",
    capabilities=("pretext", "classifier"),
    params=ExamClassifierParams,
    implementation="sagittal_plugins.exam_classifier.method:ExamClassifier",
    needs=Needs(scans=2),
    panels=(
        Lines(
            "Loss",
            "Weighted binary cross-entropy: of each step's exams, and of exams of held-out subjects.",
            series=("label_loss", "held_out_loss"),
            y_label="loss",
        ),
        Lines(
            "AUC of held-out exams",
            "Area under the ROC curve of each label over exams of subjects that are never trained on, from one draw of "
            "slices each; 0.5 is chance. It says little where they are few.",
            series=("auc_*",),
            y_label="AUC",
        ),
        Images(
            PICTURES,
            "The middle slices of some exams of the newest drawn batch, a row each, as the network is given them.",
            source=PICTURES,
            captions=("a row per exam",),
        ),
        Matrix(
            "Labels together",
            "Training exams that have both labels; on the diagonal those that have the one.",
            source=CONCURRENCE,
        ),
        Lines("Learning rate", "Step size that each update used.", series=("learning_rate",), log=True),
    ),
    recipes=recipes.load(__file__),
)
