"""Simulated changes of camera or scanner: what one and the same scan would look like elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from sagittal.method import ScanData
from sagittal_engine.phantom.shapes import Array, smooth_field

NONE = "none"
SHIFTS: Mapping[str, str] = {
    NONE: "The scans as they are.",
    "gamma": "Another intensity law: exponent 1 + 1.5 s within the image's range.",
    "colour": "A colour cast of photographs: red × (1 + 0.3 s), green × (1 − 0.1 s), blue × (1 − 0.5 s).",
    "blur": "Out of focus: Gaussian of 0.008 s of the longer side, within slices.",
    "illumination": "Light from one side: × (1 − 0.8 s) in the far corner, rising evenly to × 1.",
    "bias": "A coil's smooth shading: × e to a field of deviation 0.5 s.",
    "noise": "Gaussian noise of deviation 0.1 s of the image's range.",
}
"""Kinds, each with a sentence; s is the strength, 1 a strong shift."""


def shifted(image: Array, kind: str, strength: float, rng: np.random.Generator) -> Array:
    """`image`, (X, Y, Z) or (X, Y, Z, 3), changed as `SHIFTS` says; float32, cut to the image's own range.

    Raises ValueError for an unknown kind, a negative strength, and a colour cast of a grey image.
    """
    if kind not in SHIFTS:
        raise ValueError(f"the shift must be one of {', '.join(SHIFTS)}; got {kind!r}.")
    if strength < 0:
        raise ValueError(f"the strength of a shift must not be negative; got {strength}.")
    low, high = float(image.min()), float(image.max())
    if kind == NONE or strength == 0 or high <= low:
        return image.astype(np.float32)
    unit = (image.astype(np.float32) - low) / np.float32(high - low)
    grid = image.shape[:3]
    spread = (1,) * (image.ndim - 3)
    if kind == "gamma":
        unit = unit ** np.float32(1 + 1.5 * strength)
    elif kind == "colour":
        if image.ndim != 4:
            raise ValueError("a colour cast needs a colour picture; this image is grey.")
        unit = unit * np.asarray([1 + 0.3 * strength, 1 - 0.1 * strength, 1 - 0.5 * strength], np.float32)
    elif kind == "blur":
        sigma = 0.008 * strength * max(grid[:2])
        unit = ndimage.gaussian_filter(unit, (sigma, sigma, 0, *(0 for _ in spread)))
    elif kind == "illumination":
        across = np.add.outer(np.linspace(0, 1, grid[0]), np.linspace(0, 1, grid[1])) / 2
        unit = unit * (1 - 0.8 * strength * (1 - across)).astype(np.float32).reshape(*grid[:2], 1, *spread)
    elif kind == "bias":
        field = smooth_field(rng, grid, (4, 4, 4))
        unit = unit * np.exp(np.float32(0.5 * strength) * field.clip(-2, 2)).reshape(*grid, *spread)
    else:
        unit = unit + np.float32(0.1 * strength) * rng.standard_normal(unit.shape, dtype=np.float32)
    moved: Array = unit.clip(0, 1) * np.float32(high - low) + np.float32(low)
    return moved


class ShiftedScan:
    """A scan seen elsewhere: its image is shifted, all else is its own. Equal seeds give equal images."""

    def __init__(self, scan: ScanData, kind: str, strength: float, seed: int) -> None:
        self.scan, self._kind, self._strength = scan, kind, strength
        self.id = f"{scan.id}+{kind}-{strength:g}-{seed}"
        """An own one: what is derived from the image must not be taken for the unshifted scan's."""
        self.subject, self.spacing, self.meta = scan.subject, scan.spacing, scan.meta
        self._seed = int.from_bytes(hashlib.sha256(self.id.encode()).digest()[:8])

    def image(self) -> Array:
        """The shifted image, float32."""
        return shifted(self.scan.image(), self._kind, self._strength, np.random.default_rng(self._seed))

    def labels(self) -> Mapping[str, Array]:
        """The scan's truth."""
        return self.scan.labels()
