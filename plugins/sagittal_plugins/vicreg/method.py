"""VICReg as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_engine.kit.pairs import Parts
from sagittal_plugins.vicreg import VICRegParams
from sagittal_plugins.vicreg.loss import vicreg_terms


class VICReg(ContrastiveBase[VICRegParams]):
    """Variance, invariance, covariance. Attracting is the weighted invariance, repelling the other two."""

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        terms = vicreg_terms(view_a, view_b, averaging=p.averaging)
        parts = Parts(
            p.invariance_weight * terms.invariance,
            p.variance_weight * terms.variance + p.covariance_weight * terms.covariance,
        )
        return {**parts.named(), **terms._asdict()}
