"""Normalisation layers at test time: statistics of the images at hand, and the scales and shifts that adapters move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from sagittal_engine.nets.layout import is_laid_out

OTHERS = (_InstanceNorm, nn.GroupNorm, nn.LayerNorm)
"""Normalisations whose statistics are of the image already."""

ONE_PLACE = (
    "the images are too small for this network: a batch normalisation is left with one place per image, and has no "
    "statistics to take. Use larger images, or more of them in a step."
)


@dataclass
class Statistics:
    """Where the batch normalisations of one network take mean and variance from; shared by its layers."""

    alone: bool = True
    """Every image has its own; else all that the network is given at once have them together."""
    source_share: float = 0.0
    """Weight of the running statistics of training, 0…1; the rest is the images' own."""


class OwnStatistics(_BatchNorm):
    """A batch normalisation that takes its statistics from the images it is given, in training and evaluation alike.

    It holds the weights and running statistics of the layer whose place it takes, under the same names.
    """

    def __init__(self, norm: _BatchNorm, statistics: Statistics) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked
        self.statistics = statistics

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, *spatial) → the same. Raises ValueError where statistics would be of one place."""
        copies = len(input) if self.statistics.alone else 1
        if copies == 1:
            return self._normalised(input, self.weight, self.bias, 1)
        if is_laid_out(input):  # folded, it would have to be copied, and its channels lie apart
            return torch.cat([self._normalised(image, self.weight, self.bias, 1) for image in input.split(1)])
        # An image of N, with statistics of its own, is one image with N times the channels.
        folded = input.reshape(1, -1, *input.shape[2:])
        weight, bias = ((p.repeat(copies) if self.affine else None) for p in (self.weight, self.bias))
        return self._normalised(folded, weight, bias, copies).view_as(input)

    def _normalised(self, input: Tensor, weight: Tensor | None, bias: Tensor | None, copies: int) -> Tensor:
        """Every channel of the batch by its mean and variance; channels are `copies` times those of the layer."""
        share = self.statistics.source_share
        if not share:
            if input.shape[0] * input[0, 0].numel() == 1:
                raise ValueError(ONE_PLACE)
            return F.batch_norm(input, None, None, weight, bias, training=True, eps=self.eps)
        variance, mean = torch.var_mean(input, (0, *range(2, input.ndim)), correction=0)
        assert self.running_mean is not None and self.running_var is not None
        mean = mean.lerp(self.running_mean.repeat(copies), share)
        factor = (variance.lerp(self.running_var.repeat(copies), share) + self.eps).rsqrt()
        factor = factor if weight is None else factor * weight
        shift = -mean * factor if bias is None else bias - mean * factor
        each = (1, -1, *(1,) * (input.ndim - 2))
        return input * factor.view(each) + shift.view(each)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes will do."""


def take_statistics(network: nn.Module) -> Statistics:
    """Lets every batch normalisation of `network` take its statistics from the images from now on, and returns what
    rules them all. Weights, and the names in the state, stay. A network on which this was done keeps its rules."""
    norms = list(batch_norms(network))
    present = next((norm.statistics for norm in norms if isinstance(norm, OwnStatistics)), None)
    if present is not None:
        return present
    statistics = Statistics()
    replaced = {id(norm): OwnStatistics(norm, statistics).train(norm.training) for norm in norms}
    for parent in network.modules():
        for name, child in parent._modules.items():  # named_children passes over a layer that it met
            if id(child) in replaced:
                setattr(parent, name, replaced[id(child)])
    return statistics


def batch_norms(network: nn.Module) -> Iterator[_BatchNorm]:
    """The batch normalisations inside a network, of one, two or three dimensions."""
    return (part for part in network.modules() if isinstance(part, _BatchNorm))


def affine_parameters(network: nn.Module, *, every: bool = False) -> list[nn.Parameter]:
    """Scales and shifts of the batch normalisations, each once; with `every`, of instance, group and layer
    normalisations too.

    Raises ValueError in words where there are none.
    """
    kinds = (_BatchNorm, *OTHERS) if every else (_BatchNorm,)
    found: dict[int, nn.Parameter] = {}
    for part in network.modules():
        if isinstance(part, kinds):
            own = (getattr(part, "weight", None), getattr(part, "bias", None))
            found |= {id(p): p for p in own if isinstance(p, nn.Parameter)}
    if found:
        return list(found.values())
    others = [part for part in network.modules() if isinstance(part, OTHERS)]
    if every or not others:
        raise ValueError("the network has no normalisation with scales and shifts, so there is nothing to adapt.")
    kind = type(others[0]).__name__
    raise ValueError(
        f"the network has no batch normalisation: it has {len(others)} others ({kind}), whose statistics are of the "
        "image already. Set 'norms' to every to adapt their scales and shifts instead."
    )
