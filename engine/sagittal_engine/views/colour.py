"""Changes of colour of a batch, each image with its own strength. Images (N, C, H, W) in 0…1, strengths (N,);
brightness and contrast also of patches (N, C, X, Y, Z).

Definitions are torchvision's (`torchvision.transforms.functional`): factors blend with black, with the mean of the
grey image, and with the grey image; results are cut to 0…1.
"""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601, rounded as in torchvision)."""


def grey(images: Tensor) -> Tensor:
    """(N, 1, H, W): the images themselves where they have one channel."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True) if images.shape[1] > 1 else images
    red, green, blue = images.unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(1)


def brightened(images: Tensor, factor: Tensor) -> Tensor:
    """factor · image."""
    return (images * _each(factor, images)).clamp_(0, 1)


def contrasted(images: Tensor, factor: Tensor) -> Tensor:
    """factor · image + (1 − factor) · mean of its grey."""
    return _blended(images, grey(images).mean(tuple(range(1, images.ndim)), keepdim=True), factor)


def saturated(images: Tensor, factor: Tensor) -> Tensor:
    """factor · image + (1 − factor) · its grey; three channels."""
    return _blended(images, grey(images), factor)


def _blended(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    # In this form a factor of one gives the image itself, to the last bit.
    each = _each(factor, images)
    return (images * each).add_((1 - each) * other).clamp_(0, 1)


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """The hue (of HSV) moved by `turns` full turns; value and saturation stay. Three channels.

    A channel is v − (v − m) · clip(min(k, 4 − k), 0, 1), where v and m are the largest and smallest channel and
    k = (n + 6 · hue) mod 6 with n = 5, 3, 1 for red, green and blue.
    """
    red, green, blue = images.unbind(1)
    value, least = images.amax(1), images.amin(1)
    chroma = value - least
    scale = torch.where(chroma > 0, chroma, 1)
    # Sixths of a turn, measured from the channel that is largest (red wins ties, then green).
    is_red, is_green = value == red, value == green
    sixths = torch.where(is_red, green - blue, torch.where(is_green, blue - red, red - green)).div_(scale)
    sixths += torch.where(is_red, 0.0, torch.where(is_green, 2.0, 4.0))
    sixths += 6 * turns.to(images.dtype).view(-1, 1, 1)
    k = sixths.unsqueeze(1) + images.new_tensor([5.0, 3.0, 1.0]).view(1, 3, 1, 1)
    k -= (k / 6).floor_().mul_(6)  # `remainder`, several times as fast on a processor
    share = k.sub_(2).abs_().neg_().add_(2).clamp_(0, 1)  # clip(min(k, 4 − k), 0, 1)
    return value.unsqueeze(1) - share.mul_(chroma.unsqueeze(1))


def greyed(images: Tensor, chosen: Tensor) -> Tensor:
    """The chosen images (N, bool) in grey, in three channels."""
    return torch.where(chosen.view(-1, 1, 1, 1), grey(images), images)


def _each(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images.dtype).view(-1, *(1,) * (images.ndim - 1))
