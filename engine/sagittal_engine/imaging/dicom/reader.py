"""Headers and voxels of DICOM sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sagittal_engine.imaging import geometry, intensity
from sagittal_engine.imaging.dicom import pixels
from sagittal_engine.imaging.dicom.instance import Instance, read_instance
from sagittal_engine.imaging.dicom.stack import Stack, stack_of
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

_USUAL = 2**13
"""Scanners store 12 bits, rarely more, so that most scans fit int16 once rescaled."""


def probe(source: Source) -> Header:
    """Reads the headers of all files; raises `ImagingError` for what is no stack of slices."""
    return _header(stack_for(source))


def read(source: Source) -> Volume:
    """Decodes the slices into one array in their order along the normal; values are rescaled."""
    *_, (volume, _whole) = _slice_by_slice(stack_for(source), blank=False)
    return volume


def read_gradually(source: Source) -> Iterator[tuple[Volume, float]]:
    """The volume after each file, the middle one first and then outwards, with the share of it that has come.

    Slices that have not come look empty; until all have, the header's window may be an estimate from the first. It is
    the same memory each time, unless a slice needs a wider type than those before it.
    """
    return _slice_by_slice(stack_for(source), blank=True)


def glimpse(source: Source) -> Volume:
    """The middle slice alone, as a volume of one slice."""
    stack = stack_for(source)
    place = len(stack.frames) // 2
    frame = stack.frames[place]
    instance = next(one for one in stack.instances if one.path == frame.path)
    values = pixels.frame_of(instance, frame.index)
    affine = stack.affine.copy()
    affine[:3, 3] = (stack.affine @ (0, 0, place, 1))[:3]
    header = _header(stack)
    grid = replace(header.grid, shape=(instance.columns, instance.rows, 1), affine=affine)
    data = grid.to_canonical(np.expand_dims(values.swapaxes(0, 1), 2))
    return Volume(data=data, header=replace(header, grid=grid, dtype=data.dtype.name))


def stack_for(source: Source) -> Stack:
    """The slices of `source` in order, with their grid."""
    return stack_of([read_instance(path) for path in source.files])


def _slice_by_slice(stack: Stack, blank: bool) -> Iterator[tuple[Volume, float]]:
    """`blank` gives slices that have not come the lowest value of the first, once that was shown."""
    header = _header(stack)
    columns, rows, slices = stack.shape
    places = {(frame.path, frame.index): place for place, frame in enumerate(stack.frames)}
    voxels: Array = np.zeros((slices, rows, columns, *((3,) if header.n_channels == 3 else ())), header.dtype)
    part = _volume(voxels, header)
    for done, instance in enumerate(_outwards(stack)):
        for frame, values in zip(instance.frames, pixels.frames_of(instance), strict=True):
            if values.shape != voxels.shape[1:]:
                raise ImagingError(f"{instance.path.name} holds pixels of another shape than the first slice.")
            if not np.can_cast(values.dtype, voxels.dtype):
                voxels = voxels.astype(np.result_type(values.dtype, voxels.dtype))
                part = _volume(voxels, part.header)
            voxels[places[frame.path, frame.index]] = values
        if done + 1 == len(stack.instances):
            break
        if blank and done == 0:
            part = _volume(voxels, replace(header, window=_window_of(header, values)))
        yield part, (done + 1) / len(stack.instances)
        if blank and done == 0:
            place = places[frame.path, frame.index]
            voxels[:place] = voxels[place + 1 :] = values.min()
    yield _volume(voxels, header), 1.0


def _volume(voxels: Array, header: Header) -> Volume:
    """`voxels` (slices, rows, columns[, 3]) in canonical order."""
    array = np.moveaxis(voxels, (2, 1, 0), (0, 1, 2))
    return Volume(data=header.grid.to_canonical(array), header=replace(header, dtype=voxels.dtype.name))


def _window_of(header: Header, values: Array) -> tuple[float, float]:
    return header.window or intensity.percentile_window(values[:, :, np.newaxis], header.padding)


def _outwards(stack: Stack) -> list[Instance]:
    """The files, the middle slice's first, then its neighbours on both sides, and so on."""
    order = {frame.path: place for place, frame in enumerate(stack.frames)}
    middle = len(stack.frames) // 2
    return sorted(stack.instances, key=lambda instance: abs(order[instance.path] - middle))


def _header(stack: Stack) -> Header:
    first, middle = stack.instance, stack.frames[len(stack.frames) // 2]
    slope, intercept = pixels.scale(first, middle)
    windows = []
    for words, centre, width in () if first.in_colour else middle.windows:
        # C.11.2.1.2.1: the window is given for rescaled values; of MONOCHROME1 ours are turned round.
        if first.photometric == "MONOCHROME1":
            centre = middle.intercept + intercept - centre
        windows.append((words, centre - width / 2, centre + width / 2))
    warnings = list(stack.warnings)
    if first.photometric == "MONOCHROME1":
        warnings.append("Stored inverted (MONOCHROME1); intensities are turned round so that dense stays bright.")
    padding = None if first.padding is None or first.in_colour else first.padding[0] * slope + intercept
    if not any("gantry tilt" in text for text in warnings):
        warnings += geometry.shear_warnings(stack.affine)
    return Header(
        grid=SourceGrid(
            shape=stack.shape, affine=stack.affine, assumed_axes=stack.assumed_axes, assumed_size=stack.assumed_size
        ),
        dtype=_dtype(stack).name,
        n_channels=3 if first.in_colour else 1,
        modality=first.modality,
        unit="HU" if first.modality == "CT" else "",
        warnings=tuple(warnings),
        subject=first.subject,
        window=windows[0][1:] if windows else None,
        windows=tuple(windows),
        padding=padding,
        facts=dict(first.facts),
    )


def _dtype(stack: Stack) -> np.dtype[np.generic]:
    """The type that the rescaled values of every slice are expected to fit; reading widens it where they do not."""
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
        types += [intensity.scaled_type(stored, low, high, *pixels.scale(instance, frame)) for frame in instance.frames]
    return np.result_type(*types)
