"""DySTreSS as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sagittal.method import Context
from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_engine.kit.pairs import full_precision
from sagittal_plugins.dystress import DySTreSSParams
from sagittal_plugins.dystress.loss import dystress_parts
from sagittal_plugins.dystress.temperature import temperature

CURVE_POINTS = 201


class DySTreSS(ContrastiveBase[DySTreSSParams]):
    """NT-Xent with a temperature per pair."""

    def __init__(self, params: DySTreSSParams, context: Context) -> None:
        super().__init__(params, context)
        self._profile: dict[str, Any] = {
            name: getattr(params, name) for name in ("tau_min", "tau_max", "profile", "shift", "scale")
        }

    @full_precision
    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        parts = dystress_parts(
            view_a, view_b, **self._profile, detach_temperature=p.detach_temperature, decoupled=p.decoupled
        )
        with torch.no_grad():
            positives = torch.cosine_similarity(view_a, view_b)
            mean = temperature(positives, **self._profile).mean()
        return {**parts.named(), "positive_temperature": mean}

    def similarity_curve(self) -> Mapping[str, Any]:
        """τ over cosines from −1 to 1, to be drawn over the histogram of similarities."""
        cosine = torch.linspace(-1, 1, CURVE_POINTS, dtype=torch.float64)
        return {"name": "temperature", "x": cosine.tolist(), "y": temperature(cosine, **self._profile).tolist()}
