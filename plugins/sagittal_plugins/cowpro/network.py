"""What CoWPro trains: an encoder, fed with grey slices."""

from __future__ import annotations

import torch
from torch import nn

from sagittal_engine.nets.encoders import build_encoder


class PrototypeNetwork(nn.Module):
    """Grey slices (N, 1, H, W) → features (N, D, h, w); an encoder for colour sees the slice in all its channels."""

    def __init__(self, encoder: str) -> None:
        super().__init__()
        self.encoder = build_encoder(encoder)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.encoder(slices.expand(-1, self.encoder.in_channels, -1, -1))
        return features
