"""Which module reads which kind of source."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Protocol, cast

from sagittal_engine.imaging.volume import Header, ImagingError, Source, Volume


class Reader(Protocol):
    """What a reader module offers. Its functions raise `ImagingError` with one sentence.

    A module may also offer `read_gradually` and `glimpse`, where it can do better than reading the whole.
    """

    def probe(self, source: Source) -> Header:
        """Reads the header alone."""

    def read(self, source: Source) -> Volume:
        """Reads, or maps, the voxels."""


_READERS = {
    "nifti": "nifti",
    "nrrd": "nrrd",
    "metaimage": "metaimage",
    "dicom": "dicom.reader",
    "dicom-seg": "dicom.segmentation",
    "image": "picture",
    "stereo": "picture",
    "nested masks": "mask_pictures",
    "nested masks of a stereo picture": "mask_pictures",
    "mask in levels": "mask_pictures",
    "matlab mask": "mask_pictures",
    "axial slices": "slice_stack",
    "coronal slices": "slice_stack",
    "sagittal slices": "slice_stack",
}
"""Kinds below "image" are never told from a file alone: a data set's layout says that its files are such."""


def reader_for(kind: str) -> Reader:
    """The module that reads `kind`, imported now if it was not."""
    module = "renumbered" if " with " in kind else _READERS.get(kind)
    if module is None:
        raise ImagingError(f"There is no reader for files of kind '{kind}'; known: {', '.join(_READERS)}.")
    return cast(Reader, importlib.import_module(f"sagittal_engine.imaging.{module}"))


def probe(source: Source) -> Header:
    """What `source` says about its image; reads headers only."""
    with _explained(source):
        return reader_for(source.kind).probe(source)


def read(source: Source) -> Volume:
    """`source` with its voxels in canonical order, memory-mapped where the file allows."""
    with _explained(source):
        return reader_for(source.kind).read(source)


def read_gradually(source: Source) -> Iterator[tuple[Volume, float]]:
    """`source` again and again while its voxels come in, with the share of them that has; the last time it is whole.

    Only DICOM series come in parts; everything else is whole at once.
    """
    with _explained(source):
        reader = reader_for(source.kind)
        gradually = getattr(reader, "read_gradually", None)
        if gradually is None:
            yield reader.read(source), 1.0
        else:
            yield from gradually(source)


def glimpse(source: Source) -> Volume:
    """Enough of `source` for a small picture: of a DICOM series its middle slice, else everything."""
    with _explained(source):
        reader = reader_for(source.kind)
        return cast(Volume, getattr(reader, "glimpse", reader.read)(source))


@contextlib.contextmanager
def _explained(source: Source) -> Iterator[None]:
    """Says in one sentence what the file system or memory did not allow."""
    _check_present(source)
    try:
        yield
    except OSError as error:
        raise ImagingError(f"{source.path} could not be read: {error.strerror or error}.") from error
    except MemoryError as error:
        raise ImagingError(f"{source.path.name} needs more memory than is free. Close other programs.") from error


def _check_present(source: Source) -> None:
    missing = [path for path in source.files if not path.is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ImagingError(f"{missing[0]}{more} is not where it was. Put it back, or import it from its new place.")
