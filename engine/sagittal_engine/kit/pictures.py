"""Small pictures for `Images` panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

GAP = 2
SIDE = 64


def view_picture(rows: Sequence[Tensor]) -> np.ndarray[Any, Any]:
    """uint8 RGB of rows of images, each (N, C, H, W) with intensities in 0…1, drawn at 64 pixels a side.

    RAS+ slices have axis 0 to the right of the patient and axis 1 up; they are drawn as they are stored, rows first.
    """
    drawn = [_strip(images) for images in rows]
    width = max(strip.shape[1] for strip in drawn)
    gap = np.full((GAP, width, 3), 128, np.uint8)
    parts: list[np.ndarray[Any, Any]] = []
    for strip in drawn:
        parts += [np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0)), constant_values=128), gap]
    return np.concatenate(parts[:-1])


def _strip(images: Tensor) -> np.ndarray[Any, Any]:
    images = F.interpolate(images.detach().float().cpu(), size=(SIDE, SIDE), mode="nearest").clamp(0, 1)
    images = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]
    strip = torch.cat([F.pad(image, (0, GAP), value=0.5) for image in images], dim=2)[..., :-GAP]
    return (strip * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
