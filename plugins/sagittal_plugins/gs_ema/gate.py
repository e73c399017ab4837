"""The gate of GS-EMA: whether the teacher follows the student, told from the angle between two gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

RULES = ("text", "algorithm1")

TINY = 1e-30
"""Keeps the cosine of a gradient that is zero a number."""

Gradient: TypeAlias = Tensor | Sequence[Tensor]
"""One tensor, or one per parameter."""


def gradient_cosine(source: Gradient, target: Gradient, *, of_signs: bool = False) -> Tensor:
    """⟨g_s, g_t⟩ / (‖g_s‖ ‖g_t‖) over all parameters together: a scalar in −1…1, 0 where one of them is zero.

    `of_signs` takes the signs of the gradients' elements in their place, as the released code does; that can have the
    other sign. Raises ValueError where the two do not belong to the same parameters.
    """
    ours, theirs = _parts(source), _parts(target)
    if [p.shape for p in ours] != [p.shape for p in theirs] or not ours:
        raise ValueError(
            "two gradients are compared parameter by parameter; got the shapes "
            f"{[tuple(p.shape) for p in ours]} and {[tuple(p.shape) for p in theirs]}."
        )
    if of_signs:
        ours, theirs = [p.sign() for p in ours], [p.sign() for p in theirs]
    product = torch.stack([torch.dot(a.flatten(), b.flatten()) for a, b in zip(ours, theirs, strict=True)]).sum()
    lengths = [torch.linalg.vector_norm(torch.stack(torch._foreach_norm(parts))) for parts in (ours, theirs)]
    return product / (lengths[0] * lengths[1]).clamp_min(TINY)


def gradients_agree(source: Gradient, target: Gradient, *, rule: str = "text", of_signs: bool = False) -> bool:
    """Whether the teacher is to follow the student.

    source, target: the gradients of the student's supervised loss on the source images and on the transformed ones,
    each one tensor or one per parameter. `rule` "text" says yes where their angle is below 90° (cosine > 0), as the
    paper's text and the released code do; "algorithm1" says yes where ⟨g_s, g_t⟩ ≤ 0, as its Algorithm 1 is printed.
    A gradient that is no number agrees with none. Raises ValueError for an unknown rule, and as `gradient_cosine`.
    """
    return decide(float(gradient_cosine(source, target, of_signs=of_signs)), rule)


def decide(cosine: float, rule: str = "text") -> bool:
    """The gate's answer to a cosine; see `gradients_agree`."""
    if rule not in RULES:
        raise ValueError(f"the rule must be one of {', '.join(RULES)}; got {rule!r}.")
    return cosine > 0 if rule == "text" else cosine <= 0


def warm_decay(step: int, decay: float) -> float:
    """α_t = min(1 − 1/(t + 1), decay): what the teacher keeps of itself at step t, counted from 1.

    Raises ValueError where `step` is less than 1 or `decay` is not in 0…1.
    """
    if step < 1:
        raise ValueError(f"steps are counted from 1; got {step}.")
    if not 0 <= decay <= 1:
        raise ValueError(f"the decay of a teacher must lie in 0…1; got {decay}.")
    return min(1 - 1 / (step + 1), decay)


def _parts(gradient: Gradient) -> list[Tensor]:
    return [gradient] if isinstance(gradient, Tensor) else list(gradient)
