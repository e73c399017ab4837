"""One DICOM file as far as its header tells, in plain values: what grouping and geometry need.

Section numbers refer to DICOM PS3.3 (https://dicom.nema.org/medical/dicom/current/output/html/part03.html).
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID, JPEGTransferSyntaxes, RLELossless

from sagittal_engine.imaging import storage
from sagittal_engine.imaging.dicom.opening import open_dicom
from sagittal_engine.imaging.naming import quoted
from sagittal_engine.imaging.volume import ImagingError

Triple: TypeAlias = tuple[float, float, float]

_DICOMDIR = "1.2.840.10008.1.3.10"

_NO_SCANS = {
    "SEG": "is a DICOM segmentation, not a scan",
    "RTDOSE": "is a radiotherapy dose, not a scan",
    "PR": "is a presentation state, not a scan",
}

_SPLIT_KEYS = (
    "EchoTime", "ImageType", "TemporalPositionIdentifier", "DiffusionBValue", "AcquisitionNumber", "TriggerTime",
    "AcquisitionTime", "ContentTime"
)  # fmt: skip
"""What may tell apart the stacks of one series (echoes, magnitude and phase, time points, diffusion weights)."""

_NAMES = [
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription",
    "InstanceNumber", "Modality", "PatientID", "IssuerOfPatientID", "PatientName", "Manufacturer",
    "ManufacturerModelName", "MagneticFieldStrength", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "PixelRepresentation", "PixelSpacing",
    "ImagerPixelSpacing", "NominalScannedPixelSpacing", "ImagePositionPatient", "ImageOrientationPatient",
    "SliceLocation", "SliceThickness", "SpacingBetweenSlices", "VolumetricProperties", "RescaleSlope",
    "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation",
    "PixelPaddingValue", "PixelPaddingRangeLimit",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", *_SPLIT_KEYS,
]  # fmt: skip

_TAGS = [Tag(name) for name in _NAMES]
"""Looked up once, not once a file."""


_MOST_FRAMES = 2**17
"""The longest dynamic studies have some ten thousand."""


@dataclass(frozen=True)
class Frame:
    """One slice: where it lies and how its stored values become intensities."""

    path: Path
    index: int
    """Number of the frame inside its file, from 0."""
    position: Triple | None
    """LPS millimetres of the centre of the first pixel (C.7.6.2.1.1)."""
    orientation: tuple[Triple, Triple] | None
    """Directions in which columns and rows count up (LPS)."""
    spacing: tuple[float, float] | None
    """Millimetres between rows, and between columns."""
    thickness: float | None
    """Distance to the next slice where the header gives it, else the slice's thickness."""
    slope: float = 1.0
    intercept: float = 0.0
    windows: tuple[tuple[str, float, float], ...] = ()
    """The header's words for each window it offers, its centre and its width (C.11.2.1.2)."""
    location: float | None = None
    """Millimetres along some line (C.7.6.2.1.2), which orders slices that have no position."""


_NO_FRAME = Frame(Path(), 0, None, None, None, None)


@dataclass(frozen=True)
class Instance:
    """One file."""

    path: Path
    sop_class: str
    sop_uid: str
    syntax: str
    """Transfer syntax: how the pixels are encoded."""
    series: tuple[str, str]
    """Study and series UIDs, or the folder where they are blank."""
    number: int
    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    signed: bool
    is_float: bool
    lookup_bits: int
    """Bits of the modality look-up table's output; 0 where there is none."""
    padding: tuple[float, float] | None
    """Lowest and highest stored value that marks padding (C.7.5.1.1.2)."""
    frames: tuple[Frame, ...]
    is_volume: bool
    """A multi-frame file says that its frames make a volume, whether or not it says where they lie."""
    modality: str
    description: str
    subject: str
    pixels: tuple[int, str] | None = None
    """Where plain intensities begin in the file, and numpy's name of their type; None where a decoder is needed."""
    facts: dict[str, str] = field(default_factory=dict)
    split: dict[str, str] = field(default_factory=dict)

    @property
    def in_colour(self) -> bool:
        return self.samples > 1 or self.photometric == "PALETTE COLOR"

    @property
    def stored_range(self) -> tuple[int, int]:
        if self.signed:
            return -(2 ** (self.bits_stored - 1)), 2 ** (self.bits_stored - 1) - 1
        return 0, 2**self.bits_stored - 1


