"""Files: sizes checked before anything is allocated, memory maps, libraries kept quiet, atomic writing."""

from __future__ import annotations

import contextlib
import gzip
import os
import threading
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import numpy as np

from sagittal_engine.imaging.naming import quoted
from sagittal_engine.imaging.volume import ImagingError

Array: TypeAlias = np.ndarray[Any, Any]

ALWAYS_ALLOWED = 64 * 2**20
"""Bytes that any header may ask for: small enough to allocate on any machine."""

DEFLATE_LIMIT = 1_100
"""Deflate packs at most 1032 bytes into one (RFC 1951: 258 bytes per two bits)."""

BLOCK_CODE_LIMIT = 20_000
"""JPEG 2000, JPEG-LS and bzip2 can pack an even picture much denser than deflate."""

_PIECE = 2**20

_QUIET = threading.RLock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps a reader library's Python warnings off the terminal; what matters to a user is said in our own words.

    One thread at a time, because the interpreter's warning filters are global.
    """
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def open_plain(path: Path) -> IO[bytes]:
    """Opens a file for reading, through gzip where it is wrapped in it."""
    return cast(IO[bytes], gzip.open(path, "rb")) if is_gzip(path) else path.open("rb")


def check_size(path: Path, needed: int, *, offset: int = 0, density: int = 1) -> None:
    """Refuses a header that promises more voxel bytes than its file can hold.

    `needed` bytes from `offset`; `density` is how many bytes one stored byte can unpack to (1: not compressed).
    """
    held = path.stat().st_size - offset
    if density == 1 and needed > held:
        raise ImagingError(
            f"{path.name} is cut short: its header promises {needed:,} bytes of voxels, the file holds"
            f" {max(held, 0):,}. Copy or export it again."
        )
    if needed > max(ALWAYS_ALLOWED, held * density):
        raise ImagingError(
            f"{path.name} cannot be right: its header promises {needed:,} bytes of voxels, far more than"
            f" {max(held, 0):,} stored bytes can unpack to. Export it again."
        )


def file_beside(header: Path, named: str) -> Path:
    """The file of voxels that a header names, relative to its own place. Raises `ImagingError` where it is missing."""
    data = header.parent / named
    try:
        if data.is_file():
            return data
    except (OSError, ValueError):  # no name that a file could have
        pass
    raise ImagingError(f"{header.name} refers to {quoted(named)}, which is missing. Put it beside the header.")


def map_array(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> Array:
    """Voxels of an uncompressed file, axis 0 fastest: a read-only memory map, or an array in native byte order."""
    check_size(path, int(np.prod(shape, dtype=object)) * dtype.itemsize, offset=offset)
    if dtype.isnative:
        return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape, order="F")
    with path.open("rb") as file:
        file.seek(offset)
        return native(np.fromfile(file, dtype=dtype, count=int(np.prod(shape)))).reshape(shape, order="F")


def unpack_array(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> Array:
    """Voxels of a gzip file, axis 0 fastest, unpacked piece by piece into one array."""
    with gzip.open(path, "rb") as stream:
        return fill_array(cast(IO[bytes], stream), path, dtype, shape, skip=offset)


def fill_array(stream: IO[bytes], path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], *, skip: int = 0) -> Array:
    """Voxels from a stream that unpacks the file `path`, axis 0 fastest, after `skip` unpacked bytes.

    A negative `skip` means that the voxels are the stream's last bytes.
    """
    array = np.empty(int(np.prod(shape)), dtype=dtype)
    target = memoryview(cast(Any, array.view(np.uint8)))
    try:
        if skip < 0:
            target[:] = stream.read()[-len(target) :]
            return native(array).reshape(shape, order="F")
        while skip > 0 and (piece := stream.read(min(_PIECE, skip))):
            skip -= len(piece)
        done = 0
        while done < len(target):
            piece = stream.read(min(_PIECE, len(target) - done))
            if not piece:
                raise EOFError
            target[done : done + len(piece)] = piece
            done += len(piece)
        while done < len(target) + ALWAYS_ALLOWED and (piece := stream.read(_PIECE)):
            done += len(piece)  # at the stream's end its checksum is compared
    except (EOFError, ValueError) as error:
        raise ImagingError(
            f"{path.name} is cut short: it ends before its last voxel. Copy or export it again."
        ) from error
    except (OSError, zlib.error) as error:
        raise ImagingError(f"{path.name} is damaged and cannot be unpacked ({error}). Copy it again.") from error
    return native(array).reshape(shape, order="F")


def native(array: Array) -> Array:
    """`array` in this machine's byte order; a foreign one that we own is turned round in place."""
    if array.dtype.isnative:
        return array
    owned = array if array.flags.writeable and not isinstance(array, np.memmap) else array.copy()
    return owned.byteswap(inplace=True).view(array.dtype.newbyteorder("="))


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its endings; on a clean exit it is flushed to disk and renamed to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ImagingError(f"{path} could not be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Puts a rename on disk, where the system can (Windows cannot open folders)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
