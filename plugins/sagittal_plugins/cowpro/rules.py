"""Parameters turned into the rules that the maths takes."""

from __future__ import annotations

from sagittal_engine.views.geometry import AffineRange, ElasticRange
from sagittal_plugins.cowpro import CoWProParams
from sagittal_plugins.cowpro.episodes import ViewRange
from sagittal_plugins.cowpro.scoring import ScoreRule
from sagittal_plugins.cowpro.superpixels import SuperpixelRule
from sagittal_plugins.cowpro.volume import FIELD, Preparation


def score_rule(params: CoWProParams, window: int) -> ScoreRule:
    return ScoreRule(
        window=window,
        center=params.variant == "cowpro",
        local=params.variant != "panet",
        thresholds=params.thresholds,
        threshold=params.threshold,
        scale=params.scale,
        renormalise=params.renormalise,
        keep=params.keep,
    )


def superpixel_rule(params: CoWProParams) -> SuperpixelRule:
    return SuperpixelRule(
        params.superpixel_scale,
        params.superpixel_sigma,
        params.superpixel_min_size,
        params.foreground,
        params.foreground_level,
    )


def preparation(params: CoWProParams) -> Preparation:
    return Preparation(params.image_size, params.pixel_mm, params.slice_mm, params.clip_percent)


def view_range(params: CoWProParams) -> ViewRange:
    """Lengths in pixels are declared on the 256² grid; the network may see a coarser one."""
    return ViewRange(
        AffineRange(params.rotation, params.shift / FIELD, params.shear, (params.scale_low, params.scale_high)),
        ElasticRange(params.elastic_alpha, params.elastic_sigma).at(params.image_size / FIELD),
        (params.gamma_low, params.gamma_high),
    )
