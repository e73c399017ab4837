"""DICOM segmentation (PS3.3 A.51), written by highdicom in the frames of the source series, read again by pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

import sagittal
from sagittal.facts import Label
from sagittal_engine.imaging import storage
from sagittal_engine.imaging.dicom.opening import open_dicom
from sagittal_engine.imaging.dicom.reader import stack_for
from sagittal_engine.imaging.dicom.segments import frame_table
from sagittal_engine.imaging.dicom.stack import Stack, along_normal
from sagittal_engine.imaging.exporters import Making, table_for, with_ending
from sagittal_engine.imaging.exporters.segment_codes import meaning_of
from sagittal_engine.imaging.label_tables import components
from sagittal_engine.imaging.volume import Array, Header, ImagingError, Source

_SERIES_NUMBER = 900
"""Above the numbers that scanners give."""

_ADVICE = "Let a DICOM series be made of it too, or export NIfTI or NRRD."

_MAY_BE_BLANK = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator",
)  # fmt: skip
"""Attributes of type 2 (C.7.1.1, C.7.2.1, C.7.4.1) that anonymised files sometimes lack."""


def write(
    stem: Path, labels: Array, table: Sequence[Label], source: Source, header: Header, making: Making
) -> list[Path]:
    """`<stem>.seg.dcm`: one binary segment per label, numbered from 1 in order of label number."""
    rows = table_for(labels, table)
    if not rows:
        raise ImagingError("The label map is empty: a DICOM segmentation needs at least one labelled voxel.")
    if reason := why_not_referred(source):
        raise ImagingError(reason)
    stack = stack_for(source)
    images = [_image(path) for path in source.files]
    path = with_ending(stem, ".seg.dcm")
    with storage.quiet():
        try:
            segmentation = highdicom.seg.Segmentation(
                source_images=images,
                pixel_array=_in_source_frames(stack, header.grid.to_source(labels), rows),
                segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
                segment_descriptions=[_description(index, row, making) for index, row in enumerate(rows, start=1)],
                series_instance_uid=generate_uid(),
                series_number=_SERIES_NUMBER,
                sop_instance_uid=generate_uid(),
                instance_number=1,
                manufacturer="Sagittal",
                manufacturer_model_name="Sagittal",
                software_versions=sagittal.__version__,
                device_serial_number="0",
                content_label="SEGMENTATION",
                series_description="Sagittal segmentation",
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ImagingError(f"No DICOM segmentation can be made for {source.name}: {error}.") from error
        with closing(frame_table(segmentation)), storage.atomic(path) as temporary:
            segmentation.save_as(temporary)
    return [path]


def differences(
    files: Sequence[Path], labels: Array, table: Sequence[Label], source: Source, header: Header
) -> list[str]:
    """Puts every frame back by its position and compares voxels and names."""
    path, rows, stack = files[0], table_for(labels, table), stack_for(source)
    with storage.quiet():
        data = pydicom.dcmread(path)
        pixels = data.pixel_array
    pixels = pixels.reshape(-1, *pixels.shape[-2:])
    back = np.zeros((len(stack.frames), *pixels.shape[1:]), dtype=np.uint16)
    heights = np.array([along_normal(frame) for frame in stack.frames])
    normal = np.cross(*(stack.frames[0].orientation or ()))
    names = [str(item.SegmentLabel) for item in data.SegmentSequence]
    for frame, group in zip(pixels, data.PerFrameFunctionalGroupsSequence, strict=True):
        position = np.asarray(group.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        index = int(np.argmin(np.abs(heights - position @ normal)))
        if abs(heights[index] - position @ normal) > 0.01:
            return [f"{path.name} has a frame where the scan has no slice."]
        segment = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        back[index][frame > 0] = rows[segment - 1].number
    found = []
    if not np.array_equal(np.moveaxis(back, (2, 1, 0), (0, 1, 2)), header.grid.to_source(labels)):
        found.append(f"{path.name} gives back other voxels than were written.")
    if names != [row.name[:64] for row in rows]:
        found.append(f"{path.name} gives back other names than were written.")
    return found


def why_not_referred(source: Source) -> str:
    """One sentence on why no DICOM segmentation can refer to the scan; "" where one can."""
    if source.kind != "dicom":
        return (
            "A DICOM segmentation refers to the DICOM series it was drawn on, but"
            f" {source.path.name} is no DICOM. {_ADVICE}"
        )
    if stack_for(source).assumed_axes:
        return f"{source.path.name} has no place in space, which a DICOM segmentation needs. Export NIfTI or NRRD."
    try:
        _image(source.path)
    except ImagingError as error:
        return str(error)
    return ""


def _image(path: Path) -> pydicom.Dataset:
    """A source file's header, with blanks for attributes that may be blank but must be there.

    Refused where identifiers that a segmentation must refer to are blank.
    """
    with storage.quiet(), open_dicom(path) as file:
        data = pydicom.dcmread(file, stop_before_pixels=True)
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID"):
        if not data.get(name):
            raise ImagingError(f"{path.name} has a blank {name}, so no DICOM segmentation can refer to it. {_ADVICE}")
    for name in _MAY_BE_BLANK:
        if name not in data:
            setattr(data, name, "")
    return data


def _in_source_frames(stack: Stack, voxels: Array, rows: Sequence[Label]) -> Array:
    """uint8 or uint16 (frames, rows, columns) of segment numbers, frames in the order of the source's files."""
    numbers = np.zeros(int(voxels.max()) + 1, dtype=np.uint8 if len(rows) < 256 else np.uint16)
    for segment, row in enumerate(rows, start=1):
        numbers[row.number] = segment
    slices = np.moveaxis(numbers[voxels], (0, 1, 2), (2, 1, 0))
    if len(stack.instances) > 1:
        return slices
    back = np.argsort([frame.index for frame in stack.frames])
    return slices[back]


def _description(segment: int, row: Label, making: Making) -> highdicom.seg.SegmentDescription:
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="Sagittal", family=codes.DCM.ArtificialIntelligence, version=sagittal.__version__
    )
    meaning = meaning_of(row.name)
    description = highdicom.seg.SegmentDescription(
        segment_number=segment,
        segment_label=row.name[:64],
        segmented_property_category=meaning.category,
        segmented_property_type=meaning.type,
        algorithm_type=making.value,
        algorithm_identification=None if making is Making.BY_HAND else algorithm,
        tracking_uid=generate_uid(),
        tracking_id=f"label {row.number}",
        display_color=highdicom.color.CIELabColor.from_rgb(*components(row.colour)),
    )
    if meaning.modifiers:
        # Highdicom has no argument for it; the standard puts it inside the type (PS3.3 C.8.20.4).
        kind = description.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [
            highdicom.sr.CodedConcept.from_code(one) for one in meaning.modifiers
        ]
    return description
