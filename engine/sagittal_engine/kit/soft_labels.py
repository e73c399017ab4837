"""What a segmentation's logits say of themselves: how uncertain they are, and how far from soft labels.

Logits are (N, C, *spatial). "sigmoid": every channel is a label of its own. "softmax": the channels exclude each other.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

ACTIVATIONS = ("sigmoid", "softmax")
TINY = 1e-6
"""Added inside the logarithm (GraTa's released code)."""
FOREGROUND = 0.05
"""Probability from which a pixel takes part in a picture's mean uncertainty, as in `sagittal.method.Prediction`."""


def check_logits(logits: Tensor, activation: str) -> None:
    """Raises ValueError where logits have no channels, or the activation is none of those there are."""
    if logits.ndim < 2 or logits.numel() == 0:
        raise ValueError(f"logits must be (N, C, …) with at least one value; got {tuple(logits.shape)}.")
    if activation not in ACTIVATIONS:
        raise ValueError(f"the activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}.")


def entropies(logits: Tensor, *, full: bool = False, activation: str = "sigmoid") -> Tensor:
    """The uncertainty of every pixel, summed over channels, in nats: (N, C, *spatial) → (N, *spatial).

    Sigmoid: Σ_c −p·ln(p + 10⁻⁶), and with `full` also −(1−p)·ln(1−p + 10⁻⁶). Softmax: Σ_c −p·ln(p + 10⁻⁶), which is
    whole already. Raises ValueError as `check_logits`.
    """
    check_logits(logits, activation)
    p = logits.softmax(1) if activation == "softmax" else logits.sigmoid()
    each = -p * (p + TINY).log()
    if full and activation == "sigmoid":
        each = each - (1 - p) * (1 - p + TINY).log()
    return each.sum(1)


def entropy_loss(logits: Tensor, *, full: bool = False, activation: str = "sigmoid") -> Tensor:
    """Mean of `entropies` over all pixels of all images: the loss of GraTa's auxiliary gradient (`full=False`, as
    released) and of TENT (`full=True`). Raises ValueError as `check_logits`."""
    return entropies(logits, full=full, activation=activation).mean()


def soft_label_loss(logits: Tensor, soft: Tensor, *, activation: str = "sigmoid") -> Tensor:
    """Cross-entropy with labels in 0…1 of the logits' shape, mean over pixels (sigmoid: over channels too).

    Raises ValueError as `check_logits`, and where the shapes differ.
    """
    check_logits(logits, activation)
    if logits.shape != soft.shape:
        raise ValueError(f"soft labels have the shape of the logits, {tuple(logits.shape)}; got {tuple(soft.shape)}.")
    if activation == "sigmoid":
        return F.binary_cross_entropy_with_logits(logits, soft)
    return F.cross_entropy(logits, soft)


def uncertainty(probabilities: Tensor, activation: str) -> float:
    """Mean bits, 0…1, of −p·log2 p − (1−p)·log2(1−p) over pixels whose foreground probability p is at least 0.05.

    p is the largest of a pixel's labels (sigmoid), or 1 − background (softmax). 0 where there is no such pixel.
    """
    p = probabilities.amax(1) if activation == "sigmoid" else 1 - probabilities[:, 0]
    p = p[p >= FOREGROUND].double()
    if not p.numel():
        return 0.0
    bits = -(torch.special.xlogy(p, p) + torch.special.xlogy(1 - p, 1 - p)) / torch.log(p.new_tensor(2.0))
    return float(bits.mean())
