"""Facts about a study as plain values: scans, labels, supports, reports. What pages show and `--json` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

COLOURS: tuple[str, ...] = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#993366",
    "#4E79A7", "#F28E2B", "#E15759", "#76B7B2", "#59A14F", "#EDC948", "#B07AA1", "#FF9DA7", "#9C755F", "#BAB0AC",
)  # fmt: skip
"""Label n takes the n-th, round and round: Okabe-Ito first, then Tableau 10.

The first eight can be told apart by colour-blind readers. Okabe-Ito's eighth, black, cannot be seen on an image, and
grey looks like one, so a raspberry red stands in its place.
"""


def colour_of(number: int) -> str:
    """The stable colour of label or run `number` (from 1)."""
    return COLOURS[(number - 1) % len(COLOURS)]


@dataclass(frozen=True)
class Label:
    """One structure of a label table; number 0 is always the transparent background and has no row."""

    number: int
    name: str
    colour: str


@dataclass(frozen=True)
class LabelFigures:
    """What was measured of one label of one case when it was segmented or last saved; None where it was not."""

    voxels: int | None = None
    """Voxels of the label, as last saved."""
    entropy: float | None = None
    """Bits in 0…1: mean over the looked-at slices of `sagittal.method.Prediction.entropy`."""
    disagreement: float | None = None
    """In 0…1: one minus the mean Dice between the predictions of every two supports."""
    agreement: Mapping[str, float] = field(default_factory=dict)
    """Support scan → Dice of its own prediction with the one kept; where several supports were asked."""


@dataclass(frozen=True)
class LabelSetFacts:
    """One label set of one scan."""

    name: str
    """"truth" for imported label maps, "painted" for the user's own, any name for predictions."""
    labels: tuple[Label, ...]
    origin: Mapping[str, Any] = field(default_factory=dict)
    """How it came about: {"kind": "imported"|"painted"|"predicted", "run", "support", "slices", …}."""
    confidence: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Label name → value per axial slice in 0…1, None where the slice was not looked at; for predictions."""
    review: str = "unreviewed"
    """"unreviewed", "accepted", "corrected" or "rejected"."""
    figures: Mapping[str, LabelFigures] = field(default_factory=dict)
    """By label name."""
    seconds: float = 0.0
    """Time readers spent on the case."""


@dataclass(frozen=True)
class ScanFacts:
    """One scan of the study, without a voxel read."""

    scan: str
    """Id derived from the content; the same file has the same id in every study."""
    name: str
    """What the study page shows; never a patient's name."""
    subject: str
    path: str
    kind: str
    """"nifti", "nrrd", "metaimage", "dicom" or "image"; what a data set's layout alone tells is named in words, as
    "sagittal slices"."""
    shape: tuple[int, ...]
    """Voxels along the RAS+ canonical axes (X, Y, Z)."""
    spacing: tuple[float, float, float]
    orientation: str
    """Axis letters of the source grid, as "LAS"."""
    modality: str = ""
    label_sets: tuple[LabelSetFacts, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    missing: bool = False
    """The source file is not where it was."""


def label_names(scans: Iterable[ScanFacts], label_set: str) -> tuple[str, ...]:
    """Names of the labels that `label_set` has in any of `scans`, by number."""
    rows = {
        row.name: row.number for scan in scans for one in scan.label_sets if one.name == label_set for row in one.labels
    }
    return tuple(sorted(rows, key=lambda name: (rows[name], name)))


@dataclass(frozen=True)
class StudyFacts:
    path: str
    name: str
    scans: tuple[ScanFacts, ...]
    read_only: bool = False
    why_read_only: str = ""
    """One sentence, where `read_only`."""
    preferences: Mapping[str, str] = field(default_factory=dict)
    """What the study remembers of how it is looked at, as its window presets: name → text."""
    unnamed: bool = False
    """It was begun without choosing a folder, and lies in the user's data folder until it is given one."""


@dataclass(frozen=True)
class StudyCopy:
    """A whole copy of a study's catalogue, kept for the day that the catalogue is damaged."""

    path: str
    saved: str
    """ISO 8601 time at which it was made."""
    scans: int


@dataclass(frozen=True)
class Interrupted:
    """A study whose program ended without closing it, and that holds what nobody saved."""

    path: str
    name: str
    newest: str
    """ISO 8601 time of the last edit."""
    edits: int
    """Edits that are in a journal but in no saved file."""
    unnamed: bool
    """No folder was ever chosen for it."""
    there: bool
    """Its folder can be reached; if not, as on an unplugged drive, the edits are in the user's data folder."""


@dataclass(frozen=True)
class SeriesFacts:
    """One image that a look through files found, before anything is imported: a row of the pick list."""

    name: str
    """Modality and description, or the file's name; never a patient's name."""
    kind: str
    files: tuple[str, ...]
    """Importing exactly these imports the image."""
    subject: str = ""
    """A pseudonym made from the patient id, or empty."""
    modality: str = ""
    shape: tuple[int, ...] = ()
    """Voxels along the RAS+ canonical axes."""
    spacing: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    """Files of the label maps that go with it."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class OtherGrid:
    """A label map that a look found and whose voxels are not its image's: it can only be taken resampled."""

    name: str
    """The image's."""
    image_kind: str
    image_files: tuple[str, ...]
    kind: str
    files: tuple[str, ...]
    """Of the label map; the first one names it."""
    difference: str
    """How the two grids differ: a sentence."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """A label map brought onto its image's grid, nearest neighbour: what is looked at before it is taken."""

    planes: tuple[np.ndarray[Any, Any], ...]
    """uint8 (rows, columns, 3): the slice with most labels across each axis, in true proportions, labels over it."""
    edges: tuple[str, ...]
    """What stands left, right, above and below each plane, as "RLAP"; "" where the file says nothing of directions."""
    volumes: tuple[tuple[Label, float, float], ...]
    """Each label's millilitres before and after; of files without directions, voxels."""
    unit: str = "ml"


class Arrival:
    """How much of a lent image has been read. Its reader alone writes it; anyone may look at any time."""

    __slots__ = ("problem", "share")

    def __init__(self) -> None:
        self.share = 0.0
        """0…1; the voxels of slices that have not come yet are 0."""
        self.problem = ""
        """One sentence where reading broke off."""

    @property
    def under_way(self) -> bool:
        return self.share < 1.0 and not self.problem


@dataclass(frozen=True)
class ForeignMethod:
    """A method of another package, whose code was not run: nobody has trusted that package in this version yet."""

    name: str
    package: str
    version: str


@dataclass(frozen=True)
class ImageLoan:
    """A scan's voxels, lent read-only in RAS+ canonical order."""

    scan: str
    data: np.ndarray[Any, Any]
    """(X, Y, Z), or (X, Y, Z, C) for colour; memory-mapped where the file allows."""
    affine: np.ndarray[Any, Any]
    """float64 (4, 4): canonical voxel index to RAS+ millimetres."""
    spacing: tuple[float, float, float]
    window: tuple[float, float]
    """Lower and upper intensity of the first window shown."""
    unit: str = ""
    """"HU" for CT."""
    windows: tuple[tuple[str, float, float], ...] = ()
    """Every window the header offers: its own words for it (or ""), lower and upper intensity."""
    arrival: Arrival | None = None
    """While the voxels are still being read, slice by slice; None for an image that is whole."""
    directed: bool = True
    """Whether the file says how its axes lie in the patient. A photograph does not: no view may write R or L on it."""
    orientation: str = "RAS"
    """Letters the file's own voxel axes run towards, as "LPS": what its voxels are called by other programs."""
    sized: bool = True
    """Whether the file says how large a voxel is. Of a photograph 1 mm is assumed, and means a pixel."""

    @property
    def length_unit(self) -> str:
        """What lengths are in, said to people."""
        return "mm" if self.sized else "px"


@dataclass(frozen=True)
class LabelLoan:
    """A label set's voxels, lent as a private copy the canvas paints in; RAS+ canonical order."""

    scan: str
    label_set: str
    data: np.ndarray[Any, Any]
    """uint16 (X, Y, Z), writable."""
    labels: tuple[Label, ...]
    recovered_edits: int = 0
    """Edits replayed from the journal that no save had taken up: work brought back after a crash."""
    saved: np.ndarray[Any, Any] | None = None
    """Where edits were recovered: uint16 (X, Y, Z) as it stood without them, so that they can be taken out again."""
    history: tuple[Edit, ...] = ()
    """The steps in force that undo can take back, oldest first, saved ones included; each a whole stroke, as made."""
    undone: tuple[Edit, ...] = ()
    """The steps taken back that redo can bring again, each as it was made; redo takes the last one first."""
    note: str = ""
    """What the user must know about how it was opened: a damaged file, and what was taken instead."""


@dataclass(frozen=True)
class Edit:
    """One stroke, fill or other change of labels: what the journal keeps and undo turns round."""

    tool: str
    """What made it. "undo …" takes the newest step in force back, "redo …" brings the last one taken back in again."""
    indices: np.ndarray[Any, Any]
    """int64 flat (C-order) indices into the canonical label array."""
    before: np.ndarray[Any, Any]
    after: np.ndarray[Any, Any]
    """uint16 values, one per index."""
    continues: bool = False
    """It goes on with the edit before it, and both are one step of undo: the parts of a long stroke."""


@dataclass(frozen=True)
class Recovery:
    """Painting that was on disk in the journal but in no saved file when the program ended."""

    scan: str
    label_set: str
    edits: int
    newest: str
    """ISO 8601 time of the last edit."""


SLICE_STATES = ("not started", "in progress", "done", "flagged")


@dataclass(frozen=True)
class SupportPlan:
    """Where an organ begins and ends in a support scan, and the slices proposed for painting."""

    scan: str
    label: str
    first: int
    last: int
    slices: tuple[int, ...]
    states: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One line of "does this study have what the method needs", in words."""

    ok: bool
    text: str
    blocking: bool = False
    mend: Mapping[str, Any] = field(default_factory=dict)
    """Values of parameters with which the line would be fine, where there are such."""


@dataclass(frozen=True)
class SegmentRequest:
    """Segmentation of query scans into a named label set: from a support, or by a run's network alone."""

    run: str
    labels: tuple[str, ...] = ()
    """Names; empty takes all that a network alone knows, and names none for a support."""
    support: str = ""
    """The scan whose labels are the example; empty for a run whose network segments by itself."""
    scans: tuple[str, ...] = ()
    """Query scans; empty means every scan but the support."""
    slices: tuple[int, ...] = ()
    """Support slices (canonical axial indices); empty takes the painted plan, else the three at 1/6, 3/6, 5/6."""
    label_set: str = ""
    """Name of the result; empty makes one from the run and support."""
    support_set: str = ""
    """Label set the support is read from; empty prefers "painted", then "truth"."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    more_supports: tuple[str, ...] = ()
    """Further support scans: each segments on its own, and a voxel is what most of them say."""

    @property
    def supports(self) -> tuple[str, ...]:
        """All support scans, each once."""
        return tuple(dict.fromkeys(scan for scan in (self.support, *self.more_supports) if scan))


@dataclass(frozen=True)
class EvaluateRequest:
    """A downstream task on a trained run."""

    run: str
    task: str = "one-shot"
    scans: tuple[str, ...] = ()
    support: str | None = None
    protocol: str = "deployed"
    """"published" or "deployed"; never mixed."""
    label_set: str = "truth"
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AdaptRequest:
    """A trained network adapted to unlabelled scans, one after the other."""

    run: str
    method: str = "grata"
    recipe: str | None = None
    scans: tuple[str, ...] = ()
    """In the order of the stream; empty takes every scan that the run was not trained on, by name."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Of the method."""
    domain: str = ""
    """Meta label at whose every value the network begins anew; empty makes one stream of all scans."""
    label_set: str = "truth"
    """What the masks are compared with, where a scan has it. Nothing is learnt from it."""
    name: str = ""
    """Label set of the adapted masks; empty makes one from the run that is left."""
    seed: int = 0


@dataclass(frozen=True)
class SpectrumRequest:
    """The curvature spectrum of a run at one of its checkpoints."""

    run: str
    checkpoint: str = "last"
    """"last", "best", or a step whose checkpoint was kept."""
    steps: int = 100
    """Lanczos steps."""
    probes: int = 5
    """Random vectors."""
    matrix: str = "hessian"
    """"hessian" or "ggn"."""
    batch_norm: str = "train"
    """"train" or "eval"."""
    batches: int = 4
    """Fixed batches of the run's size that the loss is the mean of."""
    project_scale_directions: bool = True
    """Compute it a second time without the trivial directions of scale-invariant layers."""
