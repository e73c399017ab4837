"""The base of every adapter: all of `sagittal.method.Adapter` but the step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from sagittal.method import AdaptationStep, Context, Predictor
from sagittal_engine.kit.adapter_params import AdapterParams, StreamParams
from sagittal_engine.kit.gradients import Gradient, gradient_cosine
from sagittal_engine.kit.normalisation import Statistics, affine_parameters, take_statistics
from sagittal_engine.kit.predicting import probabilities_of
from sagittal_engine.kit.soft_labels import soft_label_loss
from sagittal_engine.nets.layout import laid_out, lay_out
from sagittal_engine.views.flips import WEAK, batched, undone
from sagittal_engine.views.strong_views import apply_strong, draw_strong

S = TypeVar("S", bound=StreamParams)
P = TypeVar("P", bound=AdapterParams)

CONSTANT = "The image is of one intensity throughout, so nothing can be learnt from it, and no step was made."
NOT_FINITE = "A gradient was not finite, so no step was made."

SLICE_CROP, VOLUME_CROP = 512, 96
"""Pixels a side that an update looks at, unless told: what GraTa's released code sees, and what memory bears."""


FLAT = 1e-3
"""Largest difference within a channel that is of one intensity: images are of about 0…1, in half precision."""


def are_flat(images: Tensor) -> bool:
    """Whether every channel of every image (N, C, *spatial) is of one intensity, the frame of zeros left out that
    fills an oblong image up to a square."""
    inside = images.ne(0).flatten(0, 1).any(0)
    if not bool(inside.any()):
        return True
    for axis in range(inside.ndim):
        places = inside.movedim(axis, 0).flatten(1).any(1).nonzero()
        first, last = int(places[0]), int(places[-1])
        images = images.narrow(axis + 2, first, last - first + 1)
    each = images.flatten(2)
    return bool((each.amax(2) - each.amin(2) <= FLAT).all())


class NotFinite(Exception):
    """A gradient is infinite or not a number."""


class StreamBase(ABC, Generic[S]):
    """An adapter of any kind: batch normalisations take the statistics of the images, and steps follow each other.

    A subclass must give `step`. Whatever it does, the module holds the weights that predict between two steps.
    """

    def __init__(self, params: S, context: Context) -> None:
        self.params, self.context = params, context
        self.predictor: Predictor
        self.module: nn.Module
        self.statistics: Statistics

    def adopt(self, predictor: Predictor, module: nn.Module) -> None:
        """As the protocol says. Dropout stays off, as in evaluation; weights are laid out as they are used fastest."""
        self.predictor, self.module = predictor, module.eval().requires_grad_(False)
        self._laid_out = lay_out(predictor.network(module))
        self.statistics = take_statistics(predictor.network(module))
        self.statistics.alone, self.statistics.source_share = self.params.images_per_step == 1, 0.0
        self.begin()

    @abstractmethod
    def begin(self) -> None:
        """The stream begins. Raises ValueError in words where the network has nothing to adapt."""

    @abstractmethod
    def step(self, images: Tensor, generator: torch.Generator, targets: Tensor | None) -> AdaptationStep:
        """Adapts to the images of one step, which lie on the network's device."""

    def adapt(
        self, images: Tensor, generator: torch.Generator, targets: Tensor | None = None
    ) -> tuple[Tensor, Sequence[AdaptationStep]]:
        """As the protocol says; logits are on the network's device."""
        place = next(self.module.parameters()).device
        images = images.to(place)
        size = self.params.images_per_step or len(images)
        steps: list[AdaptationStep] = []
        found: list[Tensor] = []
        for rows in torch.arange(len(images)).split(size):
            self.context.boundary()
            lent = None if targets is None else targets[rows].to(place)
            steps.append(replace(self.step(images[rows], generator, lent), images=len(rows)))
            with torch.no_grad():
                found.append(self.logits(images[rows]))
        return torch.cat(found), steps

    def logits(self, images: Tensor, views: int = 1) -> Tensor:
        """Logits of `views` views of the same images, one view after the other in the batch; no view shares its
        statistics with another."""
        images = laid_out(images) if self._laid_out else images
        if self.statistics.alone or views == 1:
            return self.predictor.logits(self.module, images)
        return torch.cat([self.predictor.logits(self.module, view) for view in images.chunk(views)])


