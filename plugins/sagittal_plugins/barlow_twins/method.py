"""Barlow Twins as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_plugins.barlow_twins import BarlowTwinsParams
from sagittal_plugins.barlow_twins.loss import barlow_parts


class BarlowTwins(ContrastiveBase[BarlowTwinsParams]):
    """Redundancy reduction between two views."""

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        return barlow_parts(view_a, view_b, redundancy_weight=self.params.redundancy_weight).named()
