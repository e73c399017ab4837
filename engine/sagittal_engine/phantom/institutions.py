"""Four imaginary institutions that image the same kind of vessels each in its own way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from sagittal_engine.phantom.shapes import Array, smooth_field

FIELD = 48.0
"""mm a side of what is imaged."""


@dataclass(frozen=True)
class Institution:
    """A grid, a contrast, a law that turns tissue into numbers, and noise."""

    name: str
    spacing: tuple[float, float, float]
    """mm along x, y, z."""
    orientation: str
    """Axis letters of the files it writes."""
    tissue: float
    """Signal of the tissue around; of blood in a wide vessel it is one."""
    bone: float
    """Signal of the shell of bone at two faces of the volume."""
    flow: float
    """How much signal thin vessels lose: a vessel of 1 mm radius has one less this."""
    law: str
    """"linear", "power" (contrast of the dark is pressed), "root" (it is stretched) or "saturating"."""
    blur: float
    """Standard deviation of the point spread, mm."""
    shading: float
    """Standard deviation of the logarithm of the shading."""
    noise: float
    """Standard deviation in each of the two channels of a magnitude image, relative to blood."""
    gain: float
    """Stored value of a signal of one."""

    @property
    def shape(self) -> tuple[int, int, int]:
        x, y, z = (round(FIELD / step) for step in self.spacing)
        return x, y, z

    def acquire(self, rng: np.random.Generator, signal: Array) -> Array:
        """Turns signal (blood = 1; float32 (X, Y, Z)) into stored intensities, int16 of the same shape.

        Noise is Rician (Gudbjartsson and Patz, Magn. Reson. Med. 34:910, 1995).
        """
        seen = LAWS[self.law](signal.clip(0))
        seen = ndimage.gaussian_filter(seen, [self.blur / step for step in self.spacing], truncate=3)
        seen = seen * np.exp(np.float32(self.shading) * smooth_field(rng, seen.shape, (4, 4, 4)).clip(-2, 2))
        real, imaginary = (np.float32(self.noise) * rng.standard_normal(seen.shape, dtype=np.float32) for _ in range(2))
        return np.rint(np.hypot(seen + real, imaginary) * self.gain).clip(0, 32767).astype(np.int16)


LAWS = {
    "linear": lambda signal: signal,
    "power": lambda signal: signal**1.8,
    "root": lambda signal: signal**0.55,
    "saturating": lambda signal: (1 - np.exp(-2.5 * signal)) / (1 - np.exp(-2.5)),
}

INSTITUTIONS: tuple[Institution, ...] = (
    Institution("A", (0.8, 0.8, 0.8), "RAS", 0.22, 0.35, 0.15, "linear", 0.4, 0.05, 0.035, 900.0),
    Institution("B", (0.75, 0.75, 1.1), "LAS", 0.40, 0.20, 0.30, "power", 0.5, 0.20, 0.050, 420.0),
    Institution("C", (1.0, 1.0, 1.0), "LPS", 0.26, 1.25, 0.05, "saturating", 0.5, 0.04, 0.050, 2400.0),
    Institution("D", (1.2, 1.2, 1.5), "RAS", 0.16, 0.60, 0.25, "root", 0.7, 0.12, 0.070, 150.0),
)
"""A: fine and clean. B: thin vessels fade, shaded. C: bright bone beside low contrast. D: coarse and noisy."""
