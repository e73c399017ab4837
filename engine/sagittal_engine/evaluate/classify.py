"""Fine-tuning an encoder as a classifier: class weights, positive weight, a multi-step schedule, the last epoch.

What is trained after the last epoch is what is tested: no epoch is ever chosen by looking at tested images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal_engine.evaluate.image_params import ImageTaskParams, numbers_of
from sagittal_engine.probes.encoding import encode

MOMENTUM = 0.9


class Classifier(nn.Module):
    """An encoder (inside a method's module) with a linear head on its pooled features."""

    def __init__(self, method: Any, module: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.module = module
        # All zero: nothing is drawn, and the first step moves it by the features alone.
        self.head = nn.utils.skip_init(nn.Linear, width, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self._method = method

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, …) → (N, classes)."""
        scores: Tensor = self.head(self._method.features(self.module, images))
        return scores


def loss_weights(labels: Tensor, classes: int, params: ImageTaskParams, names: tuple[str, ...]) -> Tensor | None:
    """The weight of each class, or None. "balanced" gives N / (classes · N_class), over the classes that occur.

    Raises ValueError where the numbers do not fit the classes.
    """
    if params.positive_weight is not None:
        if classes != 2:
            raise ValueError(f"'positive_weight' is for two classes; the target has {classes}: {', '.join(names)}.")
        return torch.tensor([1.0, params.positive_weight])
    if params.class_weights == "none":
        return None
    if params.class_weights == "balanced":
        counts = torch.bincount(labels, minlength=classes).float()
        return torch.where(counts > 0, len(labels) / (int((counts > 0).sum()) * counts.clamp(min=1)), 0.0)
    numbers = numbers_of(params.class_weights)
    if len(numbers) != classes:
        raise ValueError(
            f"'class_weights' has {len(numbers)} numbers; the target has {classes} classes: {', '.join(names)}."
        )
    return torch.tensor(numbers)


def rate_factor(epoch: int, params: ImageTaskParams) -> float:
    """Share of the peak rate in `epoch` (from 0): `factor` for every milestone that lies behind."""
    behind = sum(epoch >= round(share * params.epochs) for share in numbers_of(params.milestones))
    return params.factor**behind


def weighted_loss(scores: Tensor, labels: Tensor, weights: Tensor | None, *, normalise: bool) -> Tensor:
    """Mean cross-entropy; with `weights` divided by the weights' sum where `normalise`, else by the count.

    Of two classes with weights (1, p) and no normalising it is binary cross-entropy with positive weight p.
    """
    each = F.cross_entropy(scores, labels, reduction="none")
    if weights is None:
        return each.mean()
    own = weights[labels]
    return (own * each).sum() / (own.sum() if normalise else len(each))


def fine_tune(
    method: Any,
    module: nn.Module,
    images: Tensor,
    labels: Tensor,
    names: tuple[str, ...],
    params: ImageTaskParams,
    *,
    device: torch.device,
    seed: int,
    boundary: Callable[[], None] = lambda: None,
) -> Classifier:
    """Trains `module`'s encoder and a new head on `images` (N, C, …) with `labels` (N,); the module is changed.

    Batches have at least `batch_size` images (or all there are), in an order drawn by `seed` afresh every epoch.
    Raises ValueError where fewer than two classes are labelled, or class weights do not fit.
    """
    if len(torch.unique(labels)) < 2:
        raise ValueError("telling classes apart takes labelled images of two; all are of one.")
    generator = torch.Generator().manual_seed(seed)
    width = encode(method.features, module, images[:1], device).shape[1]
    classifier = Classifier(method, module, width, len(names)).to(device)
    weights = loss_weights(labels, len(names), params, names)
    weights = weights if weights is None else weights.to(device)
    optimiser = _optimiser(classifier, params)
    for epoch in range(params.epochs):
        classifier.train()
        for group in optimiser.param_groups:
            group["lr"] = params.learning_rate * rate_factor(epoch, params)
        order = torch.randperm(len(images), generator=generator)
        for rows in order.tensor_split(max(1, len(images) // params.batch_size)):
            boundary()
            batch = images[rows]
            batch = method.view_pair(batch, generator)[0] if params.views else batch
            scores = classifier(batch.to(device)).float()
            loss = weighted_loss(scores, labels[rows].to(device), weights, normalise=params.positive_weight is None)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    return classifier


def _optimiser(classifier: Classifier, params: ImageTaskParams) -> torch.optim.Optimizer:
    trained = [p for p in classifier.parameters() if p.requires_grad]
    if params.optimiser == "adam":
        return torch.optim.Adam(trained, lr=params.learning_rate, weight_decay=params.weight_decay)
    return torch.optim.SGD(trained, lr=params.learning_rate, momentum=MOMENTUM, weight_decay=params.weight_decay)
