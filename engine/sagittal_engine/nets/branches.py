"""Several branches of one shape and different weights, each of its own part of the input.

The weights of all branches lie in one tensor per layer, as a grouped convolution has them. They are applied in one
grouped pass or branch by branch: the same numbers up to rounding, and which is quicker depends on the device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

POOL = "pool"
"""In a list of widths: a 2×2 max-pooling."""

GROUPED_ON = frozenset({"cpu"})
"""Kinds of device on which the grouped pass is taken unless a network is told otherwise (benchmarks/jigsaw.py)."""


class BranchConv(nn.Conv2d):
    """3×3 convolutions of `branches` branches: (N, branches · channels, h, w) → (N, branches · out, h, w)."""

    def __init__(self, branches: int, channels: int, out: int, *, grouped: bool | None = None) -> None:
        super().__init__(branches * channels, branches * out, 3, padding=1, groups=branches)
        self.grouped = grouped
        """One pass for all, or one for each; None decides by the device."""

    def forward(self, input: Tensor) -> Tensor:
        grouped = input.device.type in GROUPED_ON if self.grouped is None else self.grouped
        if grouped:
            return super().forward(input)
        assert self.bias is not None
        parts = (t.chunk(self.groups, axis) for t, axis in ((input, 1), (self.weight, 0), (self.bias, 0)))
        return torch.cat([F.conv2d(x, w, b, padding=1) for x, w, b in zip(*parts, strict=True)], 1)

    def alone(self, branch: int, input: Tensor) -> Tensor:
        """What one branch gives of an input of its own, (N, channels, h, w)."""
        assert self.bias is not None
        weight, bias = (part.chunk(self.groups)[branch] for part in (self.weight, self.bias))
        return F.conv2d(input, weight, bias, padding=1)


class Branches(nn.Module):
    """(N, branches, C, h, w) → (N, branches · width, h′, w′): what the branches give, one after the other.

    `widths` are the channels of each 3×3 convolution of a branch, with "pool" for a 2×2 max-pooling; every convolution
    has a bias, batch normalisation where `norm`, and a ReLU.
    """

    def __init__(
        self, branches: int, in_channels: int, widths: Sequence[int | str], *, norm: bool, grouped: bool | None = None
    ) -> None:
        super().__init__()
        self.branches = branches
        layers: list[nn.Module] = []
        channels = in_channels
        for width in widths:
            if isinstance(width, str):
                layers.append(nn.MaxPool2d(2))
                continue
            layers.append(BranchConv(branches, channels, width, grouped=grouped))
            layers += [nn.BatchNorm2d(branches * width)] if norm else []
            layers.append(nn.ReLU(inplace=True))
            channels = width
        self.layers = nn.Sequential(*layers)
        self.width = channels
        """Channels of one branch."""

    def forward(self, cells: Tensor) -> Tensor:
        found: Tensor = self.layers(cells.flatten(1, 2))
        return found

    def alone(self, branch: int, images: Tensor) -> Tensor:
        """What one branch gives of (N, C, h, w): (N, width, h′, w′).

        Raises ValueError where the branches are normalised: their statistics are of their own cells.
        """
        for layer in self.layers:
            if isinstance(layer, nn.BatchNorm2d):
                raise ValueError("a branch with batch normalisation has statistics of its own cells; got other images.")
            images = layer.alone(branch, images) if isinstance(layer, BranchConv) else layer(images)
        return images

    def stages(self) -> list[nn.Sequential]:
        """The layers up to and including each pooling, in order: what is computed again as one."""
        parts: list[list[nn.Module]] = [[]]
        for layer in self.layers:
            parts[-1].append(layer)
            if isinstance(layer, nn.MaxPool2d):
                parts.append([])
        return [nn.Sequential(*part) for part in parts if part]


def recomputed(part: nn.Module, input: Tensor) -> Tensor:
    """`part(input)`, whose inner results are let go and computed again in the backward pass.

    The second time, batch normalisations leave their running statistics as they are: one step, one update of them.
    """
    if not torch.is_grad_enabled():
        found: Tensor = part(input)
        return found

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _settled(part)

    again: Tensor = checkpoint(part, input, use_reentrant=False, context_fn=contexts)
    return again


@contextmanager
def _settled(part: nn.Module) -> Iterator[None]:
    norms = [layer for layer in part.modules() if isinstance(layer, _BatchNorm) and layer.training]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.num_batches_tracked = None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count


def scaled(channels: int, share: float) -> int:
    """`channels` times `share`, at least four."""
    return max(4, round(channels * share))


def plain_start(network: nn.Module) -> None:
    """He's initialisation of every convolution, biases zero: without normalisation signals would fade otherwise."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
