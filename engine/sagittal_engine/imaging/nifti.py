"""NIfTI-1 and NIfTI-2: single files, gzip, .hdr/.img pairs, either byte order.

nibabel parses the header; the voxels are mapped or unpacked here, so that a scan is held once at most.
Standard: https://nifti.nimh.nih.gov/nifti-1 (qform, sform, scl_slope) and /nifti-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from sagittal_engine.imaging import geometry, intensity, storage
from sagittal_engine.imaging.naming import named_like_labels
from sagittal_engine.imaging.sniffing import NIFTI_2_MARKS, is_nifti, is_nifti_pair
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source, SourceGrid, Volume

NiftiHeader: TypeAlias = Any
"""nibabel's Nifti1Header or Nifti2Header."""

_INTENT_LABEL = 1002
_CIFTI_INTENTS = range(3000, 3100)
_UNITS = {1: "metres", 3: "micrometres"}


@dataclass(frozen=True)
class _Layout:
    """Where the voxels lie and what they are."""

    header: NiftiHeader
    path: Path
    offset: int
    stored: np.dtype[Any]
    shape: tuple[int, int, int]
    channels: int
    slope: float
    intercept: float

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the voxels once rescaled."""
        plain = self.stored.newbyteorder("=")
        if self.stored.kind not in "iu":
            return intensity.scaled_type(plain, 0, 0, self.slope, self.intercept)
        limits = np.iinfo(self.stored)
        return intensity.scaled_type(plain, int(limits.min), int(limits.max), self.slope, self.intercept)


def image_half(path: Path) -> Path | None:
    """The .img file that belongs to a .hdr file, if it is there."""
    name = path.name
    for cut in (".hdr.gz", ".hdr"):
        if name.lower().endswith(cut):
            halves = (path.with_name(name[: -len(cut)] + end) for end in (".img", ".img.gz", ".IMG"))
            return next((half for half in halves if half.is_file()), None)
    return None


def probe(source: Source) -> Header:
    """Reads the header; raises `ImagingError` for what is no 3D scan or cannot be whole."""
    layout = _layout(source)
    affine, warnings = _affine(layout.header, layout.shape)
    grid = SourceGrid(shape=layout.shape, affine=affine, header=bytes(layout.header.binaryblock))
    labelled = int(layout.header["intent_code"]) == _INTENT_LABEL
    return Header(
        grid=grid,
        dtype=layout.dtype.name,
        n_channels=layout.channels,
        warnings=(*warnings, *geometry.shear_warnings(affine)),
        looks_like_labels=labelled or named_like_labels(source.path),
    )


def read(source: Source) -> Volume:
    """Maps an uncompressed file, unpacks a compressed one; scaled values are rescaled."""
    layout, header = _layout(source), probe(source)
    stored: np.dtype[Any] = layout.stored
    sizes: tuple[int, ...] = layout.shape
    if layout.channels > 1:
        stored, sizes = np.dtype(np.uint8), (layout.stored.itemsize, *layout.shape)
    load = storage.unpack_array if storage.is_gzip(layout.path) else storage.map_array
    array = load(layout.path, stored, sizes, layout.offset)
    if layout.channels > 1:
        array = np.moveaxis(array, 0, -1)[..., : layout.channels]
    array = intensity.rescale(array, layout.slope, layout.intercept, layout.dtype)
    return Volume(data=header.grid.to_canonical(array), header=header)


def label_image(grid: SourceGrid, array: Array) -> Any:
    """A nibabel image of `array` (source order) on `grid`; a NIfTI source's header is kept bit for bit but for type.

    Other kinds get a NIfTI-1 header, whose sform holds the affine in 32-bit floats.
    """
    if grid.header:
        header = _parse(grid.header)
        single = nibabel.Nifti2Header if len(grid.header) == 540 else nibabel.Nifti1Header
        header = single(header.binaryblock, endianness=header.endianness, check=False)
        header["magic"] = single.single_magic
        header["vox_offset"] = 0
    else:
        header = nibabel.Nifti1Header()
        header.set_sform(grid.affine, 1)
        header.set_qform(grid.affine, 1, strip_shears=True)
        header.set_xyzt_units("mm")
    header.set_data_dtype(array.dtype)
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["cal_max"], header["cal_min"] = 0, 0
    header["intent_code"] = _INTENT_LABEL
    image = nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
    return image(array, None, header)


def _parse(block: bytes) -> NiftiHeader:
    """nibabel's header of a binary block of 348 or 540 bytes."""
    size = int.from_bytes(block[:4], "little")
    order = "<" if size in (348, 540) else ">"
    version = nibabel.Nifti2Header if len(block) == 540 else nibabel.Nifti1Header
    return version(block, endianness=order, check=False)


