"""Scans as a network of 3D patches sees them: one grey volume of cubic voxels, looked at in cubes that overlap by half.

It stands where `kit.framing.Framing` does for networks of slices: the volume is handed on as a stack of axial slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from monai.data.utils import dense_patch_slices
from torch import Tensor
from torch.nn import functional as F

from sagittal.method import ScanData
from sagittal_engine.kit.patches import volume_of
from sagittal_engine.kit.slices import as_stack, from_stack

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Windows:
    """How a volume is looked at."""

    side: int
    """Voxels of a cube's side."""
    voxel: float
    """Side of a voxel in mm."""

    plane: ClassVar[str] = "axial"

    def images(self, scan: ScanData) -> Tensor:
        """float32 (n, 1, H, W): the volume's axial slices, intensities in 0…1. Raises `SagittalError` where the scan is
        no grey volume of numbers."""
        volume = volume_of(scan, self.voxel).numpy()
        return torch.from_numpy(as_stack(volume, self.plane).copy()).unsqueeze(1)

    def blank(self) -> Tensor:
        """An empty cube (1, 1, side, side, side)."""
        return torch.zeros(1, 1, *(self.side,) * 3)

    def cut(self, slices: Tensor) -> Tensor:
        """The cubes (m, 1, side, side, side) of slices (n, 1, H, W); along a shorter axis the volume is centred between
        zeros."""
        volume = _volume(slices.squeeze(1))
        padded = torch.zeros(self._padded(volume.shape))
        padded[self._within(volume.shape)] = volume
        return torch.stack([padded[place] for place in self._places(volume.shape)]).unsqueeze(1)

    def joined(self, cubes: Tensor, shape: Sequence[int]) -> Tensor:
        """Maps (n, H, W) of the slices of `shape` (n, C, H, W), each voxel the mean over its cubes (m, side, side,
        side); NaN where all of them are NaN."""
        own = (shape[-1], shape[-2], shape[0])
        total = torch.zeros(self._padded(own))
        seen = torch.zeros_like(total)
        for cube, place in zip(cubes, self._places(own), strict=True):
            total[place] += cube.nan_to_num(0.0)
            seen[place] += cube.isfinite()
        mean = torch.where(seen > 0, total / seen, torch.nan)[self._within(own)]
        return torch.from_numpy(as_stack(mean.numpy(), self.plane).copy())

    def on_grid(self, scan: ScanData, maps: Tensor) -> Array:
        """float32 (X, Y, Z) on the scan's grid of numbers (n, H, W), linearly interpolated."""
        shape = scan.image().shape[:3]
        found = _volume(maps.float())[None, None]
        if found.shape[2:] != shape:
            found = F.interpolate(found, size=shape, mode="trilinear", align_corners=False)
        return found[0, 0].numpy()

    def _padded(self, shape: Sequence[int]) -> list[int]:
        return [max(length, self.side) for length in shape]

    def _within(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """Where a volume of `shape` lies once it is as large as a cube."""
        starts = [(whole - length) // 2 for whole, length in zip(self._padded(shape), shape, strict=True)]
        return tuple(slice(start, start + length) for start, length in zip(starts, shape, strict=True))

    def _places(self, shape: Sequence[int]) -> Sequence[tuple[slice, ...]]:
        step = max(1, self.side // 2)
        return dense_patch_slices(self._padded(shape), (self.side,) * 3, (step,) * 3)


def _volume(slices: Tensor) -> Tensor:
    """Axial slices (n, H, W) as the volume (X, Y, Z)."""
    count, rows, columns = slices.shape
    return torch.from_numpy(from_stack(slices.numpy(), (columns, rows, count), Windows.plane))
