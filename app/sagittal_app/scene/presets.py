"""Ways to draw a volume: opacity and colour over intensity. No VTK, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Point = tuple[float, float, float, float, float]
"""Where on the scale, opacity, red, green, blue; all but the first in 0…1."""


class Scale(Enum):
    """What the first number of a preset's points counts."""

    PERCENTILES = "percentiles"
    """Percent of the scan's body, which is what is above its background."""
    VALUES = "values"
    """The scan's own unit."""
    WINDOW = "window"
    """0 is the lower and 1 the upper end of the slices' window."""


@dataclass(frozen=True)
class VolumePreset:
    """One way to draw a volume."""

    name: str
    points: tuple[Point, ...]
    scale: Scale = Scale.PERCENTILES
    maximum: bool = False
    """Shows the brightest voxel along each ray instead of summing."""


AS_THE_SLICES = VolumePreset(
    "As the slices’ window",
    ((0.0, 0.0, 0, 0, 0), (0.35, 0.03, 0.4, 0.36, 0.34), (0.7, 0.16, 0.85, 0.76, 0.7), (1.0, 0.45, 1, 1, 1)),
    Scale.WINDOW,
)
MR_VOLUME = (
    VolumePreset("Faint, for surfaces", ((0, 0.0, 0, 0, 0), (50, 0.004, 0.6, 0.6, 0.65), (99, 0.05, 1, 1, 1))),
    VolumePreset(
        "Body", ((0, 0.0, 0, 0, 0), (40, 0.02, 0.35, 0.25, 0.2), (85, 0.12, 0.85, 0.7, 0.6), (99, 0.4, 1, 1, 1))
    ),
    VolumePreset(
        "Bright structures",
        ((0, 0.0, 0, 0, 0), (80, 0.0, 0.5, 0.35, 0.3), (95, 0.3, 0.95, 0.8, 0.65), (99.5, 0.8, 1, 1, 1)),
    ),
    VolumePreset("Brightest voxel", ((0, 0.0, 0, 0, 0), (30, 0.05, 0.1, 0.1, 0.1), (99.5, 1.0, 1, 1, 1)), maximum=True),
    AS_THE_SLICES,
)
CT_VOLUME = (
    VolumePreset(
        "Bone", ((120, 0.0, 0.5, 0.3, 0.2), (250, 0.25, 0.9, 0.75, 0.6), (1200, 0.85, 1, 1, 0.95)), Scale.VALUES
    ),
    VolumePreset(
        "Soft tissue",
        ((-160, 0.0, 0.4, 0.2, 0.15), (40, 0.08, 0.8, 0.45, 0.35), (240, 0.3, 1, 0.9, 0.8)),
        Scale.VALUES,
    ),
    VolumePreset(
        "Contrast-filled vessels",
        ((130, 0.0, 0.4, 0.05, 0.05), (220, 0.25, 0.8, 0.2, 0.15), (450, 0.7, 1, 0.75, 0.6), (1200, 0.9, 1, 1, 0.95)),
        Scale.VALUES,
    ),
    VolumePreset(
        "Lung",
        ((-950, 0.0, 0, 0, 0), (-700, 0.05, 0.5, 0.6, 0.75), (-400, 0.2, 0.9, 0.7, 0.6), (-200, 0.0, 0.9, 0.7, 0.6)),
        Scale.VALUES,
    ),
    VolumePreset(
        "Skin", ((-600, 0.0, 0.6, 0.4, 0.3), (-250, 0.6, 0.95, 0.78, 0.66), (400, 0.9, 1, 0.9, 0.8)), Scale.VALUES
    ),
    VolumePreset(
        "Faint, for surfaces", ((-300, 0.0, 0, 0, 0), (40, 0.004, 0.6, 0.6, 0.65), (400, 0.05, 1, 1, 1)), Scale.VALUES
    ),
    VolumePreset("Brightest voxel", ((-100, 0.0, 0, 0, 0), (1200, 1.0, 1, 1, 1)), Scale.VALUES, maximum=True),
    AS_THE_SLICES,
)
"""Points in Hounsfield units."""


def presets_for(unit: str) -> tuple[VolumePreset, ...]:
    """The presets that suit a scan; the first is taken where nobody chose."""
    return CT_VOLUME if unit == "HU" else MR_VOLUME
