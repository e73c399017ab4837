"""2D pictures: PNG, JPEG, TIFF and BMP, grey or RGB.

A picture knows no anatomy: its columns are taken to run to the patient's left and its rows to the back, so that an
axial view in the radiological convention shows it as it is in the file.

Of a source of kind "stereo" only the left half is the image: a stereo photograph holds the same scene twice, side by
side. One that is not wider than it is high was cut already, and is taken whole.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from sagittal_engine.imaging import storage
from sagittal_engine.imaging.naming import named_like_labels, quoted
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs every oddity; a user gets one sentence instead

_NO_SIZE = "A picture gives no pixel size; 1 mm is assumed, so lengths and volumes mean nothing."

_GREY = {"1": "uint8", "L": "uint8", "P": "uint8", "LA": "uint8", "I;16": "uint16", "I;16L": "uint16",
         "I;16B": "uint16", "I": "int32", "F": "float32"}  # fmt: skip
"""Pillow's modes with one intensity per pixel."""

_EXIF_ORIENTATION = 0x0112


STEREO = "stereo"


def probe(source: Source) -> Header:
    """Reads the header; raises `ImagingError` for films, damaged files and what is no picture."""
    header = _probe_whole(source)
    columns, rows, _ = header.grid.shape
    if source.kind != STEREO or columns <= rows:
        return header
    return replace(header, grid=replace(header.grid, shape=(columns // 2, rows, 1)))


def _probe_whole(source: Source) -> Header:
    with _explained(source):
        try:
            with Image.open(source.path) as picture:
                return _header(source, picture)
        except UnidentifiedImageError:
            return _tiff_header(source)


def read(source: Source) -> Volume:
    """Unpacks the picture: (X, Y, 1), or (X, Y, 1, 3) for colour."""
    header = probe(source)
    with _explained(source):
        try:
            with Image.open(source.path) as picture:
                array = _pixels(picture)
        except UnidentifiedImageError:
            array = _tiff_array(source)
    columns, rows, _ = header.grid.shape
    if source.kind == STEREO:
        array = array[:, :columns]
    if array.shape[:2] != (rows, columns):
        raise ImagingError(f"{source.path.name} is damaged: it holds another number of pixels than its header says.")
    array = storage.native(array).astype(header.dtype, copy=False)
    array = array.swapaxes(0, 1)[:, :, np.newaxis]
    return Volume(data=header.grid.to_canonical(array), header=header)


def brightness(source: Source) -> Array:
    """uint8 (columns, rows, 1): how bright each pixel is, in the order of `SourceGrid.shape`; palettes are looked up.

    For masks, whose colours mean nothing. Raises `ImagingError` as `read` does.
    """
    header = probe(source)
    with _explained(source), Image.open(source.path) as picture:
        if picture.mode.startswith(("I", "F")):
            raise ImagingError(f"{source.path.name} has deep pixels; a mask picture has 256 levels of grey at most.")
        array = np.asarray(picture.convert("L"))
    return np.ascontiguousarray(array.swapaxes(0, 1)[: header.grid.shape[0], :, np.newaxis])


@contextlib.contextmanager
def _explained(source: Source) -> Iterator[None]:
    """Turns what a decoder raises on a damaged file, which is nearly anything, into one sentence."""
    with storage.quiet():
        try:
            yield
        except ImagingError:
            raise
        except Image.DecompressionBombError as error:
            raise ImagingError(
                f"{source.path.name} has more pixels than a picture should ({quoted(error)})."
            ) from error
        except Exception as error:
            raise ImagingError(f"{source.path.name} is damaged and cannot be read ({quoted(error)}).") from error


def _pixels(picture: Image.Image) -> Array:
    if picture.mode == "LA":
        return np.asarray(picture.convert("L"))
    return np.asarray(picture if picture.mode in _GREY else picture.convert("RGB"))


def _header(source: Source, picture: Image.Image) -> Header:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise ImagingError(f"{source.path.name} holds {frames} pictures. Save each as a file of its own.")
    mode, warnings = picture.mode, [_NO_SIZE]
    grey = mode in _GREY
    dtype = _GREY.get(mode, "uint8")
    _check_size(source, picture.width * picture.height * np.dtype(dtype).itemsize * (1 if grey else 3))
    if mode == "P":
        warnings.append("The picture has a palette; its numbers are read, not its colours.")
    if mode in ("LA", "RGBA", "PA"):
        warnings.append("Transparency is left out.")
    if picture.format != "TIFF" and picture.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        warnings.append("The camera noted a turn (EXIF), which is left out: pixels are shown as they are stored.")
    return _described(source, picture.width, picture.height, dtype, 1 if grey else 3, warnings, mode in ("1", "P"))


def _described(
    source: Source, columns: int, rows: int, dtype: str, channels: int, warnings: list[str], labels: bool
) -> Header:
    return Header(
        grid=SourceGrid(
            shape=(columns, rows, 1), affine=np.diag([-1.0, -1.0, 1.0, 1.0]), assumed_axes=True, assumed_size=True
        ),
        dtype=dtype,
        n_channels=channels,
        warnings=tuple(warnings),
        looks_like_labels=labels or named_like_labels(source.path),
    )


def _check_size(source: Source, needed: int) -> None:
    storage.check_size(source.path, needed, density=storage.BLOCK_CODE_LIMIT)


def _tiff_page(source: Source, file: tifffile.TiffFile) -> Any:
    """The one page of a TIFF that Pillow does not know: 16-bit colour, 64-bit floats."""
    if len(file.pages) != 1:
        raise ImagingError(f"{source.path.name} holds {len(file.pages)} pictures. Save each as a file of its own.")
    page = file.pages[0]
    if page.dtype is None or page.dtype.kind not in "iufb" or page.ndim not in (2, 3):
        raise ImagingError(f"{source.path.name} holds values that are no intensities.")
    if page.ndim == 3 and page.shape[-1] not in (3, 4):
        raise ImagingError(f"{source.path.name} has {page.shape[-1]} channels; grey or RGB is read.")
    return page


def _tiff_header(source: Source) -> Header:
    with tifffile.TiffFile(source.path) as file:
        page = _tiff_page(source, file)
        rows, columns = page.shape[:2]
        channels = 3 if page.ndim == 3 else 1
        _check_size(source, rows * columns * channels * page.dtype.itemsize)
        return _described(source, columns, rows, page.dtype.name, channels, [_NO_SIZE], False)


def _tiff_array(source: Source) -> Array:
    with tifffile.TiffFile(source.path) as file:
        array = np.asarray(_tiff_page(source, file).asarray())
        return array[..., :3] if array.ndim == 3 else array
