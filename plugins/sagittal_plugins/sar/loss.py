"""The entropy of reliable pixels (Niu et al., ICLR 2023, reliable entropy minimisation)."""

from __future__ import annotations

import math

from torch import Tensor

from sagittal_engine.kit.soft_labels import entropies


def most_entropy(outputs: int, activation: str) -> float:
    """The largest entropy of a pixel, in nats: ln C of C classes, or C · ln 2 of C labels by themselves."""
    return math.log(outputs) if activation == "softmax" else outputs * math.log(2)


def reliable_entropy(logits: Tensor, *, share: float = 0.4, activation: str = "sigmoid") -> Tensor:
    """Mean entropy H of the pixels with H < E₀ = share · its maximum; zero, with a gradient, where there is none.

    Raises ValueError where `share` is not in 0…1, and as `entropies`.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share of reliable entropy lies in 0…1, 0 excluded; got {share}.")
    each = entropies(logits, full=True, activation=activation)
    counted = each < share * most_entropy(logits.shape[1], activation)
    return (each * counted).sum() / counted.sum().clamp(min=1)
