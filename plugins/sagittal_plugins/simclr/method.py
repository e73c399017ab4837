"""SimCLR as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sagittal.method import Context
from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_plugins.simclr import SimCLRParams
from sagittal_plugins.simclr.loss import nt_xent_parts, swinging_temperature


class SimCLR(ContrastiveBase[SimCLRParams]):
    """NT-Xent between two views."""

    def __init__(self, params: SimCLRParams, context: Context) -> None:
        super().__init__(params, context)
        self._temperature: float | Tensor = params.temperature

    def compare(self, module: Any, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        if p.temperature_schedule == "constant":
            return super().compare(module, view_a, view_b)
        self._temperature = swinging_temperature(
            module.updates, low=p.temperature, high=p.temperature_high, period=p.temperature_period or max(1, p.steps)
        )
        return {**super().compare(module, view_a, view_b), "temperature": self._temperature}

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        return nt_xent_parts(view_a, view_b, temperature=self._temperature, coldest=self.params.temperature).named()
