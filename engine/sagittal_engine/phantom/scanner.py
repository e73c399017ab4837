"""Two imaginary MR scanners: what they do to tissue on its way to a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from sagittal_engine.phantom.shapes import Array, smooth_field


@dataclass(frozen=True)
class Scanner:
    """How a scanner sees: its grid, contrast, point spread, coil shading and noise."""

    name: str
    shape: tuple[int, int]
    """Voxels along x and y."""
    slices: tuple[int, int]
    """Fewest and most slices."""
    spacing: tuple[float, float, float]
    """mm along x, y, z."""
    orientation: str
    """Axis letters of the files it writes."""
    gamma: float
    """Contrast: signal is raised to this power, so that a larger one pushes dark tissue down."""
    fat: float
    """Share of the fat signal that survives the suppression."""
    blur: float
    """Standard deviation of the point spread, in-plane voxels."""
    shading: float
    """Standard deviation of the logarithm of the coil's shading."""
    noise: float
    """Standard deviation of the noise in each of the two channels, relative to liver."""
    gain: float
    """Stored value of a signal of one (liver)."""

    def acquire(self, rng: np.random.Generator, tissue: Array) -> Array:
        """Turns tissue signal (liver = 1; float32 (X, Y, Z)) into stored intensities, int16 of the same shape.

        Noise is Rician: the magnitude of a complex signal with independent normal noise in both channels
        (Gudbjartsson and Patz, Magn. Reson. Med. 34:910, 1995).
        """
        seen = np.power(tissue, np.float32(self.gamma))
        seen = ndimage.gaussian_filter(seen, (self.blur, self.blur, 0.0), truncate=2.5)
        seen *= np.exp(np.float32(self.shading) * smooth_field(rng, tissue.shape, (5, 5, 4)).clip(-2, 2))
        seen += self._ghost(rng, seen)
        real = seen + np.float32(self.noise) * rng.standard_normal(seen.shape, dtype=np.float32)
        imaginary = np.float32(self.noise) * rng.standard_normal(seen.shape, dtype=np.float32)
        return np.rint(np.hypot(real, imaginary) * self.gain).clip(0, 32767).astype(np.int16)

    def _ghost(self, rng: np.random.Generator, seen: Array) -> Array:
        """Faint copies of moving bright tissue along the phase-encoding direction (front to back)."""
        shift = int(rng.integers(seen.shape[1] // 5, seen.shape[1] // 3))
        strength = np.float32(rng.uniform(0.004, 0.014))
        ghost = np.roll(seen, shift, axis=1) + np.roll(seen, -shift, axis=1)
        return strength * ndimage.uniform_filter1d(ghost, 5, axis=1)


SCANNERS: tuple[Scanner, ...] = (
    Scanner("Synthetic A", (160, 144), (30, 34), (2.2, 2.2, 7.0), "LAS", 1.0, 0.16, 0.55, 0.10, 0.030, 350.0),
    Scanner("Synthetic B", (144, 128), (32, 36), (2.4, 2.4, 6.6), "RAS", 1.15, 0.28, 0.75, 0.15, 0.045, 620.0),
)
