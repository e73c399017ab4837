"""The base of every method that learns by guessing what was done to a slice: all but what is done, and the network.

A batch holds slices and the draws of what is done to them; it is done on the device, inside the step, for the whole
batch at once. A batch that is kept therefore replays the same step, which is what curvature probes need.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal.engine_port import SagittalError
from sagittal.method import Context, ScanData
from sagittal_engine.kit.explaining import ExplainsFeatures, Score, evenly
from sagittal_engine.kit.framing import Framing
from sagittal_engine.kit.guess_params import OTHER_PLANES, PLANE_META, GuessParams, of_plane
from sagittal_engine.kit.image_source import held_apart
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.pretext import PretextBase
from sagittal_engine.kit.sampling import Sampler
from sagittal_engine.kit.slices import NORMALISATION, slices_of
from sagittal_engine.views.cell_views import CellRules, apply_cells, draw_cells

P = TypeVar("P", bound=GuessParams)

CHECK_SEED = 20_000
"""Of the draws that held-out slices are looked at with: the same at every look and in every run."""
AT_ONCE = 32
"""Slices in one pass where nothing is learned: branches hold every cell at high resolution."""


class Deed(Protocol):
    """What was drawn to be done to a batch of slices."""

    @property
    def answer(self) -> Tensor:
        """int64 (N,): the class to be guessed."""
        ...


D = TypeVar("D", bound=Deed)


class GuessingBase(PretextBase[P], ExplainsFeatures):
    """A method that guesses. A subclass gives `classes`, `draw`, `shown`, `plain` and `network`.

    The network is a module with `encoder`, and `head` with `project`: `head(encoder(shown))` are scores (N, classes).
    """

    loss_name = "guess_loss"
    guess_name = "guess"
    """Of the target of saliency maps: what the network guessed."""
    view_rules: CellRules
    """What may become of a whole slice in a view of it, for probes that compare two."""

    def __init__(self, params: P, context: Context) -> None:
        super().__init__(params, context)
        self._training: ImageSet | None = None
        self._held_out: ImageSet | None = None
        self._rows: list[Tensor] = []
        self._sampler: Sampler | None = None
        self._sampling = threading.Lock()
        self._right: Tensor | None = None
        self._checked: float | None = None

    # The idea --------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def classes(self) -> int:
        """Of how many answers one is right."""

    @abstractmethod
    def draw(self, count: int, generator: torch.Generator, *, calm: bool = False) -> Any:
        """What is done to `count` slices, a `Deed`; with `calm` without the random changes that only training needs."""

    @abstractmethod
    def shown(self, images: Tensor, deed: Any) -> Tensor:
        """What the network is given of slices (N, 1, H, W), intensities 0…1: the channel axis is third from the end."""

    @abstractmethod
    def plain(self, images: Tensor) -> Tensor:
        """The same of slices that nothing was done to."""

    @abstractmethod
    def network(self) -> nn.Module:
        """Freshly initialised."""

    # Images ----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Cuts slices (cached), and sets subjects aside for live measures.

        Raises `SagittalError` where no scan is of the plane, or there is nothing to learn from.
        """
        p = self.params
        images = self.image_set(self.context.scans, context=self.context)
        if len(images) < 2:
            raise SagittalError(
                f"Training takes at least two slices that are not empty, and the scans have {len(images)}. Choose more "
                "scans or another 'plane'."
            )
        self._tell_short(images)
        self._training, self._held_out = held_apart(images, p.held_out, self.context.seed)
        rows: dict[str, list[int]] = {}
        for row, scan in enumerate(self._training.scans):
            rows.setdefault(scan, []).append(row)
        self._rows = [torch.tensor(rows[scan]) for scan in sorted(rows)]
        items = len(self._rows) if p.epoch_of == "scans" else len(self._training)
        if items < 2:
            raise SagittalError(
                f"There is one of the {p.epoch_of} to train on, and a step takes at least two. Add scans, lower "
                "'held_out', or set 'epoch_of' to slices."
            )
        if items < p.batch_size:
            self.context.message(
                "warning",
                f"There are only {items} {p.epoch_of} to train on, so each batch holds {items} in place of "
                f"{p.batch_size}. Lower 'batch_size', add scans, or set 'epoch_of' to slices.",
            )
        self._sampler = Sampler(items, p.batch_size, self.context.seed)

    def image_set(self, scans: Sequence[ScanData], *, masks: bool = False, context: Context | None = None) -> ImageSet:
        """The slices of those of `scans` that are of the plane, intensities 0…1, grey."""
        p = self.params
        own = [scan for scan in scans if of_plane(scan.meta.get(PLANE_META, ""), p.plane)]
        if scans and not own:
            raise SagittalError(OTHER_PLANES.format(count=len(scans), plane=p.plane))
        return slices_of(own, plane=p.plane, size=p.image_size, masks=masks, most=p.slices_per_scan, context=context)

    def _tell_short(self, images: ImageSet) -> None:
        wanted = self.params.slices_per_scan
        counts: dict[str, int] = {}
        for scan in images.scans:
            counts[scan] = counts.get(scan, 0) + 1
        short = {scan: count for scan, count in counts.items() if count < wanted}
        if short:
            first, count = next(iter(short.items()))
            self.context.message(
                "info",
                f"{len(short)} of {len(counts)} scans have fewer than {wanted} slices that are not empty; all they "
                f"have are taken. The first is scan {first} with {count}.",
            )

    def training_set(self) -> ImageSet:
        """The slices that are trained on."""
        return _prepared(self._training)

    def training_examples(self) -> Tensor:
        return evenly(self.training_set().images)

    def held_out_set(self) -> ImageSet:
        """The slices of the subjects kept from training; may be empty."""
        return _prepared(self._held_out)

    # The step --------------------------------------------------------------------------------------------------

    def batch(self, step: int, generator: torch.Generator) -> dict[str, Any]:
        """The step's slices, one of each of its scans or any, and what is done to them."""
        # A probe asks for batches on the run's thread while the next steps' are made on another.
        with self._sampling:
            chosen = _prepared(self._sampler).indices(max(1, step))
        if self.params.epoch_of == "scans":
            own = [self._rows[item] for item in chosen.tolist()]
            places = torch.rand(len(own), generator=generator).tolist()
            chosen = torch.stack([rows[int(place * len(rows))] for rows, place in zip(own, places, strict=True)])
        return {"images": self.training_set().images[chosen], "deed": self.draw(len(chosen), generator)}

    def objectives(self, module: nn.Module, batch: Any) -> Mapping[str, Tensor]:
        """Cross-entropy of the guesses."""
        scores = module(self.given(batch["images"], batch["deed"]))
        answer = batch["deed"].answer
        self._right = (scores.detach().argmax(1) == answer).float().mean()
        return {self.loss_name: F.cross_entropy(scores.float(), answer)}

    def outputs_and_loss(self, module: nn.Module, batch: Any) -> tuple[Any, Callable[[Any], Tensor]]:
        """The scores of the batch, and the cross-entropy of such scores: for Gauss-Newton curvature."""
        answer = batch["deed"].answer
        return module(self.given(batch["images"], batch["deed"])), lambda scores: F.cross_entropy(scores, answer)

    def given(self, images: Tensor, deed: Any) -> Tensor:
        """What was done to the slices, as the network takes it: −1…1, in its number of channels."""
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return self._scaled(self.shown(images, deed))

    def _scaled(self, shown: Tensor) -> Tensor:
        """2x − 1, grey repeated: the thesis's x/127.5 − 1 of bytes."""
        return (2 * shown - 1).expand(*shown.shape[:-3], self.params.channels, *shown.shape[-2:])

    def after_step(self, module: nn.Module, step: int) -> None:
        every = self.params.check_steps
        if every and step % every == 0 and len(self.held_out_set()):
            self._checked = self.check(module)

    def check(self, module: nn.Module) -> float:
        """The share of right guesses on slices of held-out subjects, without random changes, always the same ones."""
        images = self.held_out_set().images
        generator = torch.Generator().manual_seed(CHECK_SEED)
        rows = torch.randint(len(images), (self.params.check_images,), generator=generator)
        training = module.training
        module.eval()
        right = []
        try:
            with torch.no_grad():
                for part in rows.split(AT_ONCE):
                    deed = self.draw(len(part), generator, calm=True)
                    scores = module(self.given(images[part], deed).to(self.context.device))
                    right.append(scores.argmax(1).cpu() == deed.answer)
                    self.keep_checked(deed, right[-1])
        finally:
            module.train(training)
        return float(torch.cat(right).float().mean())

    def keep_checked(self, deed: Any, right: Tensor) -> None:
        """Takes note of some guesses on held-out subjects; nothing by default."""

    def metrics(self) -> Mapping[str, float]:
        """Share of the step's guesses that were right, beside chance, and what the newest look at others found."""
        found = {"chance": 1 / self.classes}
        if self._right is not None:
            found["accuracy"] = float(self._right)
        if self._checked is not None:
            found["held_out_accuracy"], self._checked = self._checked, None
        return found

    # The network -----------------------------------------------------------------------------------------------

    def module(self) -> nn.Module:
        return self.network()

    def feature_maps(self, module: Any, images: Tensor) -> Tensor:
        """The encoder's last features of slices that nothing was done to: (N, F, h, w)."""
        parts = (images,) if torch.is_grad_enabled() else images.split(AT_ONCE)
        return torch.cat([module.encoder(self._scaled(self.plain(part))) for part in parts])

    def features(self, module: Any, images: Tensor) -> Tensor:
        """Their mean over all places: (N, F)."""
        return self.feature_maps(module, images).flatten(2).mean(2)

    def projections(self, module: Any, images: Tensor) -> Tensor:
        """The head's last hidden layer, from which the scores are read: (N, D)."""
        found: Tensor = module.head.project(self.feature_maps(module, images))
        return found

    def explained(self) -> tuple[str, ...]:
        """What the network guesses, and the similarity with the training slices."""
        return (self.guess_name, *super().explained())

    def explained_score(self, module: Any, target: str) -> Score:
        """The score of the guess of slices that nothing was done to, or their similarity."""
        if target != self.guess_name:
            return super().explained_score(module, target)
        return lambda slices: module(self._scaled(self.plain(slices)).to(self.context.device)).amax(1)

    def explain_framing(self) -> Framing:
        """Grey, as training slices are before channels are repeated."""
        return Framing(self.params.plane, self.params.image_size)

    def explain_plane(self, scan: ScanData) -> str:
        plane = super().explain_plane(scan)
        named = scan.meta.get(PLANE_META, "")
        if not of_plane(named, self.params.plane):
            raise SagittalError(
                f"Scan {scan.id} is {named}, and the run learned from {self.params.plane} slices. Choose a scan of "
                "that plane, or another run."
            )
        return plane

    def view_pair(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two random views of each slice, by the changes that its parts see in training."""
        size = self.params.image_size
        first, second = (
            apply_cells(images.unsqueeze(1), draw_cells(len(images), 1, (size, size), self.view_rules, generator))
            for _ in range(2)
        )
        return first.squeeze(1), second.squeeze(1)

    def encoder_facts(self) -> Mapping[str, Any]:
        p = self.params
        return {
            "in_channels": p.channels,
            "image_size": p.image_size,
            "plane": p.plane,
            "normalisation": f"{NORMALISATION}; then 2x − 1",
        }


def _prepared(part: Any) -> Any:
    if part is None:
        raise RuntimeError("prepare() comes before images are asked for.")
    return part
