"""Pictures of a step: what student and teacher saw, what is predicted, and the boundary features of the latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
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
    """A row for each patch: source and transformed patches (N, 1, X, Y, Z), truth and predicted classes alike."""
    chosen = classes[:SHOWN]
    images = [fullest_slices(_evened(v[:SHOWN]), chosen) for v in (source, student, teacher)]
    classes_shown = [coloured(fullest_slices(c[:SHOWN], chosen), labels) for c in (chosen, found)]
    return Picture("Views", _by_patch([*images, *classes_shown]), "source, transformed twice, truth, prediction")


def boundary_picture(latents: Sequence[Tensor]) -> Picture:
    """A row for each patch: the means over the channels of its latents' (N, C, x, y, z) boundary features, in the
    middle slice; `latents` of the student on source and transformed image, then perhaps the teacher's."""
    columns = []
    for latent in latents:
        features = boundary_features(latent[:SHOWN]).mean(1, keepdim=True)
        middle = features[..., features.shape[-1] // 2].transpose(2, 3).flip(2, 3)
        columns.append(_evened(middle))
    whose = "student, then teacher" if len(latents) > 2 else "student"
    return Picture("Boundary features", _by_patch(columns), f"source and transformed: {whose}")


def _by_patch(columns: Sequence[Tensor]) -> np.ndarray[Any, Any]:
    """What there is of each patch side by side: `columns` (N, 1 or 3, H, W) each."""
    return view_picture(list(torch.stack([column.cpu().expand(-1, 3, -1, -1) for column in columns], dim=1)))


def _evened(images: Tensor) -> Tensor:
    """Each image from its least to its largest value, 0…1."""
    flat = images.flatten(1).float()
    each = (-1, *(1,) * (images.ndim - 1))
    low, high = flat.amin(1).view(each), flat.amax(1).view(each)
    return (images - low) / (high - low).clamp_min(1e-6)
