"""The person a DICOM file is of: read when somebody asks to see it, and kept nowhere."""

from __future__ import annotations

from pathlib import Path

import pydicom

from sagittal_engine.imaging import storage
from sagittal_engine.imaging.dicom.opening import open_dicom
from sagittal_engine.imaging.sniffing import Kind, kind_of
from sagittal_engine.imaging.volume import ImagingError


def patient_of(path: Path) -> str:
    """ "Yamada Tarou, 12345": the patient's name and id as the header has them; "" where there is neither.

    Raises `ImagingError` where the file cannot be read. Nothing here may be logged, cached or written to disk.
    """
    with storage.quiet():
        try:
            if kind_of(path) is not Kind.DICOM:
                return ""
            with open_dicom(path) as file:
                data = pydicom.dcmread(
                    file, stop_before_pixels=True, specific_tags=["PatientName", "PatientID", "SpecificCharacterSet"]
                )
                name = str(data.get("PatientName") or "").split("=")
                words = [part.replace("^", " ").strip() for part in name]
                return ", ".join(part for part in (_written(words), str(data.get("PatientID") or "").strip()) if part)
        except OSError as error:
            raise ImagingError(f"{path.name} could not be read: {error.strerror or error}.") from error
        except Exception:  # a damaged header can make pydicom raise nearly anything, and may quote the name in it
            raise ImagingError(f"{path.name} does not let its patient's name be read; its header is damaged.") from None


def _written(groups: list[str]) -> str:
    """The alphabetic, ideographic and phonetic forms of a name (PS3.5, 6.2.1.1): the first, the others in brackets."""
    first, *others = [group for group in groups if group] or [""]
    return f"{first} ({', '.join(others)})" if others else first
