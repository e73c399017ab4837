"""A map of the images: features as points of a plane, by PCA or t-SNE."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.probes.encoding import encode, of_whom, target_of
from sagittal_engine.probes.probe import Findings, Moment
from sagittal_engine.probes.representation import chosen_images, own_target
from sagittal_engine.probes.representation_cards import EmbeddingParams, steps_of

UNKNOWN = "not known"


class Embedding:
    """A map at chosen steps and at the end of a run."""

    name = "embedding"

    def __init__(self, params: EmbeddingParams) -> None:
        self.params = params

    def due(self, step: int, goal: int) -> bool:
        return step in steps_of(self.params.steps) or step == goal

    def measure(self, moment: Moment) -> Findings:
        """Raises `SagittalError` where there are too few images, or no such target to colour them by."""
        return Findings(documents={"embedding": embedding(moment, self.params)})


def embedding(moment: Moment, params: EmbeddingParams) -> dict[str, Any]:
    """The map at a moment: {"kind", "target", "x", "y", "classes", "names", "scans", "slices", "about", …}.

    `classes` holds an index into `names` per point. Raises `SagittalError` as `Embedding.measure`.
    """
    images = chosen_images(moment, params.images_of, params.images)
    if len(images) < 3:
        raise SagittalError(f"A map needs at least three images; there are {len(images)}. Choose more scans.")
    target = own_target(moment, params.target)
    names, classes = _classes(images, target)
    features = encode(moment.method.features, moment.module, images.images, moment.device, boundary=moment.boundary)
    unit = F.normalize(features.double(), dim=1)
    points, facts = pca(unit) if params.kind == "pca" else tsne(unit, params.perplexity, moment.seed)
    return {
        "kind": params.kind,
        "target": target,
        "x": points[:, 0].tolist(),
        "y": points[:, 1].tolist(),
        "classes": classes,
        "names": names,
        "scans": list(images.scans),
        "slices": list(images.slices),
        "about": f"{facts} of the features of {of_whom(images)} ({params.images_of}), coloured by '{target}'",
    }


def _classes(images: ImageSet, target: str) -> tuple[list[str], list[int]]:
    known, index = target_of(images, target)
    unknown = bool((index < 0).any())
    names = [*known, UNKNOWN] if unknown else list(known)
    return names, torch.where(index < 0, len(known), index).tolist()


def pca(points: torch.Tensor) -> tuple[torch.Tensor, str]:
    """The two coordinates (N, 2) of largest variance of `points` (N, D), and in words what they explain.

    Each axis points so that its largest weight is positive: equal features give an equal map.
    """
    centred = points - points.mean(0)
    _, values, axes = torch.linalg.svd(centred, full_matrices=False)
    axes = F.pad(axes, (0, 0, 0, max(0, 2 - len(axes))))[:2]
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    axes = axes * torch.where(largest < 0, -1.0, 1.0)
    share = values.square() / values.square().sum().clamp(min=torch.finfo(values.dtype).tiny)
    return centred @ axes.T, f"PCA ({100 * float(share[:2].sum()):.0f} % of the variance)"


def tsne(points: torch.Tensor, perplexity: float, seed: int) -> tuple[torch.Tensor, str]:
    """t-SNE of `points` (N, D) from a PCA start: coordinates (N, 2), and in words how they were made."""
    from sklearn.manifold import TSNE

    fitting = min(perplexity, (len(points) - 1) / 3)
    start = pca(points)[0]
    start = 1e-4 * start / start[:, 0].std().clamp(min=torch.finfo(start.dtype).tiny)
    made = TSNE(2, perplexity=fitting, init=start.numpy().astype(np.float32), random_state=seed)
    return torch.from_numpy(made.fit_transform(points.numpy())), f"t-SNE (perplexity {fitting:g})"
