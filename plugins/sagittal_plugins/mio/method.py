"""MIO as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_plugins.mio import MIOParams
from sagittal_plugins.mio.loss import mio_parts


class MIO(ContrastiveBase[MIOParams]):
    """MIO v1, v2 or v3 between two views."""

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        return mio_parts(view_a, view_b, temperature=p.temperature, version=p.version, mse_weight=p.mse_weight).named()
