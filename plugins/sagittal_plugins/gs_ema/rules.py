"""From parameters to the rules of random changes."""

from __future__ import annotations

from dataclasses import replace

from sagittal_engine.views.appearance import AppearanceRules
from sagittal_engine.views.volume_views import VolumeRules
from sagittal_plugins.gs_ema import GSEMAParams

SHAPE = VolumeRules(crop_low=1, crop_high=1, stretch=1, rotation=15.0, flip_axes=(0, 1, 2), jitter=0, blur=0)
"""Turns and flips; vessels and bulges look alike on either side."""


def appearance_rules(params: GSEMAParams) -> AppearanceRules:
    """What the transformed view may be, with every change that is switched off left out."""
    off: dict[str, float] = {}
    if not params.intensity:
        off |= {"brightness": 0.0, "contrast": 0.0, "gamma": 0.0}
    if not params.bias_field:
        off["bias"] = 0.0
    if not params.smoothing:
        off["blur"] = 0.0
    if not params.noise:
        off["noise"] = 0.0
    return replace(AppearanceRules(gin=params.gin, histogram=params.histogram), **off)  # type: ignore[arg-type]
