"""MACL as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sagittal.engine_port import SagittalError
from sagittal.method import Context
from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_plugins.macl import MACLParams
from sagittal_plugins.macl.loss import adaptive_temperature, check_alignment_rule, coldest, macl_parts


class MACL(ContrastiveBase[MACLParams]):
    """NT-Xent with an adaptive temperature and reweighted gradients."""

    def __init__(self, params: MACLParams, context: Context) -> None:
        super().__init__(params, context)
        try:
            check_alignment_rule(params.temperature, params.alpha, params.alignment_start)
        except ValueError as error:
            raise SagittalError(f"The temperature cannot be made: {error}") from error

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        tau, alignment = adaptive_temperature(
            view_a, view_b, temperature=p.temperature, alpha=p.alpha, alignment_start=p.alignment_start
        )
        parts = macl_parts(
            view_a, view_b, temperature=tau, reweigh=p.reweigh,
            coldest=coldest(p.temperature, p.alpha, p.alignment_start),
        )  # fmt: skip
        return {**parts.named(), "alignment": alignment, "temperature": tau}