def read_instance(path: Path) -> Instance:
    """The header of one file; remembered as long as the file does not change.

    Raises `ImagingError` with one sentence for damaged files and for DICOM objects that are no scans.
    """
    status = path.stat()
    return _read_instance(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=4096)
def _read_instance(path: Path, _changed: int, size: int) -> Instance:
    with storage.quiet():
        try:
            with open_dicom(path) as file:
                data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_TAGS)
                syntax = data.file_meta.get("TransferSyntaxUID")
                packed = isinstance(file, gzip.GzipFile) or (syntax is not None and syntax.is_deflated)
                begin = file.tell()
                instance = _instance(path, data, math.inf if packed else size - begin)
                if packed or syntax is None or syntax.is_compressed:
                    return instance
                return replace(instance, pixels=_plain_pixels(instance, syntax, begin, file.read(12)))
        except ImagingError:
            raise
        except Exception as error:  # a damaged header can make pydicom raise nearly anything
            raise ImagingError(f"{path.name} is damaged DICOM and cannot be read: {_brief(error)}.") from error


def _plain_pixels(instance: Instance, syntax: UID, begin: int, head: bytes) -> tuple[int, str] | None:
    """Where the value of the Pixel Data element at `begin` starts, and its type, where they need no decoder.

    `head` is the element's first 12 bytes: tag, then a length of 32 bits, with or without a VR before it (PS3.5, 7.1).
    """
    little = syntax.is_little_endian
    order: Literal["little", "big"] = "little" if little else "big"
    tag = (int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order))
    at = 8 if syntax.is_implicit_VR else 12
    held = int.from_bytes(head[at - 4 : at], order)
    size = instance.bits_allocated // 8
    needed = instance.rows * instance.columns * size * len(instance.frames)
    if tag != (0x7FE0, 0x0010) or held == 0xFFFFFFFF or held < needed or len(head) < at or instance.samples != 1:
        return None
    if instance.in_colour or instance.lookup_bits or size > 4 or (size == 1 and not little):
        return None
    return begin + at, f"{'<' if little else '>'}{'i' if instance.signed else 'u'}{size}"


