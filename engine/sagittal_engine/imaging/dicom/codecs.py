"""Frames unpacked by pydicom and the codecs it knows, in this process. What they raise becomes one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import apply_color_lut, apply_modality_lut, iter_pixels
from pydicom.uid import UID, JPEGLSLossless, JPEGLSNearLossless

from sagittal_engine.imaging import storage
from sagittal_engine.imaging.dicom.instance import Instance
from sagittal_engine.imaging.dicom.opening import open_dicom
from sagittal_engine.imaging.dicom.streams import stated_size
from sagittal_engine.imaging.naming import quoted
from sagittal_engine.imaging.volume import Array, ImagingError

_ONLY = {JPEGLSLossless: "pyjpegls", JPEGLSNearLossless: "pyjpegls"}
"""The one decoder to be used: CharLS is four times as quick as libjpeg. A damaged stream can keep it busy for ever;
`guarded` ends that, a second decoder would only be kept busy next."""


def is_packed(instance: Instance) -> bool:
    """Whether a codec of native code unpacks the pixels; not where a damaged header does not tell the syntax."""
    syntax = UID(instance.syntax)
    return syntax.is_transfer_syntax and syntax.is_compressed and not syntax.is_deflated


def unpack(
    instance: Instance, wanted: range, watch: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Iterator[Array]:
    """The `wanted` frames as they are stored, (rows, columns), or as 8-bit RGB; each is unpacked within a `watch()`.

    Raises `ImagingError` where a stream is damaged.
    """
    part = len(wanted) < len(instance.frames)
    with _explained(instance.path):
        with open_dicom(instance.path) as file:
            data = pydicom.dcmread(file)
        check_streams(data, len(instance.frames), (instance.rows, instance.columns), wanted)
        plugin = _ONLY.get(UID(instance.syntax), "")
        frames = iter_pixels(data, indices=wanted if part else None, decoding_plugin=plugin)
    for _ in wanted:
        with _explained(instance.path), watch():
            pixels = next(frames, None)
            if pixels is None:
                raise ValueError("it holds fewer frames than its header says")
            pixels = _looked_up(instance, pixels, data)
        yield pixels


def check_streams(data: Dataset, count: int, stated: tuple[int, int], wanted: range | None = None) -> None:
    """Raises ValueError for one of `count` streams that claims other than the `stated` rows and columns of the header.

    Decoders work on what a stream claims. Looks at the `wanted` ones alone, where that is given.
    """
    if not data.file_meta.TransferSyntaxUID.is_compressed or "ExtendedOffsetTable" in data:
        return
    for index, stream in enumerate(generate_frames(data.PixelData, number_of_frames=count)):
        size = stated_size(stream) if wanted is None or index in wanted else None
        if size is not None and size != stated:
            raise ValueError(
                f"its stream is of {size[0]} × {size[1]} pixels, its header says {stated[0]} × {stated[1]}"
            )


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
    if isinstance(error, MemoryError):
        return "the stream asks for memory that its pixels do not need"
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
