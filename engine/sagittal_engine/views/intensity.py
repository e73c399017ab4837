"""Intensity views of images."""

from __future__ import annotations

import torch


def draw_gamma(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    """`count` exponents, uniform in low…high."""
    if not 0 < low <= high:
        raise ValueError(f"the exponents must be a positive, ascending pair; got {low} and {high}.")
    return low + torch.rand(count, generator=generator) * (high - low)


def apply_gamma(images: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """min + range · ((x − min)/range)^γ per image; images (N, C, H, W), gamma (N,). Keeps each image's own range."""
    flat = images.flatten(1)
    low = flat.amin(1).view(-1, 1, 1, 1)
    span = (flat.amax(1).view(-1, 1, 1, 1) - low).clamp_min(1e-12)
    return low + span * ((images - low) / span) ** gamma.view(-1, 1, 1, 1)
