"""The network of GCL: one encoder, an image head on its pooled features, a pixel head on each cell of its last map."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sagittal_engine.kit.contrastive import Network
from sagittal_engine.kit.pairs import unit
from sagittal_plugins.gcl import BRANCHES
from sagittal_plugins.gcl.mitigator import GradientMitigator


class Outputs(NamedTuple):
    """What the contrasts compare; all rows of length one, in float32 or better."""

    images: Tensor
    """z, (N, D): the image head's view of each image."""
    pixels: Tensor
    """v, (N, n, D'): the pixel head's view of each of the n cells of the last map."""
    cells: Tensor
    """u, (N, n, D): each cell passed through the image head, without gradients."""
    shape: tuple[int, ...] = ()
    """Cells of the last map along its axes; their product is n."""


class GCLNetwork(Network):
    """Images (N, C, H, W), or patches (N, C, X, Y, Z), to `Outputs`; keeps the mitigators' targets in checkpoints."""

    def __init__(
        self, encoder: nn.Module, image_head: nn.Module, pixel_head: nn.Module, labels: int, *, beta: float, mode: str
    ) -> None:
        """`labels` is how many meta labels were chosen, those of no use included."""
        super().__init__(encoder, image_head)
        self.pixel_head = pixel_head
        self.mitigators = nn.ModuleDict({name: GradientMitigator(labels, beta=beta, mode=mode) for name in BRANCHES})

    def outputs(self, images: Tensor, *, pixels: bool = True) -> Outputs:
        """All that is compared of a batch; without `pixels` those parts are empty."""
        maps: Tensor = self.encoder.maps(images)  # type: ignore[operator]
        features = maps.flatten(2).transpose(1, 2)
        pooled = unit(_wide(self.projector(features.mean(1))))
        if not pixels:
            return Outputs(pooled, pooled[:, None, :0], pooled[:, None, :0])
        with torch.no_grad():
            cells = unit(_wide(self.projector(features)))
        return Outputs(pooled, unit(_wide(self.pixel_head(features))), cells, tuple(maps.shape[2:]))


def _wide(rows: Tensor) -> Tensor:
    return rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows
