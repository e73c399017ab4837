"""Teachers that follow a student: frozen copies moved by an exponential moving average."""

from __future__ import annotations

import copy
import math
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def frozen_copy(module: M) -> M:
    """A copy of `module` that no optimiser trains."""
    twin = copy.deepcopy(module)
    for parameter in twin.parameters():
        parameter.requires_grad_(False)
    return twin


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, decay: float) -> None:
    """θ_teacher ← decay · θ_teacher + (1 − decay) · θ_student, for every weight.

    Buffers (running statistics) are left to the teacher's own forward passes. Raises ValueError where decay is not in
    0…1.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"the decay of a teacher must lie in 0…1; got {decay}.")
    old, new = list(teacher.parameters()), list(student.parameters())
    torch._foreach_lerp_(old, new, 1 - decay)


def cosine_between(first: float, last: float, step: int, steps: int) -> float:
    """From `first` at step 0 to `last` at step `steps` along half a cosine; `last` from then on.

    BYOL (Grill et al. 2020, §3.2) and DINO (Caron et al. 2021, §3.1) move the teacher's decay to 1 in this way.
    """
    done = min(1.0, step / max(1, steps))
    return last - (last - first) * (math.cos(math.pi * done) + 1) / 2
