"""Pictures of a step: what student and teacher saw, what is predicted, and the boundary features of the latents."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal.facts import colour_of
from sagittal.method import Picture
from sagittal_engine.kit.pictures import view_picture
from sagittal_plugins.gs_ema.contrast import boundary_features

SHOWN = 4
"""Patches of a batch that are drawn."""


def fullest_slices(volumes: Tensor, classes: Tensor) -> Tensor:
    """The axial slice with most labelled voxels of each patch (N, C, X, Y, Z), as a radiologist sees it: (N, C, Y, X).

    Of a patch without labels, and wherever several are as full, the one nearest to the middle.
    """
    depth = volumes.shape[-1]
    full = (classes > 0).sum((1, 2, 3)).float()
    # Less than one voxel for all the distance there can be.
    full -= (torch.arange(depth, device=full.device) - depth // 2).abs() / (2 * depth)
    rows = [volume[..., int(place)] for volume, place in zip(volumes, full.argmax(1), strict=True)]
    return torch.stack(rows).transpose(2, 3).flip(2, 3)


def coloured(classes: Tensor, labels: int) -> Tensor:
    """Classes (N, 1, H, W) as RGB in 0…1 (N, 3, H, W): label n in its own colour, background black."""
    table = torch.zeros(labels + 1, 3)
    for number in range(1, labels + 1):
        table[number] = torch.tensor([int(colour_of(number)[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return table[classes[:, 0].long().cpu()].permute(0, 3, 1, 2)


def views_picture(
    source: Tensor, student: Tensor, teacher: Tensor, classes: Tensor, found: Tensor, labels: int
) -> Picture:
    """Source and transformed patches (N, 1, X, Y, Z) above truth and predicted classes (N, 1, X, Y, Z)."""
    chosen = classes[:SHOWN]
    images = [fullest_slices(_evened(v[:SHOWN]), chosen) for v in (source, student, teacher)]
    classes_shown = [coloured(fullest_slices(c[:SHOWN], chosen), labels) for c in (chosen, found)]
    return Picture("Views", view_picture([*images, *classes_shown]), "source, transformed twice, truth, prediction")


def boundary_picture(latents: dict[str, Tensor]) -> Picture:
    """One row per latent (N, C, x, y, z): the mean of its boundary features over the channels, middle slices."""
    rows = []
    for latent in latents.values():
        features = boundary_features(latent[:SHOWN]).mean(1, keepdim=True)
        middle = features[..., features.shape[-1] // 2].transpose(2, 3).flip(2, 3)
        rows.append(_evened(middle))
    return Picture("Boundary features", view_picture(rows), ", ".join(latents))


def _evened(images: Tensor) -> Tensor:
    """Each image from its least to its largest value, 0…1."""
    flat = images.flatten(1).float()
    each = (-1, *(1,) * (images.ndim - 1))
    low, high = flat.amin(1).view(each), flat.amax(1).view(each)
    return (images - low) / (high - low).clamp_min(1e-6)
