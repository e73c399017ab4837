"""What a method owes: a card (cheap to read) and the protocols it implements (heavy, named here by type only).

The card is a value; listing methods and building their forms reads cards alone and imports no torch. The class that
does the work is named in the card as "package.module:Class" and imported only when a run needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sagittal.panels import Panel
from sagittal.params import Params

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True)
class Needs:
    """What a method needs of a study, so that the app can check it in words before a run."""

    scans: int = 1
    labels: bool = False
    """Truth on every scan."""
    some_labels: bool = False
    """Truth on some of the scans; which will do, its parameters say (`about_scans`, `settled`)."""
    meta_labels: int = 0
    domains: bool = False
    segmenter: bool = False
    """A trained segmenter of the study, to start from."""


@dataclass(frozen=True)
class Recipe:
    """A named set of parameter values with where they come from."""

    name: str
    title: str
    values: Mapping[str, Any]
    source: str = ""
    published: Mapping[str, str] = field(default_factory=dict)
    """Figures that were published for it, to be shown beside one's own: of what → figure."""


@dataclass(frozen=True)
class MethodCard:
    """A method as the gallery shows it."""

    name: str
    title: str
    summary: str
    paper: str
    capabilities: tuple[str, ...]
    """Any of "pretext", "segmenter", "predictor", "classifier", "adapter", "representation"."""
    params: type[Params]
    implementation: str
    """"package.module:Class", imported only when a run needs it."""
    needs: Needs = Needs()
    panels: tuple[Panel, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    note: str = ""
    """A caution shown wherever the method is named (for instance "reconstructed from the published description")."""
    reads: str = "The scan's own intensities: window and level on the screen change nothing."
    """What of a scan reaches the method; some tools elsewhere segment what the window shows."""


class ScanData(Protocol):
    """One scan as methods see it: RAS+ canonical voxel order (axis 0 to the right, 1 to the front, 2 to the head)."""

    id: str
    subject: str
    spacing: tuple[float, float, float]
    """Millimetres per voxel along the three axes."""
    meta: Mapping[str, str]

    def image(self) -> np.ndarray[Any, Any]:
        """Intensities, float32, (X, Y, Z), or (X, Y, Z, C) for colour. Finite: what is no number in the file is 0."""

    def labels(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """Truth masks by label name, bool, (X, Y, Z). Empty where the scan has none."""


class Context(Protocol):
    """What the engine lends a method. All calls are safe in the run's thread."""

    scans: Sequence[ScanData]
    device: torch.device
    seed: int

    def boundary(self) -> None:
        """The place where pause and cancel take effect; call it inside every long loop. Raises to unwind."""

    def progress(self, done: int, total: int, message: str) -> None:
        """Tells the user how far a preparation is (calls `boundary`)."""

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        """A file derived from scans and parameters: made once by `make(temporary_path)`, renamed into place, kept."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
        """`function` over `items` on worker processes (spawned), results in order. Both must be picklable."""

    def message(self, level: str, text: str) -> None:
        """A sentence for the user and the run's log."""

    def encoder_file(self, start: str) -> Path:
        """The weights of the encoder that `start` names: a run of the study (its id), a folder a run left, or a file.

        Raises `SagittalError` in words where there is none.
        """


@dataclass(frozen=True)
class Picture:
    """An RGB picture a method drew for one of its `Images` panels."""

    panel: str
    pixels: np.ndarray[Any, Any]
    """uint8, (rows, columns, 3), row 0 at the top."""
    caption: str = ""


@dataclass(frozen=True)
class Document:
    """What a method publishes for one of its panels that shows numbers: `Matrix`, `Curve`, `Histogram`, `Scatter`."""

    source: str
    """The panel's."""
    values: Mapping[str, Any]
    """Plain values that JSON can hold, with the keys that the kind of panel names."""


class Pretext(Protocol):
    """A method that trains. `sagittal_engine.kit.pretext.PretextBase` supplies everything but the idea.

    All randomness of a step comes from the generator it is given, which is a function of (seed, step) alone: that is
    what makes a resumed run equal the uninterrupted one, and lets batches be made ahead on another thread.
    """

    def __init__(self, params: Any, context: Context) -> None: ...

    def prepare(self) -> None:
        """Long precomputation, with progress; cached where it can be."""

    def module(self) -> torch.nn.Module:
        """Everything that is trained or kept in a checkpoint, freshly initialised."""

    def batch(self, step: int, generator: torch.Generator) -> Any:
        """One batch as (nested) CPU tensors; may be called ahead of the step, on another thread."""

    def objectives(self, module: torch.nn.Module, batch: Any) -> Mapping[str, torch.Tensor]:
        """Named scalar objectives whose sum is minimised. Names contain "loss"."""

    def metrics(self) -> Mapping[str, float]:
        """Further plain numbers of the last step (for instance the episode's Dice)."""

    def combine(self, gradients: Mapping[str, Sequence[torch.Tensor]]) -> Sequence[torch.Tensor] | None:
        """Edits gradients: objective → one tensor per trained parameter, in the module's order of them.

        Each look-up is one backward pass through the graph that the objectives share, and what it gave is not kept:
        look once, and hold no more of them than needed. An objective that is no finite number gives zeros. None
        (default) means: minimise the sum.
        """

    def after_step(self, module: torch.nn.Module, step: int) -> None:
        """Teachers, queues."""

    def pictures(self, module: torch.nn.Module, batch: Any) -> Sequence[Picture]:
        """Pictures for the `Images` panels of the card."""

    def documents(self) -> Sequence[Document]:
        """Numbers for the panels that show documents, as the pictures every `preview_steps`."""

    def encoder(self, module: torch.nn.Module) -> torch.nn.Module:
        """The part that is kept as the run's encoder."""

    def encoder_facts(self) -> Mapping[str, Any]:
        """How to use the encoder: architecture, input channels, spacing, normalisation."""


class Represents(Protocol):
    """A method whose encoder gives one feature vector per image or 3D patch: what geometry probes and k-NN ask of it.

    All calls expect `module` in evaluation mode unless said otherwise and are made without gradients.
    """

    def image_set(self, scans: Sequence[ScanData], *, masks: bool = False) -> Any:
        """`sagittal_engine.kit.images.ImageSet` of `scans` as the encoder sees them, without augmentation."""

    def training_set(self) -> Any:
        """The `ImageSet` that is trained on."""

    def held_out_set(self) -> Any:
        """The `ImageSet` of the subjects kept from training for live measures; may be empty."""

    def view_pair(self, images: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two random views of each image, shaped as the images."""

    def features(self, module: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Pooled features of the encoder, projector removed: (N, F)."""

    def feature_maps(self, module: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """The encoder's last features before pooling: (N, F, h, w), of patches (N, F, x, y, z)."""

    def projections(self, module: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """What the loss compares, not normalised: (N, D)."""


@dataclass(frozen=True)
class Support:
    """Annotated slices of one support scan, RAS+ canonical."""

    scan: ScanData
    slices: tuple[int, ...]
    """Axial indices, ascending."""
    masks: Mapping[str, np.ndarray[Any, Any]]
    """Label name → bool (X, Y, Z); only `slices` are looked at."""
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Label name → first and last axial index of the organ in the support scan, where they are known."""


@dataclass(frozen=True)
class Prediction:
    """A segmented query scan, RAS+ canonical."""

    masks: Mapping[str, np.ndarray[Any, Any]]
    """Label name → bool (X, Y, Z)."""
    confidence: Mapping[str, np.ndarray[Any, Any]]
    """Label name → float per axial slice, in 0…1; NaN where the slice was not looked at."""
    entropy: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    """Label name → bits per axial slice, in 0…1: mean of −p·log2 p − (1−p)·log2(1−p) over the slice's pixels whose
    foreground probability p is at least 0.05; 0 where there is none, NaN where the slice was not looked at. Empty where
    a method has no probabilities."""


class Segmenter(Protocol):
    """A method that segments query scans from support annotations."""

    def segment(
        self,
        module: torch.nn.Module,
        supports: Sequence[Support],
        query: ScanData,
        *,
        ranges: Mapping[str, tuple[int, int]] | None = None,
        quadrants: Mapping[str, Any] | None = None,
    ) -> Prediction:
        """Segments `query`.

        `ranges` (label → first and last axial slice) is the query's true range: given only under the `published`
        protocol. Under `deployed` it is None and nothing of the query's truth is known.
        """


class Predictor(Protocol):
    """A trained network that segments scans by itself, without a support.

    `sagittal_engine.kit.predicting.PredictorBase` supplies `masks`. All calls but `network` are made without gradients
    and with `module` in evaluation mode, unless an adapter asks otherwise.
    """

    labels: tuple[str, ...]
    """Names of the outputs, background excluded."""
    activation: Literal["softmax", "sigmoid"]
    """"softmax": one label per voxel, and channel 0 is background. "sigmoid": a channel per label, labels may overlap
    (a disc and the cup within it)."""

    def truth(self, scan: ScanData) -> Mapping[str, np.ndarray[Any, Any]]:
        """The scan's own labels as the network tells them (a disc includes its cup), bool (X, Y, Z) by name; what
        `masks` are compared with. Empty where the scan has none."""

    def network(self, module: torch.nn.Module) -> torch.nn.Module:
        """The part that maps images to logits: what adapters change."""

    def images(self, scan: ScanData) -> torch.Tensor:
        """The scan as the network sees it, normalised: slices (n, C, H, W), or a volume (1, C, X, Y, Z)."""

    def logits(self, module: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """(n, outputs, *spatial) of such images, on the device of `module`; where they are larger than what the network
        was trained on, by a sliding window."""

    def targets(self, scan: ScanData) -> torch.Tensor | None:
        """The scan's truth as its images lie: shares 0…1, (n, outputs, *spatial); None where it has none, or where the
        method does not tell."""

    def on_grid(self, scan: ScanData, probabilities: torch.Tensor, channel: int) -> np.ndarray[Any, Any]:
        """One channel of the probabilities of all of the scan's images, (n, outputs, *spatial), back on the scan's
        grid: float32 (X, Y, Z). Channels come one by one, so that many labels of a large scan fit into memory."""

    def masks(self, scan: ScanData, probabilities: torch.Tensor) -> Mapping[str, np.ndarray[Any, Any]]:
        """Label name → bool (X, Y, Z), from the probabilities of all of the scan's images: after softmax the most
        likely channel, after sigmoid what is at least one half."""


class Classifier(Protocol):
    """A trained network that judges one scan of an exam: one score per label, from some of the scan's slices.

    All calls are made with `module` in evaluation mode. What is read of a slice does not depend on which others are
    looked at, so that a scan is read once, and every draw of its slices judged by what was read of them.
    """

    labels: tuple[str, ...]
    """What it tells, in the order of its outputs: meta labels that are yes or no, and classes of others as
    "acl: healthy" (see `sagittal_engine.kit.exams.truth_of`)."""
    plane: str
    """The plane of the scans it judges."""

    def divided(self, scans: Sequence[ScanData]) -> tuple[Sequence[ScanData], Sequence[ScanData]]:
        """Of the scans that the run was given, those whose labels it was trained on, and those of its plane with labels
        that it kept from training: on them an ensemble learns how planes are weighed."""

    def slices(self, scan: ScanData) -> torch.Tensor:
        """All slices across the plane as the network sees them, normalised: (n, C, H, W)."""

    def draw(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Indices of the slices that one Monte Carlo draw looks at, of `count` there are: int64, ascending."""

    def read(self, module: torch.nn.Module, slices: torch.Tensor) -> torch.Tensor:
        """What the network takes of each of all slices of a scan, in their order: (n, …), on the module's device."""

    def judge(self, module: torch.nn.Module, read: torch.Tensor) -> torch.Tensor:
        """Scores (B, labels) before the logistic function, of B draws of k slices: (B, k, …), rows of what was read."""

    def features(self, read: torch.Tensor) -> torch.Tensor:
        """One vector per slice, (n, F), of what was read: what neighbours are looked for with."""


@dataclass(frozen=True)
class FeatureLayer:
    """A layer whose features a saliency map can be made from."""

    name: str
    """As `named_modules` of the whole module has it."""
    layer: torch.nn.Module
    """It gives maps (n, F, h, w), or several of them in turn; in a network of 3D patches (n, F, x, y, z)."""
    size: tuple[int, ...]
    """Places along each axis: of each cell's maps where slices are cut into cells, else of the slice's or cube's."""
    local: bool = True
    """Whether places are told apart well enough to say where: a map has three of them a side or more, and is of one
    cell alone where there are cells."""
    about: str = ""
    """What a reader of its maps must know; one sentence, or empty."""


class Explains(Protocol):
    """A method whose answers can be traced back to places in an image by the features of a layer.

    `sagittal_engine.kit.explaining.ExplainsBase` supplies all but the targets and their scores; puzzles, guesses and
    contrastive methods have it by their bases.
    """

    def explained(self) -> tuple[str, ...]:
        """What can be explained, the first being what is asked most: names of targets. Empty where nothing can be."""

    def explain_layers(self, module: torch.nn.Module) -> Sequence[FeatureLayer]:
        """From shallow to deep."""

    def explain_plane(self, scan: ScanData) -> str:
        """ "axial", "coronal" or "sagittal": the plane that the scan's slices lie in.

        Raises `SagittalError` where the scan is none that the network was made for, as of another plane.
        """

    def explain_slices(self, scan: ScanData) -> torch.Tensor:
        """All slices of the scan in the order of its grid's stack (`sagittal_engine.kit.slices.as_stack`), each in the
        frame that the network sees it in: (n, C, H, W). Where the network sees another grid, the slices of that."""

    def explain(
        self,
        module: torch.nn.Module,
        layer: torch.nn.Module,
        slices: torch.Tensor,
        target: str,
        seed: int,
        progress: Callable[[int, int], object] = ...,
    ) -> torch.Tensor:
        """Grad-CAM of `target` at `layer`: float32 (n, H, W) on the processor, not negative, as the slices lie. NaN
        where the network was shown nothing. What was found in a cell of a puzzle lies where the cell came from.

        `module` is in evaluation mode. Calls the context's `boundary`, and `progress` with slices done and in all.
        """

    def explained_on_grid(self, scan: ScanData, maps: torch.Tensor) -> np.ndarray[Any, Any]:
        """Maps of all slices back on the scan's grid: float32 (X, Y, Z), NaN where the network was shown nothing."""

    def patch_borders(self) -> torch.Tensor | None:
        """bool (H, W), where the cells' borders lie in a slice's frame; None for a network that sees whole slices."""


@dataclass(frozen=True)
class AdaptationStep:
    """What one step of an adapter found and did."""

    step_size: float = 0.0
    """Learning rate of the update; 0 where there was none."""
    loss: float | None = None
    """What was minimised."""
    cosine: float | None = None
    """Between the two gradients that the method compares, in −1…1; None where it compares none."""
    empirical: float | None = None
    """Cosine between the gradient that was followed and that of the loss against the truth, where truth was lent."""
    note: str = ""
    """One sentence where the network was left as it was; else empty."""
    images: int = 1
    """Images of the scan that the step looked at: slices, where there are several."""


class Adapter(Protocol):
    """A method that adapts a trained predictor to unlabelled scans at test time, one after the other.

    `sagittal_engine.kit.adapting.AdapterBase` supplies everything but the step.
    """

    def __init__(self, params: Any, context: Context) -> None: ...

    def adopt(self, predictor: Predictor, module: torch.nn.Module) -> None:
        """Takes a trained network, which is changed in place from now on; a stream of scans begins.

        The names and shapes in the module's state stay as they are. Raises ValueError in words where the network has
        nothing that the method could adapt.
        """

    def adapt(
        self, images: torch.Tensor, generator: torch.Generator, targets: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, Sequence[AdaptationStep]]:
        """Adapts to the images of one scan (as `Predictor.images` gives them) and returns its logits, each image
        predicted with what was learnt up to it, and what each step did.

        All randomness comes from `generator`, a generator of the processor. `targets`, the truth as
        `Predictor.targets` gives it, is for `AdaptationStep.empirical` alone: nothing is learnt from it.
        """
