"""DCL and DCLW as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_plugins.dcl import DCLParams
from sagittal_plugins.dcl.loss import dcl_parts


class DCL(ContrastiveBase[DCLParams]):
    """The decoupled loss between two views."""

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        sigma = p.sigma if p.weighted else None
        return dcl_parts(view_a, view_b, temperature=p.temperature, sigma=sigma, negatives=p.negatives).named()
