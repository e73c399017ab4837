"""What the volume rendering is given: a scan cut down to fit, and presets of opacity and colour. No VTK, no Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sagittal.facts import ImageLoan

GPU_VOXELS = 256**3
"""Largest volume given to a graphics card: 64 MB as float32. Larger ones have been seen to reset drivers."""
SOFTWARE_VOXELS = 96**3
"""Largest volume where the processor does the drawing, so that turning it stays fluid."""


@dataclass(frozen=True)
class VolumePreset:
    """Opacity and grey over intensity: points (value, opacity, red, green, blue).

    Values are percentiles of the scan's body (what is above its background) where `percentiles`, else the scan's unit.
    """

    name: str
    points: tuple[tuple[float, float, float, float, float], ...]
    percentiles: bool = True
    maximum: bool = False
    """Shows the brightest voxel along each ray instead of summing."""


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
)
CT_VOLUME = (
    VolumePreset(
        "Bone", ((120, 0.0, 0.5, 0.3, 0.2), (250, 0.25, 0.9, 0.75, 0.6), (1200, 0.85, 1, 1, 0.95)), percentiles=False
    ),
    VolumePreset(
        "Soft tissue",
        ((-160, 0.0, 0.4, 0.2, 0.15), (40, 0.08, 0.8, 0.45, 0.35), (240, 0.3, 1, 0.9, 0.8)),
        percentiles=False,
    ),
    VolumePreset(
        "Lung", ((-950, 0.0, 0, 0, 0), (-700, 0.05, 0.5, 0.6, 0.75), (-400, 0.2, 0.9, 0.7, 0.6)), percentiles=False
    ),
    VolumePreset("Brightest voxel", ((-100, 0.0, 0, 0, 0), (1200, 1.0, 1, 1, 1)), percentiles=False, maximum=True),
)


def presets_for(unit: str) -> tuple[VolumePreset, ...]:
    return CT_VOLUME if unit == "HU" else MR_VOLUME


@dataclass(frozen=True)
class SceneVolume:
    """A scan ready for the scene."""

    data: NDArray[np.float32]
    """(X, Y, Z) in Fortran order, as VTK lays voxels out; every `factor`-th voxel of the scan along each axis."""
    factor: int
    matrix: NDArray[np.float64]
    """(4, 4): index of `data` to RAS+ millimetres."""
    body: NDArray[np.float32]
    """Sorted sample of the intensities above the background."""

    def value(self, preset: VolumePreset, position: float) -> float:
        """The intensity a preset's point stands at."""
        return float(np.percentile(self.body, position)) if preset.percentiles else position


def factor_for(shape: tuple[int, ...], cap: int) -> int:
    """Take every n-th voxel so that at most about `cap` are left."""
    factor = 1
    while np.prod([-(-n // factor) for n in shape[:3]]) > cap:
        factor += 1
    return factor


def prepare(loan: ImageLoan, cap: int = GPU_VOXELS) -> SceneVolume:
    """Cuts a scan down to at most `cap` voxels. Slow for large scans: call it in the background."""
    factor = factor_for(loan.data.shape, cap)
    data = loan.data[::factor, ::factor, ::factor]
    grey = data.mean(axis=-1) if data.ndim == 4 else data
    volume = np.asfortranarray(np.nan_to_num(np.asarray(grey, dtype=np.float32)))
    matrix = np.asarray(loan.affine, dtype=np.float64) @ np.diag([factor, factor, factor, 1.0])
    sample = np.sort(volume.ravel(order="K")[:: max(1, volume.size // 200_000)])
    background = float(sample[len(sample) // 10])
    body = sample[sample > background]
    return SceneVolume(volume, factor, matrix, body if body.size else sample)
