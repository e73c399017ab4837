"""The binary contrastive loss and Combo as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_engine.kit.pairs import Parts, full_precision, pairs
from sagittal_plugins.bcl import BCLParams
from sagittal_plugins.bcl.loss import binary_parts, combo_parts


class BCL(ContrastiveBase[BCLParams]):
    """BCL or Combo between two views."""

    @full_precision
    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        if p.objective == "bcl":
            binary = binary_parts(pairs(view_a, view_b, temperature=p.temperature), p.normalizer)
            return {**binary.named(), "binary": binary.total}
        binary, contrast = combo_parts(
            view_a, view_b, temperature=p.temperature, contrast_temperature=p.contrast_temperature
        )
        both = Parts(binary.attracting + contrast.attracting, binary.repelling + contrast.repelling)
        return {**both.named(), "binary": binary.total, "info_nce": contrast.total}
