"""SAR as a method of Sagittal."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal.method import AdaptationStep
from sagittal_engine.kit.adapting import AdapterBase
from sagittal_engine.kit.gradients import Gradient, length_of
from sagittal_plugins.sar import SARParams
from sagittal_plugins.sar.loss import reliable_entropy

MEMORY = 0.9
"""Of the moving average of the loss (released code)."""

RECOVERED = "The moving average of the loss fell below 'recover_below', so the network begins anew."


class SAR(AdapterBase[SARParams]):
    """ε = ρ·∇E(θ)/‖∇E(θ)‖,  θ ← optimiser(θ, ∇E(θ + ε)), with E the mean entropy of reliable pixels."""

    def begin(self) -> None:
        super().begin()
        self._average: float | None = None

    def followed(self, images: Tensor, generator: torch.Generator) -> tuple[Gradient, AdaptationStep]:
        p = self.params
        uphill = self.gradient(self._loss(images))
        length = length_of(uphill)
        if length > 0:
            self.move(uphill, -p.radius / length)
        loss = self._loss(images)
        gradient, value = self.gradient(loss), float(loss.detach())
        self._average = value if self._average is None else MEMORY * self._average + (1 - MEMORY) * value
        collapsed = self._average < p.recover_below
        return gradient, AdaptationStep(p.learning_rate, value, note=RECOVERED if collapsed else "")

    def step(self, images: Tensor, generator: torch.Generator, targets: Tensor | None) -> AdaptationStep:
        done = super().step(images, generator, targets)
        if done.note == RECOVERED:
            self._average = None
            self.restart()
        return done

    def _loss(self, images: Tensor) -> Tensor:
        return reliable_entropy(self.logits(images), share=self.params.reliable, activation=self.predictor.activation)
