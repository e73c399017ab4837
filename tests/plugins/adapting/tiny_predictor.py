"""A network of two batch normalisations, trained for a few steps, and what adapters ask of a predictor."""

from __future__ import annotations

import torch
from torch import nn

from sagittal.params import make
from sagittal_engine.kit.predicting import PredictorBase
from sagittal_engine.registry import card_of, implementation


class TinyPredictor(PredictorBase):
    labels = ("disc", "cup")

    def __init__(self, activation="sigmoid"):
        self.activation = activation
        self.asked = []

    def network(self, module):
        return module

    def images(self, scan):
        return scan.images

    def logits(self, module, images):
        self.asked.append(len(images))
        return module(images)

    def on_grid(self, scan, probabilities, channel):
        return probabilities[:, channel].permute(2, 1, 0).numpy()


class QuietContext:
    device = torch.device("cpu")
    seed = 0

    def boundary(self):
        pass


def layers(norm=nn.BatchNorm2d, conv=nn.Conv2d, outputs=2, channels=3):
    return nn.Sequential(
        conv(channels, 4, 3, padding=1, bias=False), norm(4), nn.ReLU(),
        conv(4, 4, 3, padding=1), norm(4), nn.ReLU(), nn.Dropout(0.5), conv(4, outputs, 1),
    ).double()  # fmt: skip


def trained_network(**kinds):
    """Its scales, shifts and running statistics are no longer those of a fresh network."""
    torch.manual_seed(0)
    network = layers(**kinds)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    channels = kinds.get("channels", 3)
    sides = (12, 12, 12) if kinds.get("conv") is nn.Conv3d else (16, 16)
    for _ in range(15):
        images = torch.rand(4, channels, *sides, dtype=torch.float64)
        wanted = images.mean(1, keepdim=True).expand(-1, kinds.get("outputs", 2), *sides) > 0.5
        loss = nn.functional.binary_cross_entropy_with_logits(network(images), wanted.double())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def adopt(name, predictor, network, values):
    card = card_of(f"sagittal_plugins.{name}")
    adapter = implementation(card)(make(card.params, values), QuietContext())
    adapter.adopt(predictor, network)
    return adapter, network
