"""Geometric views of 2D images: an affine map and an elastic field, drawn once and applied to images and masks alike.

Coordinates are those of `torch.nn.functional.grid_sample` with align_corners=False: −1…1 over the image, rows first
in tensors, (column, row) in the last axis of a sampling grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class AffineRange:
    """How far an affine draw may go. Each quantity is uniform within its range."""

    rotation: float = 5.0
    """Degrees, either way."""
    shift: float = 5.0 / 256
    """Share of the image's side, either way, along each axis."""
    shear: float = 5.0
    """Degrees, either way."""
    scale: tuple[float, float] = (0.9, 1.2)
    """Smallest and largest isotropic magnification."""

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must be a positive, ascending pair; got {self.scale}.")
        if min(self.rotation, self.shift, self.shear) < 0 or self.shear >= 90:
            raise ValueError(f"rotation, shift and shear must not be negative, and shear below 90 degrees; got {self}.")


@dataclass(frozen=True)
class ElasticRange:
    """Elastic field: noise uniform in −1…1 per pixel, smoothed by a Gaussian of `sigma`, times `alpha` (pixels)."""

    alpha: float = 10.0
    sigma: float = 5.0

    def __post_init__(self) -> None:
        if self.alpha < 0 or self.sigma <= 0:
            raise ValueError(f"alpha must not be negative and sigma must be positive; got {self}.")

    def at(self, factor: float) -> ElasticRange:
        """The same deformation on a grid coarser by `factor` (0.5 for half the pixels a side).

        Smoothing coarser noise over fewer pixels averages less, which takes up one of the two factors of `alpha`.
        """
        return ElasticRange(self.alpha * factor * factor, self.sigma * factor)


def draw_affine(count: int, limits: AffineRange, generator: torch.Generator) -> torch.Tensor:
    """`count` affine maps, (count, 2, 3), from output to input coordinates."""
    u = torch.rand(count, 5, generator=generator) * 2 - 1
    angle = torch.deg2rad(u[:, 0] * limits.rotation)
    shear = torch.tan(torch.deg2rad(u[:, 1] * limits.shear))
    low, high = limits.scale
    size = low + (u[:, 2] + 1) / 2 * (high - low)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # Rotation · shear, divided by the magnification: a larger image is sampled more densely.
    rows = torch.stack([cos, cos * shear - sin, sin, sin * shear + cos], dim=1).view(count, 2, 2)
    # Coordinates span two units per side.
    offset = 2 * limits.shift * u[:, 3:5]
    return torch.cat([rows / size.view(-1, 1, 1), offset.unsqueeze(-1)], dim=2)


def draw_elastic(
    count: int, size: tuple[int, int], limits: ElasticRange, generator: torch.Generator
) -> torch.Tensor | None:
    """`count` displacement fields, (count, H, W, 2), in sampling coordinates; None where `alpha` is zero."""
    if limits.alpha == 0:
        return None
    height, width = size
    noise = torch.rand(count, 2, height, width, generator=generator) * 2 - 1
    smooth = _gaussian(noise.view(count * 2, 1, height, width), limits.sigma).view_as(noise)
    to_unit = torch.tensor([2.0 / width, 2.0 / height]).view(1, 2, 1, 1)
    return (smooth * limits.alpha * to_unit).permute(0, 2, 3, 1)


def _gaussian(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Separable Gaussian smoothing of (N, 1, H, W), cut at four sigma, zeros beyond the border."""
    radius = max(1, math.ceil(4 * sigma))
    x = torch.arange(-radius, radius + 1, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = kernel / kernel.sum()
    images = F.conv2d(images, kernel.view(1, 1, -1, 1), padding=(radius, 0))
    return F.conv2d(images, kernel.view(1, 1, 1, -1), padding=(0, radius))


def sampling_grid(affine: torch.Tensor, elastic: torch.Tensor | None, size: tuple[int, int]) -> torch.Tensor:
    """The sampling grid (N, H, W, 2) of affine maps (N, 2, 3), bent by displacement fields where there are any."""
    grid = F.affine_grid(affine, [affine.shape[0], 1, *size], align_corners=False)
    return grid if elastic is None else grid + elastic


def warp(images: torch.Tensor, grid: torch.Tensor, *, padding: str = "border") -> torch.Tensor:
    """Images (N, C, H, W) sampled bilinearly at `grid` (N, H', W', 2); outside, the border ("zeros" for masks)."""
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)
