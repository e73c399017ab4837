"""Decoded frames of DICOM files, as intensities or as colour."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import apply_color_lut, apply_modality_lut, iter_pixels
from pydicom.uid import UID, JPEGLSLossless, JPEGLSNearLossless

from sagittal_engine.imaging import intensity, storage
from sagittal_engine.imaging.dicom.instance import Frame, Instance
from sagittal_engine.imaging.dicom.streams import stated_size
from sagittal_engine.imaging.naming import quoted
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


_ONLY = {JPEGLSLossless: "pylibjpeg", JPEGLSNearLossless: "pylibjpeg"}
"""The one decoder to be used: CharLS (pyjpegls) is quicker, but a damaged stream can keep it busy for ever."""


def _decoded(instance: Instance, wanted: range) -> Iterator[Array]:
    """Frames as they are stored, or as RGB, one at a time."""
    if instance.pixels is not None:
        yield from _plain(instance, wanted)
        return
    part = len(wanted) < len(instance.frames)
    with _explained(instance.path):
        with storage.open_plain(instance.path) as file:
            data = pydicom.dcmread(file)
        _check_streams(instance, data, wanted)
        plugin = _ONLY.get(UID(instance.syntax), "")
        frames = iter_pixels(data, indices=wanted if part else None, decoding_plugin=plugin)
    for _ in wanted:
        with _explained(instance.path):
            pixels = next(frames, None)
            if pixels is None:
                raise ValueError("it holds fewer frames than its header says")
            pixels = _looked_up(instance, pixels, data)
        if pixels.shape[:2] != (instance.rows, instance.columns) or (pixels.ndim == 3) != instance.in_colour:
            raise ImagingError(f"{instance.path.name} holds pixels of another shape than its header promises.")
        yield pixels


def _check_streams(instance: Instance, data: Dataset, wanted: range) -> None:
    """Raises ValueError for a stream that claims another size than the header: decoders work on what it claims."""
    syntax = UID(instance.syntax)
    if not syntax.is_compressed or syntax.is_deflated or "ExtendedOffsetTable" in data:
        return
    for index, stream in enumerate(generate_frames(data.PixelData, number_of_frames=len(instance.frames))):
        size = stated_size(stream) if index in wanted else None
        if size is not None and size != (instance.rows, instance.columns):
            raise ValueError(
                f"its stream is of {size[0]} × {size[1]} pixels, its header says {instance.rows} × {instance.columns}"
            )


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


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what a codec raises on a damaged stream, which is nearly anything, into one sentence."""
    with storage.quiet():
        try:
            yield
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # a decoder written in Rust panics with a BaseException
            raise ImagingError(f"The pixels of {path.name} cannot be decoded: {_brief(error, path)}.") from error


def _brief(error: BaseException, path: Path) -> str:
    """A library's message as part of our sentence."""
    if "by all available plugins" in str(error):
        return "the stream is damaged, or of a variety that no decoder here knows"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return quoted(lines[0].replace(str(path), path.name), 200)


def _looked_up(instance: Instance, pixels: Array, data: Dataset) -> Array:
    """Colour as 8-bit RGB; intensities through the modality look-up table where there is one."""
    if instance.photometric == "PALETTE COLOR":
        return _eight_bits(apply_color_lut(pixels, data))
    if instance.in_colour:
        return _eight_bits(pixels)
    return apply_modality_lut(pixels, data) if instance.lookup_bits else pixels


def _eight_bits(pixels: Array) -> Array:
    """Colour as uint8; 16-bit colour keeps its upper half."""
    return (pixels >> 8).astype(np.uint8) if pixels.dtype.itemsize == 2 else pixels


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
