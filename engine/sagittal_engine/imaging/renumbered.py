"""Label maps in which a number stands for another, as a data set's known misprints: "nifti with 421 as 420".

The kind of such a source is the kind of its file, and which number is to be read as which.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from sagittal_engine.imaging import formats
from sagittal_engine.imaging.volume import Header, ImagingError, Source, Volume

_KIND = re.compile(r"^(?P<kind>[a-z]+) with (?P<wrong>\d+) as (?P<right>\d+)$")


def probe(source: Source) -> Header:
    """As the file's own reader."""
    plain, _, _ = _parts(source)
    return formats.probe(plain)


def read(source: Source) -> Volume:
    """As the file's own reader, with the wrong number replaced; a copy only where it occurs."""
    plain, wrong, right = _parts(source)
    volume = formats.read(plain)
    there = volume.data == wrong
    return replace(volume, data=np.where(there, volume.data.dtype.type(right), volume.data)) if there.any() else volume


def _parts(source: Source) -> tuple[Source, int, int]:
    named = _KIND.match(source.kind)
    if named is None:
        raise ImagingError(f"There is no reader for files of kind '{source.kind}'.")
    return replace(source, kind=named["kind"]), int(named["wrong"]), int(named["right"])
