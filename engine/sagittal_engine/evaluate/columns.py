"""Hypercolumns: what an encoder knows of every place of an image, at every resolution it passes through.

The last maps before pooling are coarse (two cells a side for 32 pixels at stride 16): too coarse to draw an outline
by. The maps on the way to them are the same frozen encoder's (Hariharan et al., CVPR 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

COARSENESS = 4
"""Maps with cells of fewer pixels a side are left out: they hold little but intensities, at four times the cost."""


def columns_of(feature_maps: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    """The call that gives, for images (N, C, H, W), the encoder's last maps at each resolution as (N, F, h, w).

    `feature_maps` is `sagittal.method.Represents.feature_maps`; coarser maps are enlarged to the finest one's cells.
    """

    def call(module: torch.nn.Module, images: Tensor) -> Tensor:
        found: dict[tuple[int, ...], Tensor] = {}

        def keep(part: torch.nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * COARSENESS <= images.shape[2]:
                found[tuple(output.shape[2:])] = output

        hooks = [part.register_forward_hook(keep) for part in module.modules()]
        try:
            last = feature_maps(module, images)
        finally:
            for hook in hooks:
                hook.remove()
        found[tuple(last.shape[2:])] = last
        # Single numbers for the whole image say nothing of a place.
        maps = [own for size, own in sorted(found.items(), reverse=True) if max(size) > 1] or [last]
        size = maps[0].shape[2:]
        return torch.cat([F.interpolate(own, size=size, mode="bilinear", align_corners=False) for own in maps], 1)

    return call
