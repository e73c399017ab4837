"""What is read of an exam's slices, one by one, brought together to one score per label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sagittal_engine.nets.branches import scaled

HIDDEN = 512
"""Channels of both layers, as published."""


class ConvLSTM(nn.Module):
    """A recurrent layer of maps: (B, S, C, h, w) → (B, S, hidden, h, w), slice after slice.

    With * a 3×3 convolution with zeros around and ∘ a product of places (Shi et al., Convolutional LSTM network, NIPS
    2015, Eq. 3 without its peepholes, as Keras has it): i, f, o = σ(W·[x_t, h_{t−1}] + b) each, g = tanh(W·[x_t,
    h_{t−1}] + b), c_t = f ∘ c_{t−1} + i ∘ g, h_t = o ∘ tanh(c_t). The bias of f starts at 1, so that at first nothing
    is forgotten.
    """

    def __init__(self, channels: int, hidden: int, kernel: int = 3) -> None:
        super().__init__()
        self.hidden = hidden
        self.of_input = nn.Conv2d(channels, 4 * hidden, kernel, padding=kernel // 2)
        self.of_state = nn.Conv2d(hidden, 4 * hidden, kernel, padding=kernel // 2, bias=False)
        for convolution in (self.of_input, self.of_state):
            nn.init.xavier_uniform_(convolution.weight)
        assert self.of_input.bias is not None
        nn.init.zeros_(self.of_input.bias)
        nn.init.ones_(self.of_input.bias[hidden : 2 * hidden])

    def forward(self, maps: Tensor) -> Tensor:
        # What the input gives of all slices is one pass; only the state's part waits for the slice before.
        given = self.of_input(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        state = cell = given.new_zeros(len(maps), self.hidden, *maps.shape[3:])
        found = []
        for step in range(maps.shape[1]):
            gates = given[:, step] + self.of_state(state) if step else given[:, step]
            enter, keep, leave, new = gates.chunk(4, 1)
            cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
            state = leave.sigmoid() * cell.tanh()
            found.append(state)
        return torch.stack(found, 1)


class ConvLSTMHead(nn.Module):
    """(B, S, C, h, w) → (B, outputs): two recurrent layers of 512 channels, of the last slice the mean over places, one
    linear layer (thesis ch. 3: 103,814,659 weights over SKID's maps of 4096 channels, three outputs)."""

    def __init__(self, channels: int, outputs: int, *, width: float = 1.0) -> None:
        super().__init__()
        hidden = scaled(HIDDEN, width)
        self.first, self.second = ConvLSTM(channels, hidden), ConvLSTM(hidden, hidden)
        self.scores = nn.Linear(hidden, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        last = self.second(self.first(maps))[:, -1]
        scores: Tensor = self.scores(last.flatten(2).mean(2))
        return scores


class VolumeHead(nn.Module):
    """(B, S, C, h, w) → (B, outputs): the slices' maps as a volume, two 3×3×3 convolutions to 512 channels with batch
    normalisation and ReLU, mean over slices and places, one linear layer. The thesis does not state more than "3D CNN".
    """

    def __init__(self, channels: int, outputs: int, *, width: float = 1.0) -> None:
        super().__init__()
        hidden = scaled(HIDDEN, width)
        layers: list[nn.Module] = []
        for given in (channels, hidden):
            layers += [
                nn.Conv3d(given, hidden, 3, padding=1, bias=False),
                nn.BatchNorm3d(hidden),
                nn.ReLU(inplace=True),
            ]
        self.layers, self.scores = nn.Sequential(*layers), nn.Linear(hidden, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        volume = self.layers(maps.transpose(1, 2))
        scores: Tensor = self.scores(volume.flatten(2).mean(2))
        return scores


class MaximumHead(nn.Module):
    """(B, S, C, h, w) → (B, outputs): mean over places, maximum over slices, one linear layer (thesis ch. 4; MRNet)."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.scores = nn.Linear(channels, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        scores: Tensor = self.scores(maps.flatten(3).mean(3).amax(1))
        return scores
