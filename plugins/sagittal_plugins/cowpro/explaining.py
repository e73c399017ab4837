"""Where a CoWPro network looks: Grad-CAM of how like a slice is to those it was trained on.

The method has no scores without a support, so what its encoder makes of a slice is explained, as of a contrastive one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sagittal.method import ScanData
from sagittal_engine.kit.explaining import ExplainsFeatures, evenly
from sagittal_plugins.cowpro import CoWProParams, rules
from sagittal_plugins.cowpro.episodes import TrainingSlice
from sagittal_plugins.cowpro.volume import Preparation

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class PreparedSlices:
    """Prepared slices in the place of frames; rows go to the right and columns to the front, as in the scan."""

    preparation: Preparation

    plane: ClassVar[str] = "axial"

    def images(self, scan: ScanData) -> Tensor:
        """float32 (n, 1, H, W), z-scored over the scan."""
        return torch.from_numpy(self.preparation.prepare(scan).slices).unsqueeze(1)

    def blank(self) -> Tensor:
        return torch.zeros(1, 1, self.preparation.size, self.preparation.size)

    def on_grid(self, scan: ScanData, frames: Tensor) -> Array:
        """float32 (X, Y, Z) of numbers (n, H, W); 0 where the crop left voxels out."""
        return self.preparation.prepare(scan).frame.backward(frames.float().numpy(), 0.0)


class ExplainsPrototypes(ExplainsFeatures):
    """`sagittal.method.Explains` for the encoder of `PrototypeNetwork`."""

    params: CoWProParams
    slices: Sequence[TrainingSlice]

    def feature_maps(self, module: Any, images: Tensor) -> Tensor:
        """(N, D, h, w)."""
        found: Tensor = module(images)
        return found

    def features(self, module: Any, images: Tensor) -> Tensor:
        """Their mean over all places: (N, D)."""
        return self.feature_maps(module, images).flatten(2).mean(2)

    def training_examples(self) -> Tensor:
        rows = evenly(torch.arange(len(self.slices))).tolist()
        return torch.from_numpy(np.stack([self.slices[row].image for row in rows])).unsqueeze(1)

    def explain_framing(self) -> PreparedSlices:
        return PreparedSlices(rules.preparation(self.params))
