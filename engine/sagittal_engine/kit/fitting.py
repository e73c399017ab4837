"""Pictures brought to the size and intensities that a network sees, the same way wherever they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

Array = np.ndarray[Any, Any]

LOW, HIGH = 0.5, 99.5
"""Percentiles of a scan that become 0 and 1."""
SAMPLED = 2_000_000
"""Percentiles of larger scans are taken from every n-th voxel, about this many."""
RANGES = (1.0, 255.0, 65535.0)
"""What a colour picture's largest value may be scaled by: the smallest that holds it."""


def percentile_range(image: Array) -> tuple[float, float]:
    """The intensities that become 0 and 1: percentiles 0.5 and 99.5 of all voxels, or the extremes where those meet."""
    flat = image.reshape(-1)
    flat = flat[:: max(1, flat.size // SAMPLED)]
    low, high = (float(value) for value in np.percentile(flat, (LOW, HIGH)))
    return (low, high) if high > low else (float(image.min()), float(image.max()))


def colour_range(image: Array) -> tuple[float, float]:
    """0 and the smallest of 1, 255 and 65535 that the picture fits under; its own maximum where it fits none."""
    most = float(image.max())
    return 0.0, next((top for top in RANGES if most <= top), most)


def scaled(image: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """`low` to 0 and `high` to 1, cut there; all 0 where the range is empty."""
    if not high > low:
        return torch.zeros_like(image, dtype=torch.float32)
    return ((image.float() - low) / (high - low)).clamp_(0, 1)


def fitted(images: torch.Tensor, size: int, pixel: tuple[float, float] = (1.0, 1.0)) -> torch.Tensor:
    """(N, C, H, W) with pixels of `pixel` (height, width) → (N, C, size, size), proportions kept.

    The longer side fills the square and the other is centred between zeros. Linear interpolation, low-pass filtered
    where it makes smaller.
    """
    height, width = images.shape[-2] * pixel[0], images.shape[-1] * pixel[1]
    longest = max(height, width)
    rows, columns = max(1, round(size * height / longest)), max(1, round(size * width / longest))
    if images.shape[-2:] != (rows, columns):
        images = F.interpolate(images, size=(rows, columns), mode="bilinear", align_corners=False, antialias=True)
    above, left = (size - rows) // 2, (size - columns) // 2
    return F.pad(images, (left, size - columns - left, above, size - rows - above))


def with_channels(images: torch.Tensor, channels: int) -> torch.Tensor:
    """Grey three times where colour is wanted, BT.601 grey where grey is. Raises ValueError for other numbers."""
    have = images.shape[1]
    if {have, channels} - {1, 3}:
        raise ValueError(f"images have 1 channel (grey) or 3 (colour); got {have}, wanted {channels}.")
    if have == channels:
        return images
    if channels == 3:
        return images.expand(-1, 3, -1, -1)
    weights = images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)
