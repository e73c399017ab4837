"""MetaImage: .mha, and .mhd with its .raw or .zraw beside it.

Format: https://itk.org/Wiki/MetaIO/Documentation. Positions and directions are LPS, as ITK writes them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from sagittal_engine.imaging import geometry, storage
from sagittal_engine.imaging.naming import named_like_labels, quoted
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

_HEADER_LIMIT = 2**16

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip


@dataclass(frozen=True)
class _Layout:
    fields: dict[str, str]
    path: Path
    start: int
    dtype: np.dtype[Any]
    shape: tuple[int, int, int]
    channels: int
    packed: bool

    @property
    def sizes(self) -> tuple[int, ...]:
        """Array sizes, the fastest first; colours lie side by side."""
        return (self.channels, *self.shape) if self.channels > 1 else self.shape

    @property
    def needed(self) -> int:
        return int(np.prod(self.sizes, dtype=object)) * self.dtype.itemsize


class _Inflated:
    """A zlib or gzip stream, read as a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def read(self, size: int) -> bytes:
        while not self._unpacker.eof:
            piece = self._unpacker.unconsumed_tail or self._file.read(2**20)
            if unpacked := self._unpacker.decompress(piece, size):
                return unpacked
            if not piece:
                break
        return b""


def data_files(path: Path) -> tuple[Path, ...]:
    """The detached data that the header `path` refers to; raises `ImagingError` where it is missing."""
    named = _read_fields(path)[0].get("ElementDataFile", "")
    if named.upper() == "LOCAL":
        return ()
    if not named:
        raise ImagingError(f"{path.name} does not say where its voxels are; it is damaged.")
    if named.upper().startswith("LIST") or "%" in named:
        raise ImagingError(f"{path.name} spreads its voxels over several files, which is not read. Save it as one.")
    return (storage.file_beside(path, named),)


def probe(source: Source) -> Header:
    """Reads the header; raises `ImagingError` for what is no 3D scan or cannot be whole."""
    layout = _layout(source.path)
    flat = int(layout.fields["NDims"]) == 2
    affine, sized, warnings = _affine(source.path.name, layout, 2 if flat else 3)
    return Header(
        grid=SourceGrid(shape=layout.shape, affine=affine, assumed_axes=flat, assumed_size=not sized),
        dtype=layout.dtype.newbyteorder("=").name,
        n_channels=3 if layout.channels > 1 else 1,
        warnings=(*warnings, *geometry.shear_warnings(affine)),
        looks_like_labels=named_like_labels(source.path),
    )


def read(source: Source) -> Volume:
    """Maps raw data, unpacks compressed data."""
    header, layout = probe(source), _layout(source.path)
    skip = int(layout.fields.get("HeaderSize", "0"))
    if layout.packed:
        with layout.path.open("rb") as file:
            file.seek(layout.start + max(skip, 0))
            stream = cast(IO[bytes], _Inflated(file))
            array = storage.fill_array(stream, layout.path, layout.dtype, layout.sizes)
    else:
        offset = layout.path.stat().st_size - layout.needed if skip < 0 else layout.start + skip
        array = storage.map_array(layout.path, layout.dtype, layout.sizes, offset)
    if layout.channels > 1:
        array = np.moveaxis(array, 0, -1)[..., :3]
    return Volume(data=header.grid.to_canonical(array), header=header)


def _read_fields(path: Path) -> tuple[dict[str, str], int]:
    """The header's "key = value" lines and the offset at which they end, after `ElementDataFile`."""
    fields: dict[str, str] = {}
    try:
        with path.open("rb") as file:
            while line := file.readline(_HEADER_LIMIT):
                key, equals, value = line.decode("utf-8", "replace").partition("=")
                if not equals and line.strip():
                    raise ImagingError(f"{path.name} has a header that cannot be understood; it is damaged.")
                fields[key.strip()] = value.strip()
                if key.strip() == "ElementDataFile":
                    break
            return fields, file.tell()
    except OSError as error:
        raise ImagingError(f"{path.name} could not be read: {error.strerror or error}.") from error


