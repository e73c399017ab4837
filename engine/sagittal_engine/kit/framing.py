"""Scans as stacks of frames that a segmentation network sees, and the way back to the scan's grid.

Unlike `kit.slices`, no slice is left out: a segmentation says something of every voxel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sagittal.method import Context, ScanData
from sagittal_engine.kit.fitting import Placement, colour_range, percentile_range, scaled, with_channels
from sagittal_engine.kit.slices import as_stack, check_numbers, from_stack, pixel_size

Array = np.ndarray[Any, Any]

AT_ONCE = 32
"""Slices that are resampled at a time."""


@dataclass(frozen=True)
class Framing:
    """How slices become frames."""

    plane: str = "axial"
    size: int = 64
    """Pixels a side: of every frame, or where `step` is given the least."""
    step: float = 0.0
    """Side of a pixel in mm; 0 fits each slice into the square, whatever its size."""
    channels: int = 1

    def placement(self, scan: ScanData, volume: Array) -> Placement:
        """Where a slice of `volume`, an array on the scan's grid, lies in its frame."""
        pixel = pixel_size(scan, "axial" if volume.shape[2] == 1 else self.plane)
        rows, columns = as_stack(volume, self.plane).shape[1:3]
        shape = (rows, columns)
        if self.step:
            return Placement.spaced(shape, pixel, self.step, self.size)
        return Placement.filling(shape, pixel, self.size)

    def images(self, scan: ScanData, context: Context | None = None) -> Tensor:
        """float16 (n, C, H, W): all slices of a scan, percentiles 0.5 and 99.5 of the scan at 0 and 1 (see
        `kit.slices.NORMALISATION`). With a `context` they are cached.

        Raises `SagittalError` where the scan holds values that are no numbers.
        """
        if context is None:
            return self._images(scan)

        def make(path: Path) -> None:
            np.savez(path, images=self._images(scan).numpy())

        name = f"frames-1/{scan.id}_{self.plane}_{self.size}_{self.step:g}_{self.channels}.npz"
        with np.load(context.cached(name, make), allow_pickle=False) as file:
            return torch.from_numpy(file["images"])

    def _images(self, scan: ScanData) -> Tensor:
        image = scan.image()
        check_numbers(scan, image)
        colour = image.ndim == 4
        low, high = colour_range(image) if colour else percentile_range(image)
        stack, placement = as_stack(image, self.plane), self.placement(scan, image)
        parts = []
        for start in range(0, len(stack), AT_ONCE):
            some = scaled(torch.from_numpy(np.array(stack[start : start + AT_ONCE], np.float32)), low, high)
            planes = some.permute(0, 3, 1, 2) if colour else some.unsqueeze(1)
            parts.append(with_channels(placement.forth(planes), self.channels).half())
        return torch.cat(parts)

    def blank(self) -> Tensor:
        """An empty frame (1, C, size, size)."""
        return torch.zeros(1, self.channels, self.size, self.size)

    def classes(self, scan: ScanData, masks: Mapping[str, Array], labels: Sequence[str]) -> Tensor:
        """uint8 (n, 1, H, W): the number of each pixel's label, from 1 in the order of `labels`, 0 background.

        A pixel takes the class that covers most of it; where masks overlap, the later label. A label that the scan has
        not is nowhere. Raises ValueError where there are more labels than 255.
        """
        if len(labels) > 255:
            raise ValueError(f"at most 255 labels can be told apart; got {len(labels)}.")
        numbers = {number: masks[name] for number, name in enumerate(labels, start=1) if name in masks}
        shape = next(iter(masks.values())).shape
        volume = np.zeros(shape, dtype=np.uint8)
        for number, mask in numbers.items():
            volume[mask] = number
        stack, placement = as_stack(volume, self.plane), self.placement(scan, volume)
        parts = []
        for start in range(0, len(stack), AT_ONCE):
            own = torch.from_numpy(stack[start : start + AT_ONCE].astype(np.uint8)).unsqueeze(1)
            covered = torch.zeros(len(own), 1, *placement.frame)
            found = torch.zeros(len(own), 1, *placement.frame, dtype=torch.uint8)
            background = torch.ones_like(covered)
            for number in numbers:
                share = placement.forth((own == number).float())
                background -= share
                found[share > covered] = number
                covered = torch.maximum(covered, share)
            found[background >= covered] = 0
            parts.append(found)
        return torch.cat(parts)

    def layers(self, scan: ScanData, masks: Mapping[str, Array], labels: Sequence[str]) -> Tensor:
        """uint8 (n, L, H, W): 1 where at least half of a pixel is of the label; labels may overlap."""
        shape = next(iter(masks.values())).shape
        found = []
        for name in labels:
            mask = masks.get(name, np.zeros(shape, dtype=bool))
            stack, placement = as_stack(mask, self.plane), self.placement(scan, mask)
            parts = [
                placement.forth(torch.from_numpy(stack[start : start + AT_ONCE].astype(np.float32)).unsqueeze(1))
                for start in range(0, len(stack), AT_ONCE)
            ]
            found.append(torch.cat(parts) >= 0.5)
        return torch.cat(found, 1).to(torch.uint8)

    def on_grid(self, scan: ScanData, frames: Tensor) -> Array:
        """float32 (X, Y, Z) on the scan's grid of numbers (n, H, W), one frame per slice.

        Raises ValueError where the frames are not those of the scan.
        """
        shape = scan.image().shape[:3]
        grid = np.broadcast_to(np.float32(0), shape)
        placement, count = self.placement(scan, grid), len(as_stack(grid, self.plane))
        if frames.shape != (count, *placement.frame):
            raise ValueError(
                f"the scan has {count} frames of {placement.frame}; got numbers of shape {tuple(frames.shape)}."
            )
        parts = [
            placement.back(frames[start : start + AT_ONCE].float().unsqueeze(1)).squeeze(1)
            for start in range(0, len(frames), AT_ONCE)
        ]
        return from_stack(torch.cat(parts).numpy(), shape, self.plane)