def _brief(error: Exception) -> str:
    """The first line of a library's message, as part of our sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return quoted(lines[0], 200)


def _instance(path: Path, data: Dataset, left: float) -> Instance:
    """The header in plain values; `left` are the bytes of the file behind it.

    The slices of a series differ in a few values only: from the second one on, the others are taken from the first.
    """
    common, own = _raw(data)
    alike = _ALIKE.get(common) if common else None
    if alike is None:
        alike = _in_full(path, data, left)
        if not common or len(alike.frames) > 1:
            return alike
        if len(_ALIKE) >= _SERIES_REMEMBERED:
            _ALIKE.clear()
        _ALIKE[common] = alike
    else:
        _check_size(path, data, alike, left)
    position = _finite(_floats(own.get("ImagePositionPatient", "")), 3)
    location = _finite(_floats(own.get("SliceLocation", "")), 1)
    frame = replace(
        alike.frames[0],
        path=path,
        position=(position[0], position[1], position[2]) if position else None,
        location=location[0] if location else None,
    )
    return replace(
        alike,
        path=path,
        series=alike.series if alike.series[0] else ("", str(path.parent)),
        sop_uid=own.get("SOPInstanceUID", ""),
        number=int(float(own.get("InstanceNumber") or 0)),
        frames=(frame,),
        split={key: text for key in _SPLIT_KEYS if (text := (own if key in _OWN_NAMES else alike.split).get(key))},
    )


_ALIKE: dict[tuple[object, ...], Instance] = {}
"""One instance for each set of values that slices share. Filled from several threads: an entry more does no harm."""

_SERIES_REMEMBERED = 256


def _raw(data: Dataset) -> tuple[tuple[object, ...] | None, dict[str, str]]:
    """The undecoded values that slices of one series share, and the text of those that are each slice's own.

    The first is None where some are not plain, as in enhanced images.
    """
    shared: list[object] = [data.file_meta.get("TransferSyntaxUID")]
    own: dict[str, str] = {}
    for element in data.values():
        if not isinstance(element, RawDataElement) or element.VR == "SQ":
            return None, {}
        if element.tag not in _OWN:
            shared += [element.tag, element.VR, element.value]
        elif element.value:
            own[_OWN[element.tag]] = element.value.decode("ascii", "replace").strip(" \0")
    return tuple(shared), own


_OWN_NAMES = (
    "SOPInstanceUID", "InstanceNumber", "ImagePositionPatient", "SliceLocation", "EchoTime",
    "TemporalPositionIdentifier", "AcquisitionNumber", "TriggerTime", "AcquisitionTime", "ContentTime",
)  # fmt: skip
"""Attributes that tell slices of a series apart; each is text in the file (UI, IS, DS or TM)."""

_OWN = {Tag(name): name for name in _OWN_NAMES}


def _in_full(path: Path, data: Dataset, left: float) -> Instance:
    _refuse_what_is_no_scan(path, data)
    count = max(_whole(data, "NumberOfFrames", 1), 1)
    if count > _MOST_FRAMES:
        raise ImagingError(f"{path.name} claims to hold {count:,} frames, which no scan does; its header is damaged.")
    allocated = _whole(data, "BitsAllocated", 16)
    if allocated not in (8, 16, 32, 64):
        raise ImagingError(f"{path.name} stores {allocated} bits per pixel, which no scan does.")
    study, series = str(data.get("StudyInstanceUID") or ""), str(data.get("SeriesInstanceUID") or "")
    instance = Instance(
        path=path,
        sop_class=str(data.get("SOPClassUID") or ""),
        sop_uid=str(data.get("SOPInstanceUID") or ""),
        syntax=str(data.file_meta.get("TransferSyntaxUID") or ""),
        series=(study, series) if series else ("", str(path.parent)),
        number=_whole(data, "InstanceNumber", 0),
        rows=_whole(data, "Rows", 0),
        columns=_whole(data, "Columns", 0),
        samples=_whole(data, "SamplesPerPixel", 1),
        photometric=str(data.get("PhotometricInterpretation", "MONOCHROME2")),
        bits_allocated=allocated,
        bits_stored=min(_whole(data, "BitsStored", allocated), allocated),
        signed=_whole(data, "PixelRepresentation", 0) == 1,
        is_float=_is_float(data),
        lookup_bits=_lookup_bits(data),
        padding=_padding(data),
        frames=(_NO_FRAME,) * count,
        is_volume=str(data.get("VolumetricProperties") or "") == "VOLUME",
        modality=str(data.get("Modality") or ""),
        description=_description(data),
        subject=_pseudonym(data),
        facts=_facts(data),
        split=_split(data),
    )
    _check_size(path, data, instance, left)
    shared, per_frame = _groups(data)
    groups = [*per_frame[:count], *[None] * (count - len(per_frame))]
    return replace(instance, frames=tuple(_frame(path, index, data, shared, own) for index, own in enumerate(groups)))


def density_of(syntax: UID) -> int:
    """Bytes of pixels that one stored byte can unpack to."""
    if syntax.is_deflated:
        return storage.DEFLATE_LIMIT
    return _DENSITY.get(syntax, storage.BLOCK_CODE_LIMIT) if syntax.is_compressed else 1


_DENSITY = {RLELossless: 64, **dict.fromkeys(JPEGTransferSyntaxes, 256)}
"""Bytes that one stored byte can unpack to: RLE packs 128 bytes into two; JPEG 64 samples into some five bits."""


def _check_size(path: Path, data: Dataset, instance: Instance, left: float) -> None:
    """Refuses a header that promises more pixels than the `left` bytes can hold, before anything is allocated."""
    needed = instance.rows * instance.columns * instance.samples * len(instance.frames) * instance.bits_allocated // 8
    if instance.photometric == "YBR_FULL_422":
        needed = needed * 2 // 3
    syntax = getattr(data.file_meta, "TransferSyntaxUID", None)
    if left < 8:
        raise ImagingError(f"{path.name} describes an image but holds no pixels. Export it again.")
    if syntax is not None and syntax.is_compressed:
        storage.check_size(path, needed, density=density_of(syntax))
    elif left == math.inf:
        storage.check_size(path, needed, density=storage.DEFLATE_LIMIT)
    elif left - 8 < needed:
        raise ImagingError(
            f"{path.name} is cut short: its header promises {needed:,} bytes of pixels, the file holds"
            f" {int(left) - 8:,}. Copy or export it again."
        )


def _refuse_what_is_no_scan(path: Path, data: Dataset) -> None:
    if str(data.file_meta.get("MediaStorageSOPClassUID", "")) == _DICOMDIR:
        raise ImagingError(
            f"{path.name} is the index of a disc (DICOMDIR); the images it lists are found by themselves."
        )
    modality = str(data.get("Modality") or "")
    if modality in _NO_SCANS:
        raise ImagingError(f"{path.name} {_NO_SCANS[modality]}.")
    if not data.get("Rows") or not data.get("Columns"):
        uid = data.get("SOPClassUID")
        what = f": it is of the kind '{quoted(uid.name)}'" if uid else ""
        raise ImagingError(f"{path.name} is DICOM but holds no image{what}.")
    if "MOSAIC" in _texts(data.get("ImageType")):
        raise ImagingError(
            f"{path.name} is a Siemens mosaic, many slices side by side in one picture. Convert it with dcm2niix."
        )


def _groups(data: Dataset) -> tuple[Dataset | None, list[Dataset]]:
    """Shared and per-frame functional groups of an enhanced image (C.7.6.16)."""
    shared = data.get("SharedFunctionalGroupsSequence")
    return (shared[0] if shared else None), list(data.get("PerFrameFunctionalGroupsSequence") or [])


def _frame(path: Path, index: int, data: Dataset, shared: Dataset | None, own: Dataset | None) -> Frame:
    """A frame's values: its own functional group goes before the shared one, and that before the plain attributes."""

    def places(sequence: str) -> Iterable[Dataset]:
        for group in (own, shared):
            if group is not None and group.get(sequence):
                yield group[sequence][0]
        yield data

    def numbers(sequence: str, name: str, count: int) -> tuple[float, ...] | None:
        found = (_numbers(place, name, count) for place in places(sequence))
        return next((value for value in found if value is not None), None)

    def number(sequence: str, name: str) -> float | None:
        value = numbers(sequence, name, 1)
        return value[0] if value else None

    measures = "PixelMeasuresSequence"
    spacing = numbers(measures, "PixelSpacing", 2)
    for fallback in ("ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = spacing or _numbers(data, fallback, 2)
    thickness = number(measures, "SpacingBetweenSlices") or number(measures, "SliceThickness")
    orientation = numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6)
    slope = number("PixelValueTransformationSequence", "RescaleSlope")
    return Frame(
        path=path,
        index=index,
        position=next(filter(None, map(_position, places("PlanePositionSequence"))), None),
        orientation=_directions(path, orientation) if orientation else None,
        spacing=(spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None,
        thickness=abs(thickness) if thickness else None,
        slope=slope or 1.0,
        intercept=number("PixelValueTransformationSequence", "RescaleIntercept") or 0.0,
        windows=next(filter(None, map(_windows, places("FrameVOILUTSequence"))), ()),
        location=_location(data),
    )


def _position(data: Dataset) -> Triple | None:
    position = _numbers(data, "ImagePositionPatient", 3)
    return (position[0], position[1], position[2]) if position else None


def _location(data: Dataset) -> float | None:
    location = _numbers(data, "SliceLocation", 1)
    return location[0] if location else None


def _split(data: Dataset) -> dict[str, str]:
    return {key: str(value) for key in _SPLIT_KEYS if (value := data.get(key)) not in (None, "")}


def _windows(data: Dataset) -> tuple[tuple[str, float, float], ...]:
    """Every window of one place in the header: its words, centre and width."""
    centres, widths = (_every_number(data, name) for name in ("WindowCenter", "WindowWidth"))
    words = _texts(data.get("WindowCenterWidthExplanation"))
    words += [""] * (len(centres) - len(words))
    return tuple(
        (said.strip(), centre, width)
        for said, centre, width in zip(words, centres, widths, strict=False)
        if width > 0 and math.isfinite(centre)
    )


def _directions(path: Path, values: tuple[float, ...]) -> tuple[Triple, Triple]:
    """Unit vectors along a row and down a column; raises `ImagingError` where they are no plane."""
    along, down = values[:3], values[3:]
    lengths = math.hypot(*along), math.hypot(*down)
    if min(lengths) < 0.5 or abs(sum(a * b for a, b in zip(along, down, strict=True))) > 0.5 * lengths[0] * lengths[1]:
        raise ImagingError(f"{path.name} has an image orientation that is no plane: {list(values)}.")
    first = (along[0] / lengths[0], along[1] / lengths[0], along[2] / lengths[0])
    return first, (down[0] / lengths[1], down[1] / lengths[1], down[2] / lengths[1])


def _numbers(data: Dataset, name: str, count: int) -> tuple[float, ...] | None:
    """The first `count` finite numbers of an attribute, None where it is missing, blank or shorter."""
    return _finite(_every_number(data, name), count)


def _finite(numbers: tuple[float, ...], count: int) -> tuple[float, ...] | None:
    """The first `count`, where there are as many and all are finite."""
    numbers = numbers[:count]
    return numbers if len(numbers) == count and all(math.isfinite(number) for number in numbers) else None


def _floats(text: str) -> tuple[float, ...]:
    """The numbers of a decimal string (PS3.5, 6.2): parted by backslashes, some may be blank."""
    return tuple(float(part) for part in text.split("\\") if part.strip())


def _every_number(data: Dataset, name: str) -> tuple[float, ...]:
    """The numbers of an attribute, none where it is missing or blank."""
    value = data.get(name)
    if value is None or value == "":
        return ()
    values = [value] if isinstance(value, int | float | str) else list(value)
    return tuple(float(part) for part in values if part not in (None, ""))


def _whole(data: Dataset, name: str, default: int) -> int:
    value = data.get(name)
    return default if value in (None, "") else int(value)


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(part) for part in value]


