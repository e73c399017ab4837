"""W-MSE as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_plugins.wmse import WMSEParams
from sagittal_plugins.wmse.loss import wmse_loss

LEAST_SHRINKAGE = 1e-3


class WMSE(ContrastiveBase[WMSEParams]):
    """Whitening, then the distance of unit vectors."""

    _group: int
    """Images whitened together: `group_size`, or the batch where that is smaller."""
    _shrinkage: float
    """The parameter, or the least that lets too small a group be whitened."""

    def prepare(self) -> None:
        super().prepare()
        p, images = self.params, min(self.params.batch_size, len(self.training_set()))
        self._group = min(p.group_size, images)
        self._shrinkage = p.shrinkage
        if self._group > p.out_dim:
            return
        why = (
            f"Whitening estimates the covariance of {p.out_dim} dimensions from groups of {self._group} images, which "
            "is too few. Raise 'batch_size' and 'group_size', or lower 'out_dim'."
        )
        if not p.shrinkage:
            self._shrinkage = LEAST_SHRINKAGE
            why = f"{why} A shrinkage of {LEAST_SHRINKAGE:g} is used, without which it would fail."
        self.context.message("warning", why)

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        size = min(self._group, len(view_a))
        return {"loss": wmse_loss(view_a, view_b, group_size=size, partitions=p.partitions, shrinkage=self._shrinkage)}
