"""A DICOM series of a scan that is none, so that a DICOM segmentation has something to refer to.

Written slice by slice by pydicom in standard views (columns towards the left or the back, rows towards the back or the
feet), read again by GDCM through SimpleITK. Identifiers follow from the scan's id: the same scan gives the same series.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)
from pydicom.valuerep import DS

import sagittal
from sagittal_engine.imaging import geometry, storage
from sagittal_engine.imaging.volume import Array, ImagingError, Source, Volume

MODALITIES = {"CT": CTImageStorage, "MR": MRImageStorage, "OT": SecondaryCaptureImageStorage}
"""What a series can be made as, and the class its files then have."""

_AIR = -500
"""Intensity below which only the Hounsfield scale goes: air is -1000."""

_SQUARE = 1e-6
"""Cosine up to which two directions are made exactly square without a word: what 32-bit headers leave over."""


@dataclass(frozen=True)
class Identity:
    """Who and what a series is of; never a patient's name."""

    scan: str
    """Id of the scan, from its content."""
    subject: str
    """Pseudonym; becomes the patient's id."""
    description: str
    modality: str
    """A key of `MODALITIES`."""


@dataclass(frozen=True, eq=False)
class _Planes:
    """The volume as a stack of planes in the order and direction they are written."""

    voxels: Array
    """(slices, rows, columns), a view."""
    affine: Array
    """float64 (4, 4): (slice, row, column) to LPS millimetres."""


def likely_modality(volume: Volume) -> str:
    """The header's modality; else "CT" where there are intensities that only Hounsfield units have, "MR" otherwise."""
    if volume.header.modality in MODALITIES:
        return volume.header.modality
    return "CT" if volume.data.size and float(np.nanmin(volume.data)) < _AIR else "MR"


def write_series(folder: Path, volume: Volume, identity: Identity) -> Source:
    """Writes `0001.dcm`… into `folder` and reads them back; returns the series as a source of kind "dicom".

    Whole numbers of 16 bits are kept as they are, also those stored as floats; others are spread over 65,536 steps
    between their smallest and largest value. Raises `ImagingError` for colour, for planes whose rows and columns are
    not at right angles, and where what was written does not read back.
    """
    planes = _planes(volume)
    slope, intercept, dtype = _scale(volume.data)
    files = []
    for index, plane in enumerate(planes.voxels):
        data = _slice(planes, index, _stored(plane, slope, intercept, dtype), identity)
        data.RescaleSlope, data.RescaleIntercept = (DS(value, auto_format=True) for value in (slope, intercept))
        low, high = volume.window
        data.WindowCenter, data.WindowWidth = (
            DS(value, auto_format=True) for value in ((low + high) / 2, max(high - low, 1e-6))
        )
        path = folder / f"{index + 1:04d}.dcm"
        with storage.atomic(path) as temporary, storage.quiet():
            data.save_as(temporary, enforce_file_format=True)
        files.append(path)
    wrong = next(_differences(files, planes, slope, intercept, dtype), None)
    if wrong:
        raise ImagingError(f"The DICOM series made of {identity.description} does not read back: {wrong}")
    return Source("dicom", tuple(files), identity.description)


