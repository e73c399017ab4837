"""BYOL as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sagittal_engine.kit.contrastive import ContrastiveBase, Network
from sagittal_engine.kit.ema import cosine_between, follow, frozen_copy
from sagittal_engine.nets.projectors import projector
from sagittal_plugins.byol import BYOLParams
from sagittal_plugins.byol.loss import byol_loss


class BYOLNetwork(Network):
    """Online encoder, projector and predictor, and the target that follows the first two."""

    def __init__(self, encoder: nn.Module, projector: nn.Module, predictor: nn.Module) -> None:
        super().__init__(encoder, projector)
        self.predictor = predictor
        self.target = frozen_copy(nn.Sequential(encoder, projector))

    @torch.no_grad()
    def targets(self, images: Tensor) -> Tensor:
        """The target's projections, (N, D)."""
        targets: Tensor = self.target(images)
        return targets


class BYOL(ContrastiveBase[BYOLParams]):
    """Each view predicts the target's projection of the other."""

    def module(self) -> nn.Module:
        encoder, p = self.new_encoder(), self.params
        predictor = projector(p.out_dim, p.predictor_hidden, p.out_dim, layers=2, norm=p.projector_norm)
        return BYOLNetwork(encoder, self.new_projector(encoder.width), predictor)

    def compare(self, module: Any, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        projections = self.forward_views(module, view_a, view_b)
        self.remember(*projections)
        predictions = torch.cat([module.predictor(rows) for rows in projections])
        return self.loss(predictions, torch.cat([module.targets(view_b), module.targets(view_a)]))

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        """`view_a`: predictions of both views, (2N, D); `view_b`: the targets of the respective other view.

        The published loss is the sum over both directions: twice the mean over the 2N rows.
        """
        return {"loss": 2 * byol_loss(view_a, view_b)}

    def after_step(self, module: Any, step: int) -> None:
        super().after_step(module, step)
        decay = cosine_between(self.params.target_momentum, 1.0, step, self.params.steps)
        follow(module.target, nn.Sequential(module.encoder, module.projector), decay)
