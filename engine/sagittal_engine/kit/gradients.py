"""Gradients as vectors: each a tensor, or several tensors that make one vector together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Gradient = Sequence[Tensor]


def gradient_cosine(a: Tensor | Gradient, b: Tensor | Gradient) -> Tensor:
    """⟨a, b⟩ / (‖a‖‖b‖ + 10⁻¹²), a scalar; 0 where one of them is zero.

    Raises ValueError where their numbers or shapes differ.
    """
    first, second = ([x] if isinstance(x, Tensor) else list(x) for x in (a, b))
    if not first or [x.shape for x in first] != [x.shape for x in second]:
        raise ValueError(
            "two gradients must be of the same parameters; got shapes "
            f"{[tuple(x.shape) for x in first]} and {[tuple(x.shape) for x in second]}."
        )
    dot = torch.stack([(x * y).sum() for x, y in zip(first, second, strict=True)]).sum()
    return dot / (_length(first) * _length(second) + 1e-12)


def length_of(gradient: Gradient) -> float:
    """‖g‖, the Euclidean length of the whole vector."""
    return float(_length(gradient))


def _length(gradient: Gradient) -> Tensor:
    return torch.stack([part.square().sum() for part in gradient]).sum().sqrt()