def _planes(volume: Volume) -> _Planes:
    """Slices lie across the source's third axis, as files store them: planes of acquisition stay whole."""
    if volume.data.ndim == 4:
        raise ImagingError("A colour picture cannot become a DICOM series. Export NIfTI or NRRD instead.")
    if volume.grid.assumed_axes:
        raise ImagingError("The picture has no place in space, which a DICOM series needs. Export NIfTI instead.")
    order, _ = geometry.canonical_axes(volume.grid.affine)
    across = order.index(2)
    column, row = (axis for axis in range(3) if axis != across)
    # Canonical axes run to the right, the front and the head. On a standard view columns and rows run against them,
    # but for the columns of a sagittal one, which run to the back as well: all in-plane axes are turned round.
    flips = [axis != across for axis in range(3)]
    # Files are numbered along the normal (columns x rows): to the head, the back (against canonical) or the right.
    flips[across] = across == 1
    to_canonical = np.zeros((4, 4))
    to_canonical[3, 3] = 1.0
    for place, axis in enumerate((across, row, column)):
        to_canonical[axis, place] = -1.0 if flips[axis] else 1.0
        to_canonical[axis, 3] = volume.data.shape[axis] - 1 if flips[axis] else 0.0
    affine = geometry.LPS_TO_RAS @ volume.grid.canonical_affine @ to_canonical
    along, down = affine[:3, 2] / np.linalg.norm(affine[:3, 2]), affine[:3, 1] / np.linalg.norm(affine[:3, 1])
    cosine = float(along @ down)
    if abs(cosine) > geometry.SHEAR_TOLERANCE:
        raise ImagingError(
            f"Rows and columns of the scan are {abs(math.degrees(math.asin(cosine))):.1f}° off a right angle, which"
            " DICOM cannot hold. Export NIfTI or NRRD instead."
        )
    turned = volume.data[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    return _Planes(turned.transpose(across, row, column), affine)


def _scale(data: Array) -> tuple[float, float, np.dtype[np.generic]]:
    """Slope, intercept and stored type (int16 or uint16)."""
    low, high = float(np.nanmin(data)), float(np.nanmax(data))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ImagingError("The scan holds infinite intensities, which DICOM cannot. Export NIfTI or NRRD instead.")
    if all(_is_whole(data[:, :, index]) for index in range(data.shape[2])):
        for dtype in (np.int16, np.uint16):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return 1.0, 0.0, np.dtype(dtype)
    # As the header will say it: a decimal string of 16 characters.
    slope = float(DS((high - low) / 65535 or 1.0, auto_format=True))
    return slope, float(DS(low, auto_format=True)), np.dtype(np.uint16)


def _stored(plane: Array, slope: float, intercept: float, dtype: np.dtype[np.generic]) -> Array:
    """What a file keeps of a plane; not a number becomes the smallest value."""
    if slope == 1.0 and intercept == 0.0 and _is_whole(plane):
        return np.ascontiguousarray(plane, dtype=dtype)
    steps = np.rint((np.nan_to_num(plane.astype(np.float64), nan=intercept) - intercept) / slope)
    return np.ascontiguousarray(np.clip(steps, 0, 65535), dtype=dtype)


def _is_whole(plane: Array) -> bool:
    """Whether there are whole numbers alone, also where they are stored as floats."""
    return plane.dtype.kind in "iub" or bool((plane == np.rint(plane)).all())


def _slice(planes: _Planes, index: int, pixels: Array, identity: Identity) -> FileDataset:
    """One file: the modules of its class (PS3.3 A.3, A.4, A.8) as far as something is known."""
    uid = [generate_uid(entropy_srcs=[identity.scan, identity.modality, part]) for part in ("study", "series", "frame")]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MODALITIES[identity.modality]
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[identity.scan, identity.modality, str(index)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = uid
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "", identity.subject[:64], "", ""
    data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "", "", "", ""
    data.ReferringPhysicianName, data.PositionReferenceIndicator, data.PatientPosition = "", "", ""
    data.Modality, data.SeriesNumber, data.InstanceNumber = identity.modality, 1, index + 1
    data.SeriesDescription = identity.description[:64]
    data.Manufacturer, data.ManufacturerModelName = "Sagittal", "Sagittal"
    data.SoftwareVersions, data.DerivationDescription = sagittal.__version__, "Made of a file that was not DICOM"
    data.ImageType = ["DERIVED", "SECONDARY", "AXIAL" if identity.modality == "CT" else "OTHER"]
    data.AcquisitionNumber = ""
    _say_of_class(data, identity.modality)
    _say_place(data, planes.affine, index)
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    return data


def _say_of_class(data: FileDataset, modality: str) -> None:
    """What only one class of images has; blank where the source does not say."""
    if modality == "CT":
        data.KVP, data.RescaleType = "", "HU"
    elif modality == "MR":
        data.ScanningSequence, data.SequenceVariant, data.ScanOptions = "RM", "NONE", ""
        data.MRAcquisitionType, data.RepetitionTime, data.EchoTime, data.EchoTrainLength = "", "", "", ""
    else:
        data.ConversionType = "WSD"


def _say_place(data: FileDataset, affine: Array, index: int) -> None:
    """The image plane (C.7.6.2); rows are made exactly square to columns."""
    along, down = affine[:3, 2], affine[:3, 1]
    columns, rows = float(np.linalg.norm(along)), float(np.linalg.norm(down))
    along = along / columns
    down = down / rows
    if abs(along @ down) > _SQUARE:
        down = down - (along @ down) * along
        down = down / np.linalg.norm(down)
    position = affine[:3, 3] + index * affine[:3, 0]
    data.ImageOrientationPatient = [DS(float(value), auto_format=True) for value in (*along, *down)]
    data.ImagePositionPatient = [DS(float(value), auto_format=True) for value in position]
    data.PixelSpacing = [DS(value, auto_format=True) for value in (rows, columns)]
    data.SliceThickness = DS(abs(float(affine[:3, 0] @ np.cross(along, down))), auto_format=True)


def _differences(
    files: list[Path], planes: _Planes, slope: float, intercept: float, dtype: np.dtype[np.generic]
) -> Iterator[str]:
    """Reads each file by GDCM and compares its values and its corners' places."""
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    rows, columns = planes.voxels.shape[1:]
    pixel = float(min(np.linalg.norm(planes.affine[:3, axis]) for axis in range(3)))
    for index, path in enumerate(files):
        reader.SetFileName(str(path))
        image = reader.Execute()
        values = SimpleITK.GetArrayViewFromImage(image)[0]
        wanted = _stored(planes.voxels[index], slope, intercept, dtype) * slope + intercept
        if values.shape != wanted.shape or not np.allclose(values, wanted, rtol=1e-6, atol=slope * 1e-3):
            yield f"{path.name} gives back other intensities than were written."
        for row, column in ((0, 0), (0, columns - 1), (rows - 1, 0)):
            there = image.TransformIndexToPhysicalPoint((column, row, 0))
            if np.abs(np.subtract(there, (planes.affine @ (index, row, column, 1))[:3])).max() > 0.05 * pixel:
                yield f"{path.name} lies elsewhere than the scan's slice {index + 1}."