def _layout(path: Path) -> _Layout:
    fields, end = _read_fields(path)
    missing = [key for key in ("NDims", "DimSize", "ElementType", "ElementDataFile") if key not in fields]
    if missing:
        raise ImagingError(f"{path.name} has no '{missing[0]}' in its header; it is damaged.")
    detached = data_files(path)
    try:
        sizes = [int(part) for part in fields["DimSize"].split()]
        channels = int(fields.get("ElementNumberOfChannels", "1"))
        dimensions = int(fields["NDims"])
    except ValueError as error:
        raise ImagingError(f"{path.name} has a header that cannot be understood: {quoted(error)}.") from error
    if len(sizes) != dimensions or dimensions < 2 or any(size < 1 for size in sizes):
        raise ImagingError(f"{path.name} has impossible sizes {sizes}; its header is damaged.")
    if any(size > 1 for size in sizes[3:]):
        raise ImagingError(
            f"{path.name} is 4D: it holds {int(np.prod(sizes[3:]))} volumes ({' × '.join(map(str, sizes))})."
            " Save the volume you want as a 3D file and import that."
        )
    kind = fields["ElementType"].removesuffix("_ARRAY")
    if kind not in _TYPES:
        raise ImagingError(f"{path.name} holds values of type '{quoted(kind)}', which are no intensities.")
    if channels != 1 and not (channels in (3, 4) and kind == "MET_UCHAR"):
        raise ImagingError(f"{path.name} holds {channels} numbers per voxel, not one intensity.")
    if not _flag(fields, "BinaryData", True):
        raise ImagingError(f"{path.name} holds its voxels as text, which is not read. Save it as binary.")
    big = _flag(fields, "BinaryDataByteOrderMSB", False) or _flag(fields, "ElementByteOrderMSB", False)
    sizes += [1]
    layout = _Layout(
        fields=fields,
        path=detached[0] if detached else path,
        start=0 if detached else end,
        dtype=np.dtype((">" if big else "<") + _TYPES[kind]),
        shape=(sizes[0], sizes[1], sizes[2]),
        channels=channels,
        packed=_flag(fields, "CompressedData", False),
    )
    density = storage.DEFLATE_LIMIT if layout.packed else 1
    storage.check_size(layout.path, layout.needed, offset=layout.start, density=density)
    return layout


def _flag(fields: dict[str, str], key: str, default: bool) -> bool:
    return fields.get(key, str(default)).lower() in ("true", "1", "yes")


def _numbers(name: str, fields: dict[str, str], keys: tuple[str, ...], count: int) -> list[float] | None:
    """The numbers of the first key that is there."""
    for key in keys:
        if key in fields:
            try:
                values = [float(part) for part in fields[key].split()]
            except ValueError:
                values = []
            if len(values) < count or not np.isfinite(values).all():
                raise ImagingError(f"{name} has a '{key}' that cannot be understood: '{quoted(fields[key])}'.")
            return values
    return None


def _affine(name: str, layout: _Layout, n: int) -> tuple[Array, bool, list[str]]:
    """Source index to RAS+ millimetres, whether the file gives their size, and what a user should know.

    A matrix row in the file is the direction of one voxel axis.
    """
    dimensions, fields, warnings = int(layout.fields["NDims"]), layout.fields, []
    spacing = _numbers(name, fields, ("ElementSpacing", "ElementSize"), dimensions)
    origin = _numbers(name, fields, ("Offset", "Position", "Origin"), dimensions)
    matrix = _numbers(name, fields, ("TransformMatrix", "Rotation", "Orientation"), dimensions**2)
    if spacing is None:
        warnings.append("The header gives no voxel size; 1 mm is assumed.")
    if matrix is None or n == 2:
        warnings.append("The header gives no directions; the axes are taken to run to the left, the back and the head.")
    directions = np.eye(3)
    if matrix is not None:
        directions[:n, :n] = np.reshape(matrix, (dimensions, dimensions))[:n, :n].T
    affine = np.eye(4)
    affine[:3, :3] = directions * np.asarray([*(spacing or [1.0] * n)[:n], 1.0][:3])
    affine[:n, 3] = (origin or [0.0] * n)[:n]
    if not geometry.is_usable(affine):
        raise ImagingError(f"{name} has directions that span no space; its header is damaged.")
    return geometry.LPS_TO_RAS @ affine, spacing is not None, warnings