class AdapterBase(StreamBase[P]):
    """An adapter that moves scales and shifts of normalisations by gradients, and nothing else.

    A subclass must give `followed`, which finds the gradient of a step and how far to go along it.
    """

    affine: list[nn.Parameter]
    trained: list[Tensor]
    """The scales and shifts as they came."""
    optimiser: torch.optim.Optimizer

    def begin(self) -> None:
        self.affine = affine_parameters(self.predictor.network(self.module), every=self.params.norms == "every")
        for parameter in self.affine:
            parameter.requires_grad_(True)
        self.trained = self.weights()
        self._make_optimiser()

    def _make_optimiser(self) -> None:
        rate, momentum = self.params.learning_rate, self.params.momentum
        if self.params.optimiser == "adam":
            self.optimiser = torch.optim.Adam(self.affine, lr=rate)
        else:
            self.optimiser = torch.optim.SGD(self.affine, lr=rate, momentum=momentum)

    def weights(self) -> list[Tensor]:
        """A copy of the scales and shifts as they stand."""
        return [parameter.detach().clone() for parameter in self.affine]

    @torch.no_grad()
    def put(self, weights: Sequence[Tensor]) -> None:
        """Sets the scales and shifts."""
        torch._foreach_copy_(list(self.affine), list(weights))

    def restart(self) -> None:
        """Takes the network back to how it was trained."""
        self.put(self.trained)
        self._make_optimiser()

    @abstractmethod
    def followed(self, images: Tensor, generator: torch.Generator) -> tuple[Gradient, AdaptationStep]:
        """The gradient that the step follows, and the facts of the step; the weights are put back by the base.

        Raises `NotFinite` where `gradient` does.
        """

    def step(self, images: Tensor, generator: torch.Generator, targets: Tensor | None) -> AdaptationStep:
        if self.params.episodic:
            self.restart()
        looked_at, targets = self._middle(images), None if targets is None else self._middle(targets)
        if are_flat(looked_at):
            return AdaptationStep(note=CONSTANT)
        start = self.weights()
        try:
            gradient, facts = self.followed(looked_at, generator)
            self.put(start)
            empirical = None if targets is None else self._empirical(looked_at, targets, gradient)
        except NotFinite:
            self.put(start)
            return AdaptationStep(note=NOT_FINITE)
        self.update(gradient, facts.step_size)
        return AdaptationStep(facts.step_size, facts.loss, facts.cosine, empirical, facts.note)

    def _middle(self, images: Tensor) -> Tensor:
        """The part of images (N, C, *spatial) that an update looks at: the middle of those larger than `crop`."""
        most = self.params.crop or (SLICE_CROP if images.ndim == 4 else VOLUME_CROP)
        for axis in range(2, images.ndim):
            length = images.shape[axis]
            size = min(most, length)
            images = images.narrow(axis, (length - size) // 2, size)
        return images

    def _empirical(self, images: Tensor, targets: Tensor, gradient: Gradient) -> float | None:
        truth = targets.to(images.dtype)
        loss = soft_label_loss(self.logits(images), truth, activation=self.predictor.activation)
        return float(gradient_cosine(gradient, self.gradient(loss)))

    def gradient(self, loss: Tensor) -> Gradient:
        """∇ of `loss` in the scales and shifts. Raises `NotFinite` where it or the loss is not finite."""
        found = torch.autograd.grad(loss, self.affine, materialize_grads=True)
        if not bool(torch.isfinite(torch.stack([loss.detach(), *(g.sum() for g in found)])).all()):
            raise NotFinite
        return found

    @torch.no_grad()
    def agreed(self, images: Tensor) -> Tensor:
        """Soft labels: mean probabilities, (n, outputs, *spatial), of the flips and turns of an image, turned back."""
        total: Tensor | float = 0.0
        for flips, views in batched(images, WEAK):
            said = probabilities_of(self.logits(views, len(flips)), self.predictor.activation)
            total = total + undone(said, flips).sum(0)
        assert isinstance(total, Tensor)
        return total / len(WEAK)

    def consistency(self, images: Tensor, soft: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy of a strong view of the images, drawn from `generator`, with soft labels."""
        draw = draw_strong(tuple(images.shape), generator).to(images.device)
        said = self.logits(apply_strong(images, draw))
        return soft_label_loss(said, soft.to(said.dtype), activation=self.predictor.activation)

    @torch.no_grad()
    def move(self, gradient: Gradient, distance: float) -> None:
        """θ ← θ − distance · gradient, at once and without the optimiser."""
        torch._foreach_sub_(list(self.affine), torch._foreach_mul(list(gradient), distance))

    def update(self, gradient: Gradient, rate: float) -> None:
        """One update of the optimiser along `gradient`, with the learning rate `rate`."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        for parameter, own in zip(self.affine, gradient, strict=True):
            parameter.grad = own
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
