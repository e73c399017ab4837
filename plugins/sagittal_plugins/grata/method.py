"""GraTa as a method of Sagittal."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal.method import AdaptationStep
from sagittal_engine.kit.adapting import AdapterBase
from sagittal_engine.kit.gradients import Gradient
from sagittal_plugins.grata import NONE, GraTaParams
from sagittal_plugins.grata.alignment import entropy_loss, gradient_cosine, step_scale


class GraTa(AdapterBase[GraTaParams]):
    """Two gradients of the scales and shifts θ, the second taken where the first leads:

    g_a = ∇L_aux(θ),  θ' = θ − s·g_a,  g_p = ∇L_pse(θ'),  c = cos(g_a, g_p),  θ ← Adam(θ, g_p, β·(c + 1)²/4).
    """

    def followed(self, images: Tensor, generator: torch.Generator) -> tuple[Gradient, AdaptationStep]:
        p = self.params
        auxiliary: Gradient | None = None
        if p.auxiliary != NONE:
            auxiliary = self.gradient(self._objective(p.auxiliary, images, generator))
            self.move(auxiliary, p.auxiliary_step)
        loss = self._objective(p.pseudo, images, generator)
        pseudo = self.gradient(loss)
        cosine = None if auxiliary is None else float(gradient_cosine(auxiliary, pseudo))
        aligned = p.rate == "aligned" and cosine is not None
        rate = p.learning_rate * (step_scale(cosine) if aligned and cosine is not None else 1.0)
        return pseudo, AdaptationStep(rate, float(loss.detach()), cosine)

    def _objective(self, name: str, images: Tensor, generator: torch.Generator) -> Tensor:
        if name == "entropy":
            activation = self.predictor.activation
            return entropy_loss(self.logits(images), full=self.params.full_entropy, activation=activation)
        return self.consistency(images, self.agreed(images), generator)
