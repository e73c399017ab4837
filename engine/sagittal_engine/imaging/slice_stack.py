"""Stacks of slices without a header: numpy's .npy, and numpy arrays in a pickle (.pck), as knee sets are published.

The array is (slices, rows, columns). Nothing says where it lies: the kind of the source ("sagittal slices") names the
plane, slices are taken to be stored as a screen shows them (sagittal: front on the left, head above; coronal and axial:
the patient's right on the left), and 1 mm is assumed along every axis. In which order slices follow is not known; they
are taken to run to the left, to the back and to the head.
"""

from __future__ import annotations

import numpy as np

from sagittal_engine.imaging import pickled_array, storage
from sagittal_engine.imaging.naming import quoted
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

_LEFT, _BACK, _FEET, _HEAD = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0), (0.0, 0.0, 1.0)

_DIRECTIONS = {
    "sagittal slices": (_BACK, _FEET, _LEFT),
    "coronal slices": (_LEFT, _FEET, _BACK),
    "axial slices": (_LEFT, _BACK, _HEAD),
}
"""Where columns, rows and slices run to, in RAS+ directions."""

KINDS = {kind.split()[0]: kind for kind in _DIRECTIONS}
"""Plane → the kind of source that holds slices of it."""


def probe(source: Source) -> Header:
    """Reads sizes and type; raises `ImagingError` for what is no stack of slices."""
    return _header(source, _array(source))


def read(source: Source) -> Volume:
    """Maps an .npy file, unpacks a pickled array."""
    array = _array(source)
    header = _header(source, array)
    return Volume(data=header.grid.to_canonical(array.transpose(2, 1, 0)), header=header)


def _array(source: Source) -> Array:
    name = source.path.name
    if source.path.suffix.lower() == ".npy":
        try:
            array: Array = np.load(source.path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, SyntaxError) as error:
            raise ImagingError(f"{name} is no array that numpy can read ({quoted(error)}). Copy it again.") from error
    else:
        array = pickled_array.read(source.path)
    if array.ndim != 3 or array.size == 0:
        raise ImagingError(f"{name} holds an array of shape {array.shape}; a stack is (slices, rows, columns).")
    if array.dtype.kind not in "iufb" or array.dtype.itemsize > 8:
        raise ImagingError(f"{name} holds values of type {array.dtype}, which are no intensities.")
    return array if array.dtype.isnative and array.dtype.kind != "b" else _plain(array)


def _plain(array: Array) -> Array:
    return array.astype(np.uint8) if array.dtype.kind == "b" else storage.native(np.array(array))


def _header(source: Source, array: Array) -> Header:
    slices, rows, columns = array.shape
    affine = np.eye(4)
    affine[:3, :3] = np.transpose(_DIRECTIONS[source.kind])
    plane = source.kind.split()[0]
    return Header(
        grid=SourceGrid(shape=(columns, rows, slices), affine=affine, assumed_axes=True, assumed_size=True),
        dtype=array.dtype.name,
        warnings=(
            f"The file gives neither voxel sizes nor directions: 1 mm is assumed, and {plane} slices as a screen shows"
            " them. Lengths and volumes mean nothing; check left and right.",
        ),
    )
