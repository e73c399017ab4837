"""DICOM files opened for reading. One that is packed whole is measured first: pydicom unpacks it without asking."""

from __future__ import annotations

import functools
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from pydicom.uid import DeflatedExplicitVRLittleEndian

from sagittal_engine.imaging import storage
from sagittal_engine.imaging.volume import ImagingError

ALWAYS, TIMES = 2**27, 64
"""Bytes that any file may unpack to, and how often its own size a larger one may. Zeros are packed a thousandfold."""

_PIECE = 2**20
_HEAD = 512
"""The transfer syntax stands within these bytes: behind the preamble and three elements of at most 64 (PS3.10, 7.1)."""
_META = 2**16
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
"""Value representations whose length takes four bytes, behind two that are kept free (PS3.5, 7.1.2)."""


def open_dicom(path: Path) -> IO[bytes]:
    """As `storage.open_plain`. Raises `ImagingError` for a packed file that unpacks to more than it sensibly holds."""
    file = storage.open_plain(path)
    try:
        head = file.read(_HEAD)
        if isinstance(file, gzip.GzipFile) or DeflatedExplicitVRLittleEndian.encode() in head:
            status = path.stat()
            if _swells(path, status.st_mtime_ns, status.st_size):
                raise ImagingError(
                    f"{path.name} cannot be right: its {status.st_size:,} bytes unpack to more than"
                    f" {_most(status.st_size):,}. Export it again."
                )
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _most(size: int) -> int:
    return max(ALWAYS, TIMES * size)


@functools.lru_cache(maxsize=4096)
def _swells(path: Path, _changed: int, size: int) -> bool:
    """Whether gzip or deflate unpacks to more than is allowed. A damaged stream does not: its reader will say so."""
    try:
        with storage.open_plain(path) as file:
            if storage.is_gzip(path) and _measures(file.read, _most(size)):
                return True
            file.seek(0)
            head = file.read(_META)
            if DeflatedExplicitVRLittleEndian.encode() not in head[:_HEAD]:
                return False
            file.seek(_end_of_meta(head))
            return _measures(_inflated(file), _most(size))
    except (EOFError, OSError, zlib.error):
        return False


def _measures(read: Callable[[int], bytes], most: int) -> bool:
    """Whether more than `most` bytes can be read."""
    while most >= 0 and (piece := read(_PIECE)):
        most -= len(piece)
    return most < 0


def _inflated(file: IO[bytes]) -> Callable[[int], bytes]:
    """Reads what deflate unpacks from here on (PS3.5, A.5), in pieces."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(size: int) -> bytes:
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail or file.read(_PIECE)
            piece = unpacker.decompress(packed, size)
            if piece or not packed:
                return piece
        return b""

    return read


def _end_of_meta(head: bytes) -> int:
    """Where the elements of group 2 end, which are never packed (PS3.10, 7.1)."""
    at = 132
    while head[at : at + 2] == b"\2\0":
        if head[at + 4 : at + 6] in _LONG:
            at += 12 + int.from_bytes(head[at + 8 : at + 12], "little")
        else:
            at += 8 + int.from_bytes(head[at + 6 : at + 8], "little")
    return at
