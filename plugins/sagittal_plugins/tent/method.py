"""TENT as a method of Sagittal."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal.method import AdaptationStep
from sagittal_engine.kit.adapting import AdapterBase
from sagittal_engine.kit.gradients import Gradient
from sagittal_engine.kit.soft_labels import entropy_loss
from sagittal_plugins.tent import TentParams


class Tent(AdapterBase[TentParams]):
    """θ ← Adam(θ, ∇H), with H the Shannon entropy of every pixel (§3.1)."""

    def followed(self, images: Tensor, generator: torch.Generator) -> tuple[Gradient, AdaptationStep]:
        loss = entropy_loss(self.logits(images), full=True, activation=self.predictor.activation)
        return self.gradient(loss), AdaptationStep(self.params.learning_rate, float(loss.detach()))
