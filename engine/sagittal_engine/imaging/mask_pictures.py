"""Label maps of published picture sets that are not numbered: read as structures, each inside the one before.

Kinds of sources, told by a data set's layout and by nothing in the files:

- "nested masks": one black and white picture per structure, the outer one first. A pixel's label is the number of the
  innermost structure that holds it (1 from the first file, 2 from the second). Grey levels are shares of experts who
  agreed: more than half of white counts.
- "nested masks of a stereo picture": the same, of which the left half goes with the picture's.
- "mask in levels": one picture with three levels of grey. The level at the corners is background, the middle one is
  label 1, the other end label 2. A picture whose levels are 0, 1 and 2 holds the labels as they are.
- "matlab mask": a MATLAB file (version 7 or older) with one matrix of whole numbers, the labels as they are.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from sagittal_engine.imaging import picture, storage
from sagittal_engine.imaging.naming import quoted, stem
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

WHITE = 255
_MIDDLE = (64, 192)
"""Levels between these are the middle one: halfway to 128 from black and from white, for what JPEG or resizing left."""

_MATLAB_LIMIT = 2**26
"""Bytes that a MATLAB mask may unpack to; ORIGA's have six million pixels."""


def probe(source: Source) -> Header:
    """The grid of the mask; raises `ImagingError` for what is no such mask."""
    if source.kind == "matlab mask":
        return _described(_matrix(source).shape)
    first = picture.probe(_picture(source, 0))
    return _described(first.grid.shape)


def read(source: Source) -> Volume:
    """The labels: uint8 (X, Y, 1), canonical order."""
    if source.kind == "matlab mask":
        labels = _matrix(source)
    elif source.kind == "mask in levels":
        labels = _from_levels(picture.brightness(_picture(source, 0)))
    else:
        labels = _nested(source)
    header = _described(labels.shape)
    return Volume(data=header.grid.to_canonical(labels), header=header)


def _picture(source: Source, index: int) -> Source:
    kind = picture.STEREO if "stereo" in source.kind else "image"
    file = source.files[index]
    return Source(kind, (file,), stem(file))


def _described(shape: tuple[int, ...]) -> Header:
    columns, rows, _ = shape
    grid = SourceGrid(shape=(columns, rows, 1), affine=np.diag([-1.0, -1.0, 1.0, 1.0]), assumed_axes=True)
    return Header(grid=grid, dtype="uint8", looks_like_labels=True)


def _nested(source: Source) -> Array:
    """uint8 (columns, rows, 1): the number of the innermost structure."""
    masks = [picture.brightness(_picture(source, index)) for index in range(len(source.files))]
    labels: Array = np.zeros_like(masks[0])
    for number, (mask, file) in enumerate(zip(masks, source.files, strict=True), start=1):
        if mask.shape != labels.shape:
            own, first = (" × ".join(map(str, shape[:2])) for shape in (mask.shape, labels.shape))
            raise ImagingError(
                f"{file.name} has {own} pixels, {source.files[0].name} has {first}. Masks of one picture are of one"
                " size."
            )
        labels[mask > (WHITE // 2 + 1 if mask.max(initial=0) > 1 else 0)] = number
    return labels


def _from_levels(levels: Array) -> Array:
    """uint8, as `levels`: 0 where the corners' level is, 1 in the middle, 2 at the other end."""
    if levels.max(initial=0) <= 2:
        return levels
    low, high = _MIDDLE
    corners = levels[[0, 0, -1, -1], [0, -1, 0, -1], 0]
    light = np.count_nonzero(corners > WHITE // 2) >= 2
    labels = np.zeros(levels.shape, np.uint8)
    labels[(levels >= low) & (levels <= high)] = 1
    labels[levels < low if light else levels > high] = 2
    return labels


def three_levels(source: Source) -> bool:
    """Whether the picture `source` has black, white and one level between, and nothing else: a mask in levels."""
    levels = set(np.unique(picture.brightness(source)).tolist())
    low, high = _MIDDLE
    return len(levels) == 3 and {0, WHITE} < levels and all(low <= n <= high for n in levels - {0, WHITE})


def _matrix(source: Source) -> Array:
    """uint8 (columns, rows, 1) of the file's only matrix of whole numbers.

    SciPy's reader builds arrays from the file's numbers and runs nothing of it.
    """
    import scipy.io

    name = source.path.name
    storage.check_size(source.path, source.path.stat().st_size)
    try:
        with storage.quiet():
            shapes = {n: shape for n, shape, _ in scipy.io.whosmat(io.BytesIO(source.path.read_bytes()))}
            flat = [n for n, shape in shapes.items() if len(shape) == 2 and min(shape) > 1]
            if len(flat) != 1 or int(np.prod(shapes[flat[0]], dtype=object)) > _MATLAB_LIMIT:
                raise ImagingError(f"{name} does not hold one matrix that could be a mask, but {len(flat)}.")
            found: Any = scipy.io.loadmat(io.BytesIO(source.path.read_bytes()), variable_names=flat)[flat[0]]
    except ImagingError:
        raise
    except Exception as error:  # a damaged file makes the reader raise nearly anything
        raise ImagingError(f"{name} is no MATLAB file that can be read ({quoted(error)}). Export it again.") from error
    array = np.asarray(found)
    if array.dtype.kind not in "buif" or not (array == np.rint(array)).all() or array.min() < 0 or array.max() > WHITE:
        raise ImagingError(f"{name} does not hold whole numbers from 0 to 255; it is no mask.")
    return np.ascontiguousarray(array.astype(np.uint8).swapaxes(0, 1)[:, :, np.newaxis])
