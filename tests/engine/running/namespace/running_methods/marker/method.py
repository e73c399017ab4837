"""The marker's work."""

import numpy as np
import torch

from running_methods.tiny.method import Tiny
from sagittal.method import Prediction


class Marker(Tiny):
    """Copies the support's masks; sure of the slices it was shown, and of nothing else."""

    def module(self):
        module = super().module()
        module["extra"] = torch.nn.Linear(1, self.params.width)
        return module

    def segment(self, module, supports, query, *, ranges=None, quadrants=None):
        assert not module.training and quadrants is None
        assert query.image().shape == (12, 10, 6)
        masks, confidence = {}, {}
        for support in supports:
            for label, mask in support.masks.items():
                masks[label] = mask
                values = np.full(6, np.nan)
                values[list(support.slices)] = self.params.level
                confidence[label] = values
        return Prediction(masks, confidence)
