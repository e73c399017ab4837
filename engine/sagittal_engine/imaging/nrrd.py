"""NRRD: attached (.nrrd) and detached (.nhdr) headers; raw, gzip, bzip2 and ASCII encoding; Slicer segmentations.

pynrrd parses the header; the voxels are mapped or unpacked here. Format: https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import nrrd as pynrrd
import numpy as np
from nrrd.reader import _TYPEMAP_NRRD2NUMPY as TYPES

from sagittal_engine.imaging import geometry, storage
from sagittal_engine.imaging.naming import named_like_labels, quoted
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

_HEADER_LIMIT = 2**20

_TO_RAS = {
    "left-posterior-superior": (-1.0, -1.0, 1.0),
    "lps": (-1.0, -1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "ras": (1.0, 1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0, 1.0),
    "las": (-1.0, 1.0, 1.0),
}

_COLOUR_KINDS = {"RGB-color": 3, "RGBA-color": 4, "3-color": 3, "4-color": 4}

_DENSITY = {
    "raw": 1,
    "gzip": storage.DEFLATE_LIMIT,
    "gz": storage.DEFLATE_LIMIT,
    "bzip2": storage.BLOCK_CODE_LIMIT,
    "bz2": storage.BLOCK_CODE_LIMIT,
    **dict.fromkeys(("ascii", "text", "txt"), 8),
}
"""Encodings that are read, and how many voxel bytes one stored byte can unpack to."""


@dataclass(frozen=True)
class _Layout:
    fields: dict[str, Any]
    path: Path
    """The file that holds the voxels."""
    start: int
    """Where the header ends, if it is in the same file."""
    dtype: np.dtype[Any]
    sizes: tuple[int, ...]
    space_axes: tuple[int, ...]
    """Two or three axes that run through space."""
    colour_axis: int | None
    encoding: str

    @property
    def shape(self) -> tuple[int, int, int]:
        inside = [self.sizes[axis] for axis in self.space_axes] + [1]
        return (inside[0], inside[1], inside[2])

    @property
    def needed(self) -> int:
        return int(np.prod(self.sizes, dtype=object)) * self.dtype.itemsize


def data_files(path: Path) -> tuple[Path, ...]:
    """The detached data that the header `path` refers to; raises `ImagingError` where it is missing."""
    fields, _ = _read_fields(path)
    named = _field(fields, "data file")
    if named is None:
        return ()
    return (storage.file_beside(path, named),)


def segments(path: Path) -> Iterator[tuple[int, str, str]]:
    """Label number, name and "#RRGGBB" of each segment of a 3D Slicer segmentation; none for other files."""
    fields, _ = _read_fields(path)
    index = 0
    while (name := fields.get(f"Segment{index}_Name")) is not None:
        parts = [float(part) for part in str(fields.get(f"Segment{index}_Color", "")).split()]
        colour = "#" + "".join(f"{round(255 * min(1.0, max(0.0, part))):02X}" for part in parts)
        yield int(fields.get(f"Segment{index}_LabelValue", index + 1)), str(name), colour
        index += 1


def probe(source: Source) -> Header:
    """Reads the header; raises `ImagingError` for what is no 3D scan or cannot be whole."""
    layout = _layout(source.path)
    affine, directed, sized, warnings = _affine(layout)
    return Header(
        grid=SourceGrid(shape=layout.shape, affine=affine, assumed_axes=not directed, assumed_size=not sized),
        dtype=layout.dtype.newbyteorder("=").name,
        n_channels=1 if layout.colour_axis is None else 3,
        warnings=(*warnings, *geometry.shear_warnings(affine)),
        looks_like_labels="Segment0_ID" in layout.fields or named_like_labels(source.path),
    )


def read(source: Source) -> Volume:
    """Maps raw data, unpacks encoded data."""
    header, layout = probe(source), _layout(source.path)
    array = _load(layout)
    if layout.colour_axis is not None:
        array = np.moveaxis(array, layout.colour_axis, -1)[..., :3]
        array = array.reshape(*layout.shape, 3, order="A")
    else:
        array = array.reshape(layout.shape, order="A")
    return Volume(data=header.grid.to_canonical(array), header=header)


def _read_fields(path: Path) -> tuple[dict[str, Any], int]:
    """The header's fields and the offset at which it ends."""
    lines = []
    try:
        with path.open("rb") as file:
            for line in file:
                lines.append(line.decode("utf-8", "replace"))
                if not line.strip():
                    break
                if file.tell() > _HEADER_LIMIT:
                    raise ImagingError(f"{path.name} has no end of its header; it is damaged.")
            end = file.tell()
        fields = dict(pynrrd.read_header(lines))
    except OSError as error:
        raise ImagingError(f"{path.name} could not be read: {error.strerror or error}.") from error
    except (pynrrd.NRRDError, ValueError, IndexError, KeyError) as error:
        raise ImagingError(f"{path.name} has a header that cannot be understood: {quoted(error)}.") from error
    if str(_field(fields, "data file") or "").split()[:1] == ["LIST"] or "%" in str(_field(fields, "data file") or ""):
        raise ImagingError(f"{path.name} spreads its voxels over several files, which is not read. Save it as one.")
    return fields, end


