"""CoTTA's consistency as a method of Sagittal."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal.method import AdaptationStep
from sagittal_engine.kit.adapting import AdapterBase
from sagittal_engine.kit.gradients import Gradient
from sagittal_engine.kit.predicting import probabilities_of
from sagittal_plugins.cotta import CoTTAParams


class CoTTA(AdapterBase[CoTTAParams]):
    """A student learns from its teacher, the moving average of itself; the teacher is what predicts.

    Soft labels ȳ are the teacher's mean over six flips and turns, where the trained network is not certain; the student
    follows the cross-entropy of a strong view with ȳ; then θ' ← αθ' + (1 − α)θ, and every weight of the student is set
    back to the trained one with probability p.
    """

    def begin(self) -> None:
        super().begin()
        self._student = self.weights()
        self._restored: list[Tensor] = []

    def restart(self) -> None:
        super().restart()
        self._student = self.weights()

    def followed(self, images: Tensor, generator: torch.Generator) -> tuple[Gradient, AdaptationStep]:
        soft = self.agreed(images) if self._uncertain(images) else self._said(images)
        drawn = [torch.rand(p.shape, generator=generator) < self.params.restore for p in self.affine]
        self._restored = [chosen.to(p.device) for chosen, p in zip(drawn, self.affine, strict=True)]
        self.put(self._student)
        loss = self.consistency(images, soft, generator)
        return self.gradient(loss), AdaptationStep(self.params.learning_rate, float(loss.detach()))

    def update(self, gradient: Gradient, rate: float) -> None:
        teacher = self.weights()
        self.put(self._student)
        super().update(gradient, rate)
        with torch.no_grad():
            torch._foreach_lerp_(teacher, list(self.affine), 1 - self.params.teacher_decay)
            for parameter, first, chosen in zip(self.affine, self.trained, self._restored, strict=True):
                parameter[chosen] = first[chosen]
        self._student = self.weights()
        self.put(teacher)

    def _uncertain(self, images: Tensor) -> bool:
        """Whether the trained network, on average over the pixels, is less certain than 'certain_from'."""
        if self.params.certain_from >= 1:
            return True
        teacher = self.weights()
        self.put(self.trained)
        p = self._said(images)
        self.put(teacher)
        surest = torch.maximum(p, 1 - p).amin(1) if self.predictor.activation == "sigmoid" else p.amax(1)
        return float(surest.mean()) < self.params.certain_from

    @torch.no_grad()
    def _said(self, images: Tensor) -> Tensor:
        return probabilities_of(self.logits(images), self.predictor.activation)
