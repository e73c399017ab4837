"""Prediction-time batch statistics as a method of Sagittal."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal.method import AdaptationStep
from sagittal_engine.kit.adapting import StreamBase
from sagittal_engine.kit.normalisation import batch_norms
from sagittal_plugins.batch_statistics import BatchStatisticsParams


class BatchStatistics(StreamBase[BatchStatisticsParams]):
    """Mean and variance of batch normalisation are s · those of training + (1 − s) · those of the images."""

    def begin(self) -> None:
        norms = list(batch_norms(self.predictor.network(self.module)))
        if not norms:
            raise ValueError("the network has no batch normalisation, so there are no statistics to take anew.")
        if self.params.source_share and any(norm.running_mean is None for norm in norms):
            raise ValueError("the network kept no statistics of training; set 'source_share' to 0.")
        self.statistics.source_share = self.params.source_share

    def step(self, images: Tensor, generator: torch.Generator, targets: Tensor | None) -> AdaptationStep:
        return AdaptationStep()
