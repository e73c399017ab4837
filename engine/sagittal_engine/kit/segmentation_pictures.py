"""Images with the labels drawn over them, for `Images` panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import ImageColor
from torch import Tensor

from sagittal.facts import colour_of
from sagittal_engine.kit.pictures import view_picture

FILL = 0.5


def outlined(images: Tensor, targets: Sequence[Tensor]) -> np.ndarray[Any, Any]:
    """uint8 RGB: a row of the images (N, C, H, W), intensities in 0…1, for each of `targets`, coloured by label.

    Targets are class numbers (N, 1, H, W) from 1, or layers (N, L, H, W) of which later ones lie on top.
    """
    return view_picture([_coloured(images, own) for own in targets])


def _coloured(images: Tensor, targets: Tensor) -> Tensor:
    grey = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]
    pixels = grey.detach().float().cpu().clone()
    numbers = targets.detach().cpu()
    layered = numbers.shape[1] > 1
    for label in range(1, (numbers.shape[1] if layered else int(numbers.max())) + 1):
        inside = numbers[:, label - 1] > 0 if layered else numbers[:, 0] == label
        colour = torch.tensor(ImageColor.getrgb(colour_of(label))) / 255
        pixels = torch.where(inside.unsqueeze(1), pixels + FILL * (colour.view(1, 3, 1, 1) - pixels), pixels)
    return pixels