def _is_float(data: Dataset) -> bool:
    """Float pixel data has no pixel representation (C.7.6.24)."""
    return "PixelRepresentation" not in data and _whole(data, "BitsAllocated", 16) in (32, 64)


def _lookup_bits(data: Dataset) -> int:
    tables = data.get("ModalityLUTSequence")
    return int(tables[0].LUTDescriptor[2]) if tables else 0


def _padding(data: Dataset) -> tuple[float, float] | None:
    ends = [_numbers(data, name, 1) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    values = sorted(end[0] for end in ends if end)
    return (values[0], values[-1]) if values and ends[0] else None


def _pseudonym(data: Dataset) -> str:
    """The same short code for the same patient id everywhere; it hides the id from view, and is no anonymisation."""
    identity = str(data.get("PatientID") or "").strip()
    if not identity:
        return ""
    issuer = str(data.get("IssuerOfPatientID") or "").strip()
    return "P-" + hashlib.sha256(f"{issuer}\0{identity}".encode()).hexdigest()[:8]


def _description(data: Dataset) -> str:
    """The series description, unless it repeats a part of the patient's name or id."""
    text = _said(data, "SeriesDescription")
    private = f"{data.get('PatientName') or ''} {data.get('PatientID') or ''}".replace("^", " ").lower().split()
    if any(len(word) > 2 and word in text.lower() for word in private):
        return ""
    return text


def _said(data: Dataset, name: str) -> str:
    """The text of an attribute; empty where it is missing, or was overwritten with the word "None"."""
    text = str(data.get(name) or "").strip()
    return "" if text.lower() == "none" else text


def _facts(data: Dataset) -> dict[str, str]:
    scanner = " ".join(filter(None, (_said(data, name) for name in ("Manufacturer", "ManufacturerModelName"))))
    strength = _numbers(data, "MagneticFieldStrength", 1)
    facts = {
        "series": _description(data),
        "series number": str(data.get("SeriesNumber") or ""),
        "scanner": scanner,
        "field strength": f"{strength[0]:g} T" if strength else "",
    }
    return {name: value for name, value in facts.items() if value}
