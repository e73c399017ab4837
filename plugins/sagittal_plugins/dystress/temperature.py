"""The temperature of a pair as a function of its cosine (thesis ch. 6)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import check_temperature

PROFILES = ("cosine", "linear", "exponential")
STEEPNESS = 3.5
"""Of the exponential profile: a parameter of the released script; no formula is printed."""


def check_profile(
    *, tau_min: float, tau_max: float, profile: str = "cosine", shift: float | None = None, scale: float | None = None
) -> None:
    """Raises ValueError that names the rule and the value."""
    check_temperature(tau_min, "tau_min")
    if tau_max < tau_min:
        raise ValueError(f"tau_max must not be less than tau_min; got tau_min={tau_min}, tau_max={tau_max}.")
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}; got {profile!r}.")
    if shift is not None and profile != "cosine":
        raise ValueError(f"only the cosine profile can be shifted; got shift={shift} with profile {profile!r}.")
    if shift is not None and not -1 <= shift <= 1:
        raise ValueError(f"shift must lie in −1…1; got {shift}.")
    if scale is not None and not scale > 0:
        raise ValueError(f"scale must be greater than 0; got {scale}.")
    if scale is not None and shift is None:
        raise ValueError(f"scale is the width of the shifted profile and needs a shift; got scale={scale} alone.")


def temperature(
    similarity: Tensor,
    *,
    tau_min: float,
    tau_max: float,
    profile: str = "cosine",
    shift: float | None = None,
    scale: float | None = None,
) -> Tensor:
    """τ(c) for cosines c of any shape, within tau_min…tau_max.

    cosine: τ_min + ½(τ_max − τ_min)(1 + cos(π(1 + c))), highest at c = ±1 and lowest at 0; linear:
    τ_min + (τ_max − τ_min)|c|; exponential: τ_max − (τ_max − τ_min) e^{−3.5|c|}.

    With a shift Δ the cosine has the argument π(Δ + c)/k, k = ½(1 + |Δ|) unless `scale` gives it, where c ≤ −Δ (Δ ≤ 0)
    or c ≥ −Δ (Δ > 0), and τ is τ_max elsewhere. Δ = ±1 is the plain profile.

    Raises ValueError as `check_profile`.
    """
    check_profile(tau_min=tau_min, tau_max=tau_max, profile=profile, shift=shift, scale=scale)
    if profile == "linear":
        return tau_min + (tau_max - tau_min) * similarity.abs()
    if profile == "exponential":
        return tau_max - (tau_max - tau_min) * torch.exp(-STEEPNESS * similarity.abs())
    middle, half = (tau_max + tau_min) / 2, (tau_max - tau_min) / 2
    if shift is None:
        # cos(π + x) = −cos x, which is two operations on large matrices less.
        return middle - half * torch.cos(math.pi * similarity)
    width = 0.5 * (1 + abs(shift)) if scale is None else scale
    curve = middle + half * torch.cos(math.pi / width * (similarity + shift))
    inside = similarity <= -shift if shift <= 0 else similarity >= -shift
    return torch.where(inside, curve, tau_max)
