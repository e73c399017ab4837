"""Ids that depend on content alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from sagittal_engine.imaging.volume import ImagingError, Source


def content_id(source: Source, boundary: Callable[[], None] = lambda: None) -> str:
    """16 hex digits of SHA-256 over the files' contents; names, places and the order of files do not matter.

    Reads every byte; `boundary` is called between pieces and may raise to give up.
    """
    digests = sorted(_digest(path, boundary) for path in source.files)
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(digests)).digest()
    return whole.hex()[:16]


def _digest(path: Path, boundary: Callable[[], None]) -> bytes:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(2**20):
                digest.update(piece)
                boundary()
    except OSError as error:
        raise ImagingError(f"{path} could not be read: {error.strerror or error}.") from error
    return digest.digest()