def _field(fields: dict[str, Any], name: str) -> Any:
    """A field whose name may be written with or without its space."""
    return fields.get(name, fields.get(name.replace(" ", "")))


def _layout(path: Path) -> _Layout:
    fields, end = _read_fields(path)
    missing = [name for name in ("type", "dimension", "sizes", "encoding") if name not in fields]
    if missing:
        raise ImagingError(f"{path.name} has no '{missing[0]}' in its header; it is damaged.")
    kind, encoding = str(fields["type"]), str(fields["encoding"]).lower()
    if kind not in TYPES or TYPES[kind] == "V":
        raise ImagingError(f"{path.name} holds values of type '{quoted(kind)}', which are no intensities.")
    if encoding not in _DENSITY:
        raise ImagingError(
            f"{path.name} uses the encoding '{quoted(encoding)}', which is not read. Save it as gzip or raw."
        )
    order = ">" if str(fields.get("endian", "little")).lower() == "big" else "<"
    sizes = tuple(int(size) for size in fields["sizes"])
    if len(sizes) != fields["dimension"] or any(size < 1 for size in sizes):
        raise ImagingError(f"{path.name} has impossible sizes {list(sizes)}; its header is damaged.")
    detached = data_files(path)
    layout = _Layout(
        fields=fields,
        path=detached[0] if detached else path,
        start=0 if detached else end,
        dtype=np.dtype(order + TYPES[kind]),
        sizes=sizes,
        space_axes=(),
        colour_axis=None,
        encoding=encoding,
    )
    storage.check_size(layout.path, layout.needed, offset=layout.start, density=_DENSITY[encoding])
    return _with_axes(path.name, layout)


def _with_axes(name: str, layout: _Layout) -> _Layout:
    """Tells the axes that run through space from those that count colours, volumes or nothing."""
    fields, sizes = layout.fields, layout.sizes
    kinds = [*(fields.get("kinds") or []), *["???"] * len(sizes)]
    directions, origin = _field(fields, "space directions"), _field(fields, "space origin")
    if directions is not None:
        width = np.asarray(directions, dtype=float).shape[-1]
        if len(directions) != len(sizes) or (origin is not None and len(origin) != width) or width > 3:
            raise ImagingError(f"{name} has directions and an origin that do not fit together; its header is damaged.")
        space = [axis for axis in range(len(sizes)) if np.isfinite(np.asarray(directions[axis], dtype=float)).all()]
    else:
        space = [axis for axis in range(len(sizes)) if kinds[axis] in ("domain", "space", "???")]
    if len(space) > 3:
        space = [axis for axis in space if axis < 3 or sizes[axis] > 1]
    other = [axis for axis in range(len(sizes)) if axis not in space and sizes[axis] > 1]
    if len(space) > 3 or (other and not (len(other) == 1 and _is_colour(layout, kinds, other[0]))):
        count = int(np.prod([sizes[axis] for axis in (other or space[3:])]))
        raise ImagingError(
            f"{name} is 4D: it holds {count} values or volumes per place ({' × '.join(map(str, sizes))})."
            " Save the volume you want as a 3D file and import that."
        )
    if len(space) < 2:
        raise ImagingError(f"{name} holds a row of {sizes[0]} numbers, not an image.")
    return _Layout(
        **{
            **layout.__dict__,
            "space_axes": tuple(space),
            "colour_axis": other[0] if other else None,
        }
    )


