"""How weights and images lie in memory: with the channels of a place side by side, processors convolve faster."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""By the number of axes, those of batch and channels among them."""


def lay_out(module: nn.Module) -> bool:
    """Lays the weights of a network's convolutions out channels last, in place; they stay what they are.

    Only on a processor: a graphics card's own kernels for float32 are not helped by it. And not where there is a group
    normalisation, whose backward pass crashes in torch 2.13 where features lie so and only its scales are trained.
    Returns whether it was done; images are then best given `laid_out` too.
    """
    parameters = list(module.parameters())
    grouped = any(isinstance(part, nn.GroupNorm) for part in module.modules())
    if grouped or any(parameter.device.type != "cpu" for parameter in parameters):
        return False
    for parameter in parameters:
        if parameter.ndim in FORMATS:
            parameter.data = laid_out(parameter.data)
    return True


def laid_out(images: Tensor) -> Tensor:
    """Images (N, C, H, W) or (N, C, X, Y, Z), channels last; a copy where they were not.

    Said of a single channel too, for which both layouts are the same bytes: features that are joined to the image take
    its layout.
    """
    if is_laid_out(images):
        return images
    return torch.empty_like(images, memory_format=FORMATS[images.ndim]).copy_(images)


def is_laid_out(images: Tensor) -> bool:
    """Whether the channels of every place lie side by side, and are said to; never of other tensors than images."""
    return images.ndim in FORMATS and images.stride(1) == 1 and images.is_contiguous(memory_format=FORMATS[images.ndim])
