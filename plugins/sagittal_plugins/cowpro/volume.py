"""Preprocessing of one scan, and the exact way back (SSL-ALPNet's for CHAOS T2; thesis §7.5.1).

The brightest share of voxels is clipped, the scan resampled linearly to `pixel_mm` in plane and `slice_mm` between
slices, cropped or padded to 256² about its centre, z-scored over the volume, and averaged 2×2 in plane where the
network sees 128². Prepared arrays are (slices, X, Y), X to the right and Y to the front as in the scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sagittal.method import ScanData

FIELD = 256
"""Pixels a side of the grid on which superpixels are made; the network sees it whole, or averaged 2×2."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Axis:
    """A uniform grid along one axis of a scan: cell i lies at voxel index `start + step · i`."""

    start: float
    step: float
    size: int
    length: int
    """Voxels of the scan along this axis."""

    def voxels(self) -> Array:
        """Voxel index (fractional) of every cell."""
        return self.start + self.step * np.arange(self.size)

    def cells(self, voxels: Array | Sequence[int] | None = None) -> Array:
        """Cell index (fractional) of `voxels`; of every voxel where None."""
        wanted = np.arange(self.length) if voxels is None else np.asarray(voxels)
        return (wanted - self.start) / self.step

    def pooled(self, factor: int) -> Axis:
        """The grid of means over `factor` cells."""
        return Axis(self.start + (factor - 1) / 2 * self.step, self.step * factor, self.size // factor, self.length)


def resampled(length: int, spacing: float, target: float) -> Axis:
    """The grid of step `target` mm about the centre of `length` voxels `spacing` mm apart."""
    step = target / spacing
    size = max(1, round(length / step))
    if size == length and abs(step - 1) < 1e-3:
        step = 1.0
    return Axis((length - 1) / 2 - (size - 1) / 2 * step, step, size, length)


def cropped(axis: Axis, size: int) -> Axis:
    """The grid cut or extended to `size` cells about its centre."""
    return Axis(axis.start + (axis.size - size) // 2 * axis.step, axis.step, size, axis.length)


def sample(array: Array, axis: int, at: Array, fill: float) -> Array:
    """`array` interpolated linearly at fractional indices `at` along `axis`; more than half a cell outside: `fill`."""
    length = array.shape[axis]
    inside = (at >= -0.5) & (at <= length - 0.5)
    clipped = np.clip(at, 0, length - 1)
    low = np.floor(clipped).astype(np.intp)
    weight = (clipped - low).astype(np.float32)
    shape = [1] * array.ndim
    shape[axis] = -1
    result = np.take(array, low, axis).astype(np.float32, copy=False)
    if weight.any():
        # In place: a fresh array for every term would cost more than the sums.
        high = np.take(array, np.minimum(low + 1, length - 1), axis).astype(np.float32, copy=False)
        high -= result
        high *= weight.reshape(shape)
        result += high
    if not inside.all():
        np.moveaxis(result, axis, 0)[~inside] = fill
    return result


def enlarging(cells: int, axis: Axis) -> Array:
    """float32 (voxels, cells): what each of `cells` cells that span `axis` adds to each voxel of the scan.

    Linear enlargement to the grid of `axis` (corners not aligned), then linear interpolation at the voxels; a row of
    zeros where the crop left the voxel out. Both are linear and separable, so for a map m of such cells over x and y
    `enlarging(h, x) @ m @ enlarging(w, y).T` is the map on the scan's own slice.
    """
    pixels = (np.arange(axis.size) + 0.5) * cells / axis.size - 0.5
    return sample(sample(np.eye(cells, dtype=np.float32), 0, pixels, 0.0), 0, axis.cells(), 0.0)


@dataclass(frozen=True)
class Frame:
    """Where the cells of a prepared array lie in the scan."""

    x: Axis
    y: Axis
    z: Axis

    def forward(self, volume: Array, fill: float) -> Array:
        """A scan-shaped (X, Y, Z) array on the prepared grid, (slices, X, Y), interpolated linearly."""
        # The axis that shrinks most first: thin slices make large scans.
        return self.in_plane(np.moveaxis(sample(volume, 2, self.z.voxels(), fill), 2, 0), fill)

    def in_plane(self, slices: Array, fill: float) -> Array:
        """Slices (n, X, Y) of the scan on the prepared grid in plane, their positions along Z left as they are."""
        return sample(sample(slices, 1, self.x.voxels(), fill), 2, self.y.voxels(), fill)

    def backward(self, prepared: Array, fill: float, slices: Array | None = None) -> Array:
        """A prepared (slices, X, Y) array on the scan's own grid, (X, Y, Z), or at some of its axial slices alone.

        Interpolated linearly; `fill` where the crop left voxels out.
        """
        result = sample(prepared, 0, self.z.cells(slices), fill)
        result = sample(sample(result, 1, self.x.cells(), fill), 2, self.y.cells(), fill)
        return np.moveaxis(result, 0, 2)

    def pooled(self, factor: int) -> Frame:
        return Frame(self.x.pooled(factor), self.y.pooled(factor), self.z)


def frame_of(shape: Sequence[int], spacing: Sequence[float], *, pixel_mm: float, slice_mm: float) -> Frame:
    """The 256² frame of a scan of `shape` voxels `spacing` mm apart."""
    x = cropped(resampled(shape[0], spacing[0], pixel_mm), FIELD)
    y = cropped(resampled(shape[1], spacing[1], pixel_mm), FIELD)
    return Frame(x, y, resampled(shape[2], spacing[2], slice_mm))


def pool_plane(slices: Array, factor: int) -> Array:
    """Means over `factor`² pixels of (n, H, W)."""
    if factor == 1:
        return slices
    # Strided sums in place; numpy's mean over two inner axes takes several times as long.
    total = np.zeros((len(slices), slices.shape[1] // factor, slices.shape[2] // factor), dtype=np.float32)
    for row in range(factor):
        for column in range(factor):
            total += slices[:, row::factor, column::factor]
    total /= factor**2
    return total


def grey(image: Array) -> Array:
    """A scan's intensities as float32 (X, Y, Z), colours averaged."""
    image = np.asarray(image, dtype=np.float32)
    return image.mean(3, dtype=np.float32) if image.ndim == 4 else image


@dataclass(frozen=True)
class Prepared:
    """A scan as the network sees it."""

    slices: Array
    """float32 (slices, size, size), z-scored."""
    fine: Frame
    """The 256² frame of which `slices` are means over `factor`² pixels."""
    factor: int
    ceiling: float
    """Intensity above which the scan was clipped."""
    floor: float
    """The scan's least intensity, which fills what lies outside it."""
    mean: float
    deviation: float

    @property
    def frame(self) -> Frame:
        """The frame of `slices`."""
        return self.fine.pooled(self.factor)

    def native_slices(self, scan: ScanData, indices: Sequence[int]) -> Array:
        """The scan's own axial slices at `indices` (not resampled along Z), prepared like `slices`."""
        own = np.moveaxis(grey(scan.image()[:, :, list(indices)]), 2, 0)
        values = self.fine.in_plane(np.minimum(own, self.ceiling), self.floor)
        values -= self.mean
        values /= self.deviation
        return pool_plane(values, self.factor)

    def native_masks(self, mask: Array, indices: Sequence[int]) -> Array:
        """A scan-shaped bool mask's axial slices at `indices`, as shares in 0…1 on the grid of `slices`."""
        own = np.moveaxis(mask[:, :, list(indices)], 2, 0).astype(np.float32)
        return pool_plane(self.fine.in_plane(own, 0.0), self.factor)


@dataclass(frozen=True)
class Preparation:
    """How scans are prepared: the parameters of the whole file."""

    size: int = 128
    pixel_mm: float = 1.25
    slice_mm: float = 7.7
    clip_percent: float = 0.5

    def frame(self, scan: ScanData) -> Frame:
        """The 256² frame of a scan."""
        return frame_of(scan.image().shape, scan.spacing, pixel_mm=self.pixel_mm, slice_mm=self.slice_mm)

    def intensities(self, scan: ScanData) -> tuple[Array, Frame, float]:
        """A scan clipped and resampled, not normalised: float32 (slices, 256, 256), its frame, the clip's level."""
        image = grey(scan.image())
        ceiling = float(np.percentile(image, 100 - self.clip_percent))
        frame = frame_of(image.shape, scan.spacing, pixel_mm=self.pixel_mm, slice_mm=self.slice_mm)
        return frame.forward(np.minimum(image, ceiling), float(image.min())), frame, ceiling

    def prepare(self, scan: ScanData) -> Prepared:
        """A scan as the network sees it."""
        values, frame, ceiling = self.intensities(scan)
        mean, deviation = float(values.mean()), max(float(values.std()), 1e-6)
        factor = FIELD // self.size
        floor = float(values.min())
        values -= mean
        values /= deviation
        return Prepared(pool_plane(values, factor), frame, factor, ceiling, floor, mean, deviation)

    def classes(self, scan: ScanData, frame: Frame) -> dict[str, Array]:
        """Truth masks on `frame`'s slices by label name: each resampled linearly, then rounded; bool (slices, X, Y)."""
        return {name: frame.forward(mask, 0.0) >= 0.5 for name, mask in scan.labels().items()}
