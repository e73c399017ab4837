"""What methods share whose trained network segments scans by itself (`sagittal.method.Predictor`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from sagittal.method import ScanData

Array = np.ndarray[Any, Any]

THRESHOLD = 0.5
"""Of a sigmoid's probability."""


def probabilities_of(logits: Tensor, activation: str) -> Tensor:
    """float32 probabilities of logits (n, outputs, …), over the channels ("softmax") or each by itself ("sigmoid")."""
    wide = logits.float()
    return wide.softmax(1) if activation == "softmax" else wide.sigmoid()


FLAT = "{scan} has one intensity throughout: nothing can be seen in it, and what is found there means nothing."


def is_flat(scan: ScanData) -> bool:
    """Whether every voxel of a scan has the same value; `FLAT` says so."""
    image = scan.image()
    return bool(image.min() == image.max())


class PredictorBase(ABC):
    """All of a predictor that follows from its labels, its activation and its way back to the scan's grid."""

    labels: tuple[str, ...]
    activation: Literal["softmax", "sigmoid"]

    @property
    def outputs(self) -> int:
        """Channels of the network's output."""
        return len(self.labels) + (self.activation == "softmax")

    def truth(self, scan: ScanData) -> Mapping[str, Array]:
        """The scan's labels as they are."""
        return scan.labels()

    @abstractmethod
    def on_grid(self, scan: ScanData, probabilities: Tensor, channel: int) -> Array:
        """One channel of probabilities back on the scan's grid: float32 (X, Y, Z)."""

    def targets(self, scan: ScanData) -> Tensor | None:
        """The scan's truth as its images lie; by default it is not told."""
        return None

    def masks(self, scan: ScanData, probabilities: Tensor) -> Mapping[str, Array]:
        """As the protocol says; of channels that are equally likely the first is taken.

        Raises ValueError where the number of channels is not the network's.
        """
        if probabilities.shape[1] != self.outputs:
            raise ValueError(f"{self.outputs} channels are needed for these labels; got {probabilities.shape[1]}.")
        if self.activation == "sigmoid":
            return {
                label: self.on_grid(scan, probabilities, channel) >= THRESHOLD
                for channel, label in enumerate(self.labels)
            }
        best = self.on_grid(scan, probabilities, 0)
        winner = np.zeros(best.shape, dtype=np.uint16)
        for channel in range(1, self.outputs):
            own = self.on_grid(scan, probabilities, channel)
            winner[own > best] = channel
            best = np.maximum(best, own)
        return {label: winner == channel for channel, label in enumerate(self.labels, start=1)}


@torch.no_grad()
def predict(predictor: Any, module: torch.nn.Module, scan: ScanData) -> Tensor:
    """Probabilities of all images of a scan, float32 (n, outputs, *spatial), on the processor."""
    logits = predictor.logits(module, predictor.images(scan))
    return probabilities_of(logits, predictor.activation).cpu()