def _read_header(path: Path) -> NiftiHeader:
    try:
        with storage.open_plain(path) as file:
            block = file.read(540)
    except (OSError, EOFError) as error:
        raise ImagingError(f"{path.name} could not be read: {error}.") from error
    whole = 540 if block[4:8] in NIFTI_2_MARKS else 348
    if len(block) < whole:
        raise ImagingError(f"{path.name} is cut short: it ends within its header. Copy or export it again.")
    if not is_nifti(block):
        raise ImagingError(f"{path.name} is not a NIfTI file: the mark 'n+1' or 'ni1' is missing from its header.")
    return _parse(block[:whole])


def _layout(source: Source) -> _Layout:
    """Checks everything that the header promises before any voxel is touched."""
    name, header = source.path.name, _read_header(source.path)
    shape, channels = _shape(name, header), 1
    try:
        stored = header.get_data_dtype()
    except (HeaderDataError, KeyError) as error:
        raise ImagingError(f"{name} has an unknown data type (code {int(header['datatype'])}).") from error
    if stored.fields:
        channels = 3
    elif stored.kind not in "iuf" or stored.itemsize > 8:
        raise ImagingError(f"{name} holds {stored.name} values, which are no intensities Sagittal can show.")
    path, offset = source.files[-1], _offset(name, header)
    if len(source.files) == 1:
        if is_nifti_pair(bytes(header.binaryblock)):
            raise ImagingError(
                f"{name} is the header of a pair, and its .img file is missing. Put it beside the header."
            )
        offset = max(offset, len(header.binaryblock))
    needed = int(np.prod(shape, dtype=object)) * stored.itemsize
    if storage.is_gzip(path):
        storage.check_size(path, needed, density=storage.DEFLATE_LIMIT)
    else:
        storage.check_size(path, needed, offset=offset)
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0 or stored.fields:
        slope, intercept = 1.0, 0.0
    if not np.isfinite(intercept):
        intercept = 0.0
    return _Layout(header, path, offset, stored, shape, channels, slope, intercept)


def _offset(name: str, header: NiftiHeader) -> int:
    """Bytes before the first voxel; NIfTI-1 keeps them as a float."""
    offset = float(header["vox_offset"])
    if not np.isfinite(offset) or offset < 0:
        raise ImagingError(f"{name} does not say where its voxels begin; its header is damaged.")
    return int(offset)


def _shape(name: str, header: NiftiHeader) -> tuple[int, int, int]:
    """The three sizes, trailing ones dropped; anything with more than one value per place is refused."""
    if int(header["intent_code"]) in _CIFTI_INTENTS:
        raise ImagingError(f"{name} is a CIFTI-2 file (values on a brain surface), not a scan.")
    dimensions = int(header["dim"][0])
    sizes = [int(size) for size in header["dim"][1 : 1 + max(dimensions, 0)]]
    if not 1 <= dimensions <= 7 or any(size < 1 for size in sizes):
        raise ImagingError(f"{name} has impossible dimensions {sizes}; its header is damaged.")
    sizes += [1] * (3 - len(sizes))
    if sizes[3:4] and sizes[3] > 1:
        raise ImagingError(
            f"{name} is 4D: it holds {sizes[3]} volumes ({' × '.join(map(str, sizes))})."
            " Save the volume you want as a 3D file and import that."
        )
    if any(size > 1 for size in sizes[4:]):
        raise ImagingError(f"{name} holds {int(np.prod(sizes[4:]))} numbers per voxel, not one intensity.")
    return (sizes[0], sizes[1], sizes[2])


def _affine(header: NiftiHeader, shape: tuple[int, int, int]) -> tuple[Array, list[str]]:
    """The affine (sform before qform, as the standard advises) and what a user should know of the choice."""
    sform, qform = header.get_sform(coded=True)[0], _qform(header)
    warnings = []
    unit = _UNITS.get(int(header["xyzt_units"]) & 7)
    if unit:
        warnings.append(f"The header gives lengths in {unit}; the numbers are taken as millimetres.")
    if sform is not None and geometry.is_usable(sform):
        if qform is not None and not geometry.same_place(sform, qform, shape):
            warnings.append("qform and sform disagree about where the scan lies; the sform is used.")
        elif not np.allclose(geometry.spacing(sform), header["pixdim"][1:4], rtol=0.01, atol=1e-3):
            warnings.append("The voxel size in pixdim differs from the sform's; the sform's is used.")
        return sform, warnings
    if sform is not None:
        warnings.append("The sform spans no space; it is not used.")
    if qform is not None and geometry.is_usable(qform):
        return qform, warnings
    base = header.get_base_affine()
    if not geometry.is_usable(base):
        warnings.append("The header gives no voxel size; 1 mm is assumed.")
        base = np.diag([-1.0, 1.0, 1.0, 1.0])
    warnings.append(
        "The header's orientation codes are unknown; the first axis is taken to run to the left, the second to the"
        " front, the third to the head. Check left and right."
    )
    return base, warnings


def _qform(header: NiftiHeader) -> Array | None:
    """The qform where its code is known and its quaternion is sound."""
    try:
        return header.get_qform(coded=True)[0]
    except (HeaderDataError, ValueError):
        return None
