"""The maths of GraTa (Chen et al., AAAI 2025): entropy, the cosine of two gradients, and the step it allows."""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

from sagittal_engine.kit.gradients import gradient_cosine
from sagittal_engine.kit.soft_labels import entropy_loss

__all__ = ["entropy_loss", "gradient_cosine", "step_scale"]

Number = TypeVar("Number", float, Tensor)


def step_scale(cosine: Number) -> Number:
    """(c + 1)² / 4: 0 where two gradients are opposite, 1 where they agree (the paper's dynamic learning rate over β).

    Raises ValueError where a cosine given as a number is not in −1…1 (10⁻⁶ of rounding is let be).
    """
    if not isinstance(cosine, Tensor) and not -1 - 1e-6 <= cosine <= 1 + 1e-6:
        raise ValueError(f"a cosine lies in −1…1; got {cosine}.")
    return (cosine + 1) ** 2 / 4
