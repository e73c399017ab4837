"""Headers and voxels of DICOM sources."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, iter_pixels

from sagittal_engine.imaging import geometry, intensity, storage
from sagittal_engine.imaging.dicom.instance import Frame, Instance, read_instance
from sagittal_engine.imaging.dicom.stack import Stack, stack_of
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

_USUAL = 2**13
"""Scanners store 12 bits, rarely more, so that most scans fit int16 once rescaled."""


def probe(source: Source) -> Header:
    """Reads the headers of all files; raises `ImagingError` for what is no stack of slices."""
    return _header(stack_for(source))


def read(source: Source) -> Volume:
    """Decodes the slices into one array in their order along the normal; values are rescaled."""
    stack = stack_for(source)
    header = _header(stack)
    colours = (3,) if header.n_channels == 3 else ()
    columns, rows, slices = stack.shape
    voxels = np.empty((slices, rows, columns, *colours), dtype=header.dtype)
    places = {(frame.path, frame.index): place for place, frame in enumerate(stack.frames)}
    for instance in stack.instances:
        for frame, pixels in zip(instance.frames, _decoded(instance), strict=True):
            if pixels.shape != voxels.shape[1:]:
                raise ImagingError(f"{instance.path.name} holds pixels of another shape than its header promises.")
            values = _intensities(instance, frame, pixels)
            if not np.can_cast(values.dtype, voxels.dtype):
                voxels = voxels.astype(np.result_type(values.dtype, voxels.dtype))
            voxels[places[frame.path, frame.index]] = values
    array = np.moveaxis(voxels, (2, 1, 0), (0, 1, 2))
    return Volume(data=header.grid.to_canonical(array), header=replace(header, dtype=voxels.dtype.name))


def stack_for(source: Source) -> Stack:
    """The slices of `source` in order, with their grid."""
    return stack_of([read_instance(path) for path in source.files])


def decodes(instance: Instance) -> bool:
    """Whether the file's pixels can be unpacked; reads them all."""
    try:
        return sum(1 for _ in _decoded(instance)) == len(instance.frames)
    except ImagingError:
        return False


def _header(stack: Stack) -> Header:
    first = stack.instance
    window, middle = None, stack.frames[len(stack.frames) // 2]
    slope, intercept = _scale(first, middle)
    if middle.window and not first.in_colour:
        # C.11.2.1.2.1: the window is given for rescaled values; of MONOCHROME1 ours are turned round.
        centre, width = middle.window
        if first.photometric == "MONOCHROME1":
            centre = middle.intercept + intercept - centre
        window = (centre - width / 2, centre + width / 2)
    warnings = list(stack.warnings)
    if first.photometric == "MONOCHROME1":
        warnings.append("Stored inverted (MONOCHROME1); intensities are turned round so that dense stays bright.")
    padding = None if first.padding is None or first.in_colour else first.padding[0] * slope + intercept
    if not any("gantry tilt" in text for text in warnings):
        warnings += geometry.shear_warnings(stack.affine)
    return Header(
        grid=SourceGrid(shape=stack.shape, affine=stack.affine, assumed_axes=stack.assumed_axes),
        dtype=_dtype(stack).name,
        n_channels=3 if first.in_colour else 1,
        modality=first.modality,
        unit="HU" if first.modality == "CT" else "",
        warnings=tuple(warnings),
        subject=first.subject,
        window=window,
        padding=padding,
        facts=dict(first.facts),
    )


def _scale(instance: Instance, frame: Frame) -> tuple[float, float]:
    """Slope and intercept; of MONOCHROME1 images those that also turn the values round."""
    if instance.photometric != "MONOCHROME1":
        return frame.slope, frame.intercept
    return -frame.slope, frame.intercept + frame.slope * sum(instance.stored_range)


def _dtype(stack: Stack) -> np.dtype[np.generic]:
    """The type that the rescaled values of every slice are expected to fit; `read` widens it where they do not."""
    first = stack.instance
    if first.in_colour:
        return np.dtype(np.uint8)
    if first.is_float:
        return np.dtype(np.float32 if first.bits_allocated == 32 else np.float64)
    if first.lookup_bits:
        return np.dtype(np.uint8 if first.lookup_bits <= 8 else np.uint16)
    types = []
    for instance in stack.instances:
        stored = np.dtype(f"{'i' if instance.signed else 'u'}{max(1, instance.bits_allocated // 8)}")
        low, high = (max(-_USUAL, min(end, _USUAL)) for end in instance.stored_range)
        types += [intensity.scaled_type(stored, low, high, *_scale(instance, frame)) for frame in instance.frames]
    return np.result_type(*types)


def _decoded(instance: Instance) -> Iterator[Array]:
    """The frames of one file, each (rows, columns) or (rows, columns, 3), as stored or as RGB, one at a time."""
    several = len(instance.frames) > 1
    with storage.open_plain(instance.path) as file:
        with _explained(instance.path):
            data = pydicom.dcmread(file, stop_before_pixels=several)
            frames = iter_pixels(file if several else data)
        while True:
            with _explained(instance.path):
                pixels = next(frames, None)
                if pixels is None:
                    return
                pixels = _looked_up(instance, pixels, data)
            yield pixels


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


def _looked_up(instance: Instance, pixels: Array, data: Dataset) -> Array:
    """Colour as 8-bit RGB; intensities through the modality look-up table where there is one."""
    if instance.photometric == "PALETTE COLOR":
        return _eight_bits(apply_color_lut(pixels, data))
    if instance.in_colour:
        return _eight_bits(pixels)
    return apply_modality_lut(pixels, data) if instance.lookup_bits else pixels


def _brief(error: BaseException, path: Path) -> str:
    """A library's message as part of our sentence."""
    if "by all available plugins" in str(error):
        return "the stream is damaged, or of a variety that no decoder here knows"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].replace(str(path), path.name).rstrip(".:")[:200]


def _eight_bits(pixels: Array) -> Array:
    """Colour as uint8; 16-bit colour keeps its upper half."""
    return (pixels >> 8).astype(np.uint8) if pixels.dtype.itemsize == 2 else pixels


def _intensities(instance: Instance, frame: Frame, pixels: Array) -> Array:
    """Rescaled values, in the smallest type that they fit."""
    if instance.in_colour or instance.is_float or instance.lookup_bits:
        return pixels
    slope, intercept = _scale(instance, frame)
    if instance.photometric == "MONOCHROME1":
        pixels = np.clip(pixels, *instance.stored_range)
    dtype = intensity.scaled_type(pixels.dtype, int(pixels.min()), int(pixels.max()), slope, intercept)
    scaled = intensity.rescale(pixels, slope, intercept, dtype)
    if instance.photometric == "MONOCHROME1" and instance.padding is not None:
        # Padding is to look like background, which the turning round would make the brightest (C.7.5.1.1.2).
        inside = (pixels < instance.padding[0]) | (pixels > instance.padding[1])
        scaled = np.where(inside, scaled, scaled[inside].min() if inside.any() else scaled.min())
    return scaled
