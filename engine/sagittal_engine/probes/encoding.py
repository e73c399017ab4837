"""Images through a method's network: what probes and evaluations of representations look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.images import ImageSet

AT_ONCE = 256
"""Images in one forward pass."""
VOXELS_AT_ONCE = 2**23
"""Voxels or pixels in one: 32 patches of 64 voxels a side, 67 slices of 352 pixels, of which a U-Net keeps them all."""

Encode = Callable[[Any, torch.Tensor], torch.Tensor]
"""A call of `sagittal.method.Represents`, as `features`."""


def encode(
    call: Encode,
    module: torch.nn.Module,
    images: torch.Tensor,
    device: torch.device,
    *,
    boundary: Callable[[], None] = lambda: None,
    at_once: int = AT_ONCE,
    batch_statistics: bool = False,
) -> torch.Tensor:
    """`call(module, images)` for all `images` (N, …), in evaluation mode and without gradients: float32 on the CPU.

    With `batch_statistics` batch normalisation takes the statistics of each `at_once` images, as in training; that
    changes its running ones, which is for whoever restores them (`probe.undisturbed`).

    Raises `SagittalError` where the network gives values that are no numbers.
    """
    module.eval()
    if batch_statistics:
        for part in module.modules():
            if isinstance(part, _BatchNorm):
                part.train()
    rows = []
    with torch.no_grad():
        for part in _portions(images, at_once):
            boundary()
            rows.append(call(module, part.to(device)).float().cpu())
    found = torch.cat(rows)
    broken = int((~torch.isfinite(found).flatten(1).all(1)).sum())
    if broken:
        raise SagittalError(
            f"The network gives values that are no numbers for {broken} of {len(found)} images, so nothing can be read "
            "from them: its weights or the images are broken. Use another checkpoint, or lower the learning rate."
        )
    return found


def _portions(images: torch.Tensor, at_once: int) -> tuple[torch.Tensor, ...]:
    """Parts of at most `at_once` images; of large ones, even parts of as many as fit, never one alone."""
    fitting = max(2, VOXELS_AT_ONCE // images[0].numel()) if len(images) else at_once
    if fitting >= at_once:
        return images.split(at_once)
    return images.tensor_split(max(1, len(images) // fitting))


def some_of(images: ImageSet, most: int, seed: int) -> ImageSet:
    """All images, or `most` of them, chosen by `seed` alone and kept in order; 0 means all."""
    if not 0 < most < len(images):
        return images
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:most]
    return images.take(sorted(chosen.tolist()))


def target_of(images: ImageSet, target: str) -> tuple[tuple[str, ...], torch.Tensor]:
    """The class names of `target` and an index per image (−1 where not known).

    Raises `SagittalError` where the images carry no such target.
    """
    try:
        return images.classes(target)
    except ValueError as error:
        raise SagittalError(f"{error} Choose one of them, or add labels or meta labels to the scans.") from error


def of_whom(images: ImageSet) -> str:
    """ "412 images of 5 subjects"."""
    subjects = len(set(images.subjects))
    return f"{len(images)} image{'' if len(images) == 1 else 's'} of {subjects} subject{'' if subjects == 1 else 's'}"
