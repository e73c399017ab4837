"""The base of every method that learns from two views of an image: all but the loss.

A batch holds images and the draws of their views; the views themselves are made on the device, inside the step, for
the whole batch at once. A batch that is kept therefore replays the same views, which is what curvature probes need.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from sagittal.method import Context, Picture, ScanData
from sagittal_engine.kit import image_source
from sagittal_engine.kit.collapse import CollapseAlarm
from sagittal_engine.kit.contrast_params import PATCH, ContrastiveParams
from sagittal_engine.kit.explaining import ExplainsFeatures, Frames, evenly
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.patches import middle_slices
from sagittal_engine.kit.pictures import view_picture
from sagittal_engine.kit.pretext import PretextBase
from sagittal_engine.kit.room import check_room, kept_bytes
from sagittal_engine.kit.sampling import Sampler
from sagittal_engine.kit.windows import Windows
from sagittal_engine.nets.image_encoders import build_image_encoder
from sagittal_engine.nets.projectors import projector
from sagittal_engine.nets.weights import load_weights
from sagittal_engine.views.draws import ViewDraw

P = TypeVar("P", bound=ContrastiveParams)
T = TypeVar("T")

VIEWS = ("a", "b")
"""Keys of the draws in a batch."""
ALARM_STEPS = 10
"""Steps between two looks at the projections."""


class Network(nn.Module):
    """(N, C, H, W), or patches (N, C, X, Y, Z), → (N, D): an encoder and the projector that only training needs."""

    updates: Tensor
    """Updates made so far, for whatever changes over a run; kept in checkpoints."""

    def __init__(self, encoder: nn.Module, projector: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = projector
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, images: Tensor) -> Tensor:
        projections: Tensor = self.projector(self.encoder(images))
        return projections


class ContrastiveBase(PretextBase[P], ExplainsFeatures):
    """A method that learns from two views. A subclass gives `loss`, or `compare` where it has teachers or queues."""

    LEARNING_VIEWS = 2
    """Views of an image, of its own size, that gradients flow through in a step; at least."""

    def __init__(self, params: P, context: Context) -> None:
        super().__init__(params, context)
        self._source = image_source.ImageSource(params, context)
        self._views = image_source.views_of(params)
        self._rules = self._views.rules
        self._training: ImageSet | None = None
        self._held_out: ImageSet | None = None
        self._sampler: Sampler | None = None
        self._sampling = threading.Lock()
        self._fits = False
        self._alarm = CollapseAlarm()
        self._step = 0
        self._numbers: dict[str, Tensor] = {}
        self._projections: Tensor | None = None

    # The idea --------------------------------------------------------------------------------------------------

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        """What `forward_views` gave, compared. Names with "loss" are minimised, other scalars only recorded.

        A method that compares more than two projections gives `compare` in its place.
        """
        raise NotImplementedError(f"{type(self).__name__} gives neither loss() nor compare().")

    def forward_views(self, module: Any, view_a: Tensor, view_b: Tensor) -> tuple[Tensor, Tensor]:
        """The projections, (N, D), of two views, (N, C, …); each view is a batch of its own to the network."""
        return module(view_a), module(view_b)

    def views(self, batch: Any) -> tuple[Tensor, ...]:
        """The views that `compare` takes, made from the draws in the batch."""
        return tuple(self._views.apply(batch["images"], batch[name]) for name in VIEWS)

    def compare(self, module: Any, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        """The named numbers of two views, as `loss` gives them."""
        projections = self.forward_views(module, view_a, view_b)
        self.remember(*projections)
        return self.loss(*projections)

    def remember(self, *projections: Tensor) -> None:
        """Keeps the step's projections for the collapse alarms."""
        self._projections = torch.cat([rows.detach() for rows in projections])

    # Images ----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Cuts slices or patches (cached), sets subjects aside for live measures, and checks what is left."""
        self._training, self._held_out = self._source.split()
        self._sampler = image_source.sampler_of(self._training, self.params, self.context.seed)

    def _check_room(self) -> None:
        """Raises `SagittalError` where the encoder is too big for the memory that is free.

        Asked before the first batch rather than in `prepare`: who looks at the features of a trained encoder needs no
        room for a step.
        """
        if self._fits or self.context.device.type != "cpu":
            return
        p, images = self.params, self.training_set().images
        count = min(p.batch_size, len(images))
        with torch.device("meta"):
            encoder = build_image_encoder(p.encoder, in_channels=int(p.channels), stem=p.stem)
        needed = self.LEARNING_VIEWS * kept_bytes(encoder, (count, int(p.channels), *images.shape[2:]))
        check_room(needed, f"A step of {count} images of {p.image_size} pixels through the encoder {p.encoder}")
        self._fits = True

    def training_set(self) -> ImageSet:
        """The images that are trained on."""
        return _prepared(self._training)

    def training_examples(self) -> Tensor:
        return evenly(self.training_set().images)

    def held_out_set(self) -> ImageSet:
        """The images of the subjects kept from training; may be empty."""
        return _prepared(self._held_out)

    def image_set(self, scans: Sequence[ScanData], *, masks: bool = False) -> ImageSet:
        """The images of `scans` as the encoder sees them."""
        return self._source.images(scans, masks=masks)

    def view_pair(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two random views of each image, shaped as the images."""
        first, second = (self.draw(len(images), generator) for _ in range(2))
        return self._views.apply(images, first), self._views.apply(images, second)

    def draw(self, count: int, generator: torch.Generator) -> ViewDraw:
        """What one view of each of `count` images is made with."""
        return self._views.draw(count, self.params.image_size, self._rules, generator)

    # The step --------------------------------------------------------------------------------------------------

    def batch(self, step: int, generator: torch.Generator) -> dict[str, Any]:
        """The step's images, all different, and the draws of their two views; the order of epochs follows the seed."""
        images = self.training_set().images
        chosen = self._chosen(max(1, step))
        return {"images": images[chosen], **{name: self.draw(len(chosen), generator) for name in VIEWS}}

    def _chosen(self, step: int) -> Tensor:
        # A probe asks for batches on the run's thread while the next steps' are made on another.
        with self._sampling:
            self._check_room()
            return _prepared(self._sampler).indices(step)

    def objectives(self, module: nn.Module, batch: Any) -> Mapping[str, Tensor]:
        """The losses of the batch's views; the other named numbers are kept for `metrics`."""
        with torch.no_grad(), torch.autocast(batch["images"].device.type, enabled=False):
            views = self.views(batch)
        named = self.compare(module, *views)
        self._numbers = {name: value.detach() for name, value in named.items() if "loss" not in name}
        return {name: value for name, value in named.items() if "loss" in name}

    def outputs_and_loss(self, module: nn.Module, batch: Any) -> tuple[Any, Callable[[Any], Tensor]]:
        """What `forward_views` gives of the batch, and the loss of such outputs: for Gauss-Newton curvature."""
        with torch.no_grad():
            views = self.views(batch)

        def loss_of(outputs: Any) -> Tensor:
            return torch.stack([value for name, value in self.loss(*outputs).items() if "loss" in name]).sum()

        return self.forward_views(module, *views), loss_of

    def after_step(self, module: Any, step: int) -> None:
        self._step = step
        module.updates.fill_(step)

    def metrics(self) -> Mapping[str, float]:
        """The recorded numbers of the last step, and every ten steps the collapse alarms."""
        numbers = {name: float(value) for name, value in self._numbers.items()}
        if self._projections is not None and self._step % ALARM_STEPS == 0:
            found, warning = self._alarm.look(self._projections, self._step)
            numbers |= found
            if warning:
                self.context.message("warning", warning)
        return numbers

    def pictures(self, module: nn.Module, batch: Any) -> Sequence[Picture]:
        """Some images of the batch above their two views."""
        rows = [middle_slices(images[:8]) for images in (batch["images"], *self.views(batch))]
        return [Picture("Views", view_picture(rows), "")]

    # The network -----------------------------------------------------------------------------------------------

    def module(self) -> nn.Module:
        encoder = self.new_encoder()
        return Network(encoder, self.new_projector(encoder.width))

    def new_encoder(self) -> Any:
        """The encoder, from published weights where the parameters name a file."""
        p = self.params
        encoder = build_image_encoder(p.encoder, in_channels=int(p.channels), stem=p.stem)
        if p.weights:
            self.context.message("info", load_weights(encoder, p.weights).sentence(p.weights))
        return encoder

    def new_projector(self, width: int) -> nn.Module:
        """The projector of an encoder of `width` features."""
        p = self.params
        return projector(
            width, p.hidden_dim, p.out_dim,
            layers=p.projector_layers, norm=p.projector_norm, last_norm=p.projector_last_norm,
        )  # fmt: skip

    def features(self, module: Any, images: Tensor) -> Tensor:
        """Pooled features of the encoder, projector removed: (N, F)."""
        features: Tensor = module.encoder(images)
        return features

    def feature_maps(self, module: Any, images: Tensor) -> Tensor:
        """The encoder's last features before pooling: (N, F, h, w), of patches (N, F, x, y, z)."""
        maps: Tensor = module.encoder.maps(images)
        return maps

    def projections(self, module: Any, images: Tensor) -> Tensor:
        """What the loss compares, not normalised: (N, D)."""
        projections: Tensor = module.projector(module.encoder(images))
        return projections

    def explain_framing(self) -> Frames:
        p = self.params
        return Windows(p.image_size, p.patch_spacing) if p.plane == PATCH else super().explain_framing()

    def encoder_facts(self) -> Mapping[str, Any]:
        p = self.params
        facts = {
            "architecture": p.encoder,
            "stem": p.stem,
            "in_channels": int(p.channels),
            "image_size": p.image_size,
            "plane": p.plane,
            "normalisation": image_source.ImageSource.normalisation,
        }
        return facts | ({"spacing": [p.patch_spacing] * 3, "axes": "right, front, head"} if p.plane == PATCH else {})


def _prepared(part: T | None) -> T:
    if part is None:
        raise RuntimeError("prepare() comes before images are asked for.")
    return part
