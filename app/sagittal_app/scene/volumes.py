"""What the volume rendering is given: a scan cut down to what the graphics card may take. No VTK, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagittal.facts import ImageLoan
from sagittal_app.scene.coarse import WHOLE, Factors, block_means, factors_for, matrix_of
from sagittal_app.scene.guard import Allowance
from sagittal_app.scene.presets import Scale, VolumePreset

KEPT = (np.uint8, np.int8, np.uint16, np.int16, np.float32)
"""Kinds of voxels that go to the card as they are; all others go as float32."""
SAMPLE = 200_000
"""Voxels that percentiles are taken from."""


@dataclass(frozen=True)
class SceneVolume:
    """A scan ready for the scene."""

    data: NDArray[Any]
    """(X, Y, Z) of a kind in `KEPT`, in Fortran order, as VTK lays voxels out. The scan's own memory where it fits."""
    factors: Factors
    """How many voxels of the scan went into one, per axis."""
    matrix: NDArray[np.float64]
    """(4, 4): index of `data` to RAS+ millimetres."""
    body: NDArray[np.float32]
    """Sorted sample of the intensities above the background."""

    @property
    def spacing(self) -> NDArray[np.float64]:
        """(3,): millimetres between voxels of `data`."""
        return np.linalg.norm(self.matrix[:3, :3], axis=0)

    def value(self, preset: VolumePreset, position: float, window: tuple[float, float]) -> float:
        """The intensity that a point of a preset stands at, where the slices are shown in `window`."""
        if preset.scale is Scale.PERCENTILES:
            return float(np.percentile(self.body, position))
        if preset.scale is Scale.WINDOW:
            return window[0] + position * (window[1] - window[0])
        return position


def kind_of(data: NDArray[Any]) -> np.dtype[Any]:
    """The kind of voxels that the card gets for a scan (X, Y, Z[, C])."""
    own = data.dtype.newbyteorder("=")
    return own if data.ndim == 3 and own in KEPT else np.dtype(np.float32)


def bytes_of(data: NDArray[Any]) -> int:
    """What the whole scan would take on the card."""
    return int(np.prod(data.shape[:3])) * kind_of(data).itemsize


def prepare(loan: ImageLoan, allowance: Allowance) -> SceneVolume:
    """Cuts a scan down to what is allowed. Slow for large scans: call it in the background."""
    kind = kind_of(loan.data)
    x, y, z = loan.data.shape[:3]
    factors = factors_for((x, y, z), loan.spacing, allowance.bytes / kind.itemsize, allowance.side)
    if factors == WHOLE and loan.data.ndim == 3:
        volume = np.asarray(loan.data, dtype=kind, order="F")
    else:
        volume = block_means(loan.data, factors, kind)
    if kind.kind == "f" and not np.isfinite(volume).all():
        volume = np.nan_to_num(volume, nan=0.0, posinf=0.0, neginf=0.0)
    flat = volume.ravel(order="F")
    sample = np.sort(flat[:: max(1, flat.size // SAMPLE)].astype(np.float32))
    background = float(sample[len(sample) // 10])
    body = sample[sample > background]
    return SceneVolume(volume, factors, matrix_of(loan.affine, factors), body if body.size else sample)
