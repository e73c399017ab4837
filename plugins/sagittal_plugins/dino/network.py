"""Student and teacher of DINO."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal_engine.kit.contrastive import Network
from sagittal_engine.kit.ema import frozen_copy
from sagittal_engine.kit.pairs import full_precision, unit


class Prototypes(nn.Module):
    """(N, D) → (N, K): cosines with K learned directions, of which only the direction counts.

    The released weight-normalised layer with its length fixed at one is the same.
    """

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, width))
        nn.init.trunc_normal_(self.weight, std=0.02)

    @full_precision
    def forward(self, rows: Tensor, learning: Tensor | None = None) -> Tensor:
        """`learning`: 0 or 1, a factor on the gradient of the directions; None is 1."""
        weight = self.weight
        if learning is not None:
            weight = torch.lerp(weight.detach(), weight, learning)
        return F.linear(unit(rows), unit(weight))


class DINONetwork(Network):
    """Student encoder, projector and prototypes, their teacher, and the centre of the teacher's scores."""

    centre: Tensor
    """(K,)."""

    def __init__(self, encoder: nn.Module, projector: nn.Module, width: int, prototypes: int) -> None:
        super().__init__(encoder, projector)
        self.prototypes = Prototypes(width, prototypes)
        self.teacher = frozen_copy(nn.Sequential(encoder, projector, self.prototypes))
        self.register_buffer("centre", torch.zeros(prototypes))

    @torch.no_grad()
    def teach(self, images: Tensor) -> Tensor:
        """The teacher's scores, (N, K)."""
        scores: Tensor = self.teacher(images)
        return scores
