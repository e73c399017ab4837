"""Tiny files of every kind, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from sagittal.facts import Label
from sagittal_engine.imaging import Source, discover

Array = np.ndarray[Any, Any]


@pytest.fixture
def table() -> list[Label]:
    return [Label(1, "liver", "#E69F00"), Label(2, "right kidney", "#56B4E9"), Label(7, "Milz (groß)", "#009E73")]


@pytest.fixture
def only() -> Callable[[Path], Source]:
    """The one source found at a path."""

    def find(path: Path) -> Source:
        found = discover([path])
        assert len(found.items) == 1, found
        return found.items[0]

    return find


@pytest.fixture
def save_nifti(tmp_path: Path) -> Callable[..., Path]:
    """Writes an array as NIfTI: `affine` becomes the sform, with codes as given."""

    def save(
        array: Array,
        affine: Array | None = None,
        name: str = "scan.nii",
        version: int = 1,
        qform: Array | None = None,
        codes: tuple[int, int] = (0, 2),
        change: Callable[[Any], None] = lambda header: None,
    ) -> Path:
        image = (nibabel.Nifti2Image if version == 2 else nibabel.Nifti1Image)(array, None, dtype=array.dtype)
        image.set_sform(np.eye(4) if affine is None else affine, codes[1])
        image.set_qform(qform, codes[0])
        if affine is not None and qform is None:
            image.header["pixdim"][1:4] = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
        change(image.header)
        nibabel.save(image, tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def save_series(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CT series, one file per slice; `change(data, index)` makes it odd."""

    def save(
        voxels: Array,
        name: str = "series",
        orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
        positions: Array | None = None,
        spacing: tuple[float, float] = (0.7, 0.5),
        change: Callable[[Dataset, int], None] = lambda data, index: None,
        **attributes: Any,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        study, series, frame_of_reference = generate_uid(), generate_uid(), generate_uid()
        for index, pixels in enumerate(voxels):
            data = _new_dicom(CTImageStorage)
            data.StudyInstanceUID, data.SeriesInstanceUID = study, series
            data.FrameOfReferenceUID = frame_of_reference
            data.PatientID, data.PatientName = "4711", "Mustermann^Erika"
            data.PatientBirthDate, data.PatientSex = "19700101", "F"
            data.StudyID, data.AccessionNumber, data.ReferringPhysicianName = "1", "", ""
            data.StudyDate, data.StudyTime = "20200101", "120000"
            data.SeriesNumber, data.InstanceNumber, data.SeriesDescription = 3, index + 1, "Abdomen"
            data.ImageOrientationPatient = list(orientation)
            place = (10.0, 20.0, 30.0 + 2.5 * index) if positions is None else positions[index]
            data.ImagePositionPatient = [float(value) for value in place]
            data.PixelSpacing, data.SliceThickness = list(spacing), 2.5
            _put_pixels(data, pixels)
            for key, value in attributes.items():
                setattr(data, key, value)
            change(data, index)
            # Names in no order at all: only positions may decide.
            data.save_as(folder / f"{(index * 7) % len(voxels):03d}.dcm", enforce_file_format=True)
        return folder

    return save


@pytest.fixture(scope="session")
def new_dicom() -> Callable[..., FileDataset]:
    """An empty DICOM file of one class."""
    return _new_dicom


@pytest.fixture(scope="session")
def put_pixels() -> Callable[[Dataset, Array], None]:
    """Puts (rows, columns) or (frames, rows, columns) of a 16-bit type into a DICOM file."""
    return _put_pixels


def _new_dicom(sop_class: str, modality: str = "CT") -> FileDataset:
    """An empty DICOM file of one class."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = sop_class, meta.MediaStorageSOPInstanceUID, modality
    return data


def _put_pixels(data: Dataset, pixels: Array) -> None:
    """Puts (rows, columns) or (frames, rows, columns) of a 16-bit type into `data`."""
    data.Rows, data.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        data.NumberOfFrames = len(pixels)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = np.ascontiguousarray(pixels).tobytes()
