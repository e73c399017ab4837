"""Decoded frames of DICOM files, as intensities or as colour."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sagittal_engine.imaging import intensity, storage
from sagittal_engine.imaging.dicom.codecs import is_packed, unpack
from sagittal_engine.imaging.dicom.guarded import unpack_guarded
from sagittal_engine.imaging.dicom.instance import Frame, Instance
from sagittal_engine.imaging.volume import Array, ImagingError


def frames_of(instance: Instance) -> Iterator[Array]:
    """Every frame of a file in its order, each (rows, columns) of intensities or (rows, columns, 3) of colour.

    Intensities are rescaled, in the smallest type that they fit. Raises `ImagingError` where pixels cannot be decoded.
    """
    for frame, pixels in zip(instance.frames, _decoded(instance, range(len(instance.frames))), strict=True):
        yield _intensities(instance, frame, pixels)


def frame_of(instance: Instance, index: int) -> Array:
    """One frame, as `frames_of` gives it."""
    return _intensities(instance, instance.frames[index], next(_decoded(instance, range(index, index + 1))))


def decodes(instance: Instance) -> bool:
    """Whether the file's pixels can be unpacked; reads them all."""
    try:
        return sum(1 for _ in frames_of(instance)) == len(instance.frames)
    except ImagingError:
        return False


def scale(instance: Instance, frame: Frame) -> tuple[float, float]:
    """Slope and intercept; of MONOCHROME1 images those that also turn the values round."""
    if instance.photometric != "MONOCHROME1":
        return frame.slope, frame.intercept
    return -frame.slope, frame.intercept + frame.slope * sum(instance.stored_range)


def _decoded(instance: Instance, wanted: range) -> Iterator[Array]:
    """Frames as they are stored, or as RGB, one at a time."""
    if instance.pixels is not None:
        yield from _plain(instance, wanted)
        return
    for pixels in (unpack_guarded if is_packed(instance) else unpack)(instance, wanted):
        if pixels.shape[:2] != (instance.rows, instance.columns) or (pixels.ndim == 3) != instance.in_colour:
            raise ImagingError(f"{instance.path.name} holds pixels of another shape than its header promises.")
        yield pixels


def _plain(instance: Instance, wanted: range) -> Iterator[Array]:
    """Frames whose values lie in the file as they are: what most scanners send, and much faster without a decoder."""
    assert instance.pixels is not None
    begin, stored = instance.pixels
    dtype, size = np.dtype(stored), instance.rows * instance.columns
    unused = instance.bits_allocated - instance.bits_stored
    with instance.path.open("rb", buffering=0) as file:
        file.seek(begin + wanted.start * size * dtype.itemsize)
        for _ in wanted:
            pixels = np.fromfile(file, dtype, size)
            if pixels.size < size:
                raise ImagingError(f"{instance.path.name} is cut short: it ends before its last pixel. Copy it again.")
            pixels = storage.native(pixels)
            if (
                unused > 0
            ):  # bits above BitsStored are no part of the value (C.7.6.3.1.1): old files keep overlays there
                np.right_shift(np.left_shift(pixels, unused, out=pixels), unused, out=pixels)
            yield pixels.reshape(instance.rows, instance.columns)


def _intensities(instance: Instance, frame: Frame, pixels: Array) -> Array:
    """Rescaled values, in the smallest type that they fit."""
    if instance.in_colour or instance.is_float or instance.lookup_bits:
        return pixels
    slope, intercept = scale(instance, frame)
    if (slope, intercept) == (1, 0):
        return pixels
    if instance.photometric == "MONOCHROME1":
        pixels = np.clip(pixels, *instance.stored_range)
    dtype = intensity.scaled_type(pixels.dtype, int(pixels.min()), int(pixels.max()), slope, intercept)
    scaled = intensity.rescale(pixels, slope, intercept, dtype)
    if instance.photometric == "MONOCHROME1" and instance.padding is not None:
        # Padding is to look like background, which the turning round would make the brightest (C.7.5.1.1.2).
        inside = (pixels < instance.padding[0]) | (pixels > instance.padding[1])
        scaled = np.where(inside, scaled, scaled[inside].min() if inside.any() else scaled.min())
    return scaled
