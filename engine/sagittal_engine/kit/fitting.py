"""Pictures brought to the size and intensities that a network sees, the same way wherever they come from."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Placement:
    """Where pixels of one size go in a frame of another, proportions kept, and how they come back."""

    shape: tuple[int, int]
    """Rows and columns of the original."""
    scaled: tuple[int, int]
    """Rows and columns that they are resampled to."""
    frame: tuple[int, int]
    """Rows and columns of the frame in whose middle that lies, zeros around it."""

    @classmethod
    def filling(cls, shape: tuple[int, int], pixel: tuple[float, float], size: int) -> Placement:
        """In a square of `size` a side that the longer side fills; `pixel` is the height and width of one."""
        height, width = shape[0] * pixel[0], shape[1] * pixel[1]
        longest = max(height, width)
        scaled = max(1, round(size * height / longest)), max(1, round(size * width / longest))
        return cls(shape, scaled, (size, size))

    @classmethod
    def spaced(cls, shape: tuple[int, int], pixel: tuple[float, float], step: float, size: int) -> Placement:
        """With square pixels of `step`, in a frame of at least `size` a side."""
        rows, columns = (max(1, round(n * side / step)) for n, side in zip(shape, pixel, strict=True))
        return cls(shape, (rows, columns), (max(rows, size), max(columns, size)))

    @property
    def corner(self) -> tuple[int, int]:
        """First row and column of the frame that holds the original."""
        return (self.frame[0] - self.scaled[0]) // 2, (self.frame[1] - self.scaled[1]) // 2

    def forth(self, images: torch.Tensor) -> torch.Tensor:
        """(N, C, *shape) → (N, C, *frame). Linear interpolation, low-pass filtered where it makes smaller."""
        if images.shape[-2:] != self.scaled:
            images = F.interpolate(images, size=self.scaled, mode="bilinear", align_corners=False, antialias=True)
        (above, left), (rows, columns), (height, width) = self.corner, self.scaled, self.frame
        return F.pad(images, (left, width - columns - left, above, height - rows - above))

    def back(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, C, *frame) → (N, C, *shape)."""
        (above, left), (rows, columns) = self.corner, self.scaled
        inner = frames[..., above : above + rows, left : left + columns]
        if self.shape == self.scaled:
            return inner
        return F.interpolate(inner, size=self.shape, mode="bilinear", align_corners=False, antialias=True)


def fitted(images: torch.Tensor, size: int, pixel: tuple[float, float] = (1.0, 1.0)) -> torch.Tensor:
    """(N, C, H, W) with pixels of `pixel` (height, width) → (N, C, size, size), proportions kept.

    The longer side fills the square and the other is centred between zeros. Linear interpolation, low-pass filtered
    where it makes smaller.
    """
    return Placement.filling((images.shape[-2], images.shape[-1]), pixel, size).forth(images)


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
