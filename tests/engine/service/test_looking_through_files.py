"""The port's part before an import: a look as a task, pictures of what it found, patients on demand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from sagittal.engine_port import SagittalError
from sagittal.events import Reason, TaskFinished
from sagittal_engine.service import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.shut_down()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A NIfTI image with its label map, and one CT slice of somebody."""
    data = np.arange(60).reshape(5, 4, 3).astype(np.int16)
    for name in ("image_1.nii", "label_1.nii"):
        nibabel.save(nibabel.Nifti1Image(data % (3 if "label" in name else 99), np.eye(4)), tmp_path / name)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_ = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    slice_.SOPClassUID, slice_.SOPInstanceUID, slice_.Modality = CTImageStorage, meta.MediaStorageSOPInstanceUID, "CT"
    slice_.PatientName, slice_.PatientID, slice_.SeriesInstanceUID = "Mustermann^Erika", "4711", generate_uid()
    slice_.Rows, slice_.Columns, slice_.SamplesPerPixel = 8, 6, 1
    slice_.BitsAllocated = slice_.BitsStored = 16
    slice_.HighBit, slice_.PixelRepresentation, slice_.PhotometricInterpretation = 15, 0, "MONOCHROME2"
    slice_.PixelData = np.arange(48, dtype=np.uint16).tobytes()
    slice_.save_as(tmp_path / "slice.dcm", enforce_file_format=True)
    return tmp_path


def test_a_look_needs_no_study_and_names_nobody(engine: Engine, folder: Path) -> None:
    task = engine.start_look([folder])
    ended: list[TaskFinished] = []
    deadline = time.monotonic() + 30
    while not ended and time.monotonic() < deadline:
        ended = [event for event in engine.events() if isinstance(event, TaskFinished)]
        time.sleep(0.01)
    (event,) = ended
    assert (event.source, event.kind, event.reason) == (task, "look", Reason.COMPLETED)
    image, ct = sorted(event.result["series"], key=lambda one: one.kind, reverse=True)
    assert image.labels == (str(folder / "label_1.nii"),) and image.shape == (5, 4, 3)
    assert ct.subject.startswith("P-") and "rika" not in repr(event.result)
    assert engine.series_thumbnail(ct).dtype == np.uint8
    assert engine.patient(Path(ct.files[0])) == "Mustermann Erika, 4711"
    assert engine.patient(Path(image.files[0])) == ""


def test_the_patient_of_a_file_that_is_gone(engine: Engine, folder: Path) -> None:
    with pytest.raises(SagittalError, match="could not be read"):
        engine.patient(folder / "gone.dcm")