def _is_colour(layout: _Layout, kinds: list[str], axis: int) -> bool:
    return layout.dtype == np.uint8 and _COLOUR_KINDS.get(kinds[axis]) == layout.sizes[axis]


def _affine(layout: _Layout) -> tuple[Array, bool, bool, list[str]]:
    """Source index to RAS+ millimetres, whether the file gives directions, and sizes, and what a user should know."""
    fields, axes = layout.fields, layout.space_axes
    directions, warnings = _field(fields, "space directions"), []
    space = str(fields.get("space", "")).lower().removesuffix("-time")
    affine, known = np.eye(4), True
    flat = directions is None or len(axes) < 3 or len(directions[axes[0]]) < 3
    if flat:
        given = [*fields.get("spacings", ()), *[np.nan] * len(layout.sizes)]
        spacings = np.asarray(given[: len(layout.sizes)], dtype=float)
        if directions is not None:
            spacings = np.sqrt((np.asarray(directions, dtype=float) ** 2).sum(axis=1))
        inside = [float(spacings[axis]) if np.isfinite(spacings[axis]) else 1.0 for axis in axes]
        affine = geometry.LPS_TO_RAS @ np.diag([*inside, *([1.0] * (4 - len(inside)))])
        known = all(np.isfinite(spacings[axis]) and spacings[axis] > 0 for axis in axes)
        warnings.append(
            "The header gives no directions; the axes are taken to run to the left, the back and the head."
            + ("" if known else " It gives no voxel size either; 1 mm is assumed.")
        )
    else:
        affine[:3, :3] = np.asarray([directions[axis] for axis in axes], dtype=float).T
        origin = _field(fields, "space origin")
        if origin is not None and np.isfinite(np.asarray(origin, dtype=float)).all():
            affine[:3, 3] = np.asarray(origin, dtype=float)
        if space not in _TO_RAS:
            warnings.append(
                "The header does not name its space; left-posterior-superior is assumed. Check left and right."
            )
        affine = np.diag([*_TO_RAS.get(space, (-1.0, -1.0, 1.0)), 1.0]) @ affine
    units = [str(unit) for unit in (_field(fields, "space units") or ["mm"])]
    if units[0] not in ("mm", "millimeter", "millimetre", "millimeters", ""):
        warnings.append(f"The header gives lengths in {units[0]}; the numbers are taken as millimetres.")
    if not geometry.is_usable(affine):
        raise ImagingError(f"{layout.path.name} has directions that span no space; its header is damaged.")
    return affine, not flat, known, warnings


def _load(layout: _Layout) -> Array:
    """The voxels with the file's own axes, the first one fastest."""
    line_skip = int(_field(layout.fields, "line skip") or 0)
    byte_skip = int(_field(layout.fields, "byte skip") or 0)
    with layout.path.open("rb") as file:
        file.seek(layout.start)
        for _ in range(line_skip):
            file.readline()
        if layout.encoding == "raw":
            offset = layout.path.stat().st_size - layout.needed if byte_skip < 0 else file.tell() + byte_skip
            return storage.map_array(layout.path, layout.dtype, layout.sizes, offset)
        if layout.encoding in ("gzip", "gz"):
            packed = cast(IO[bytes], gzip.GzipFile(fileobj=file))
            return storage.fill_array(packed, layout.path, layout.dtype, layout.sizes, skip=byte_skip)
        if layout.encoding in ("bzip2", "bz2"):
            packed = cast(IO[bytes], bz2.BZ2File(file))
            return storage.fill_array(packed, layout.path, layout.dtype, layout.sizes, skip=byte_skip)
        try:
            values = np.array(file.read().split(), dtype=np.float64).astype(layout.dtype.newbyteorder("="))
            return values.reshape(layout.sizes, order="F")
        except ValueError as error:
            raise ImagingError(f"{layout.path.name} holds other numbers than its header promises.") from error
