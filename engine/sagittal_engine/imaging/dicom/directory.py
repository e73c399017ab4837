"""DICOMDIR: the index of a disc (PS3.3, annex F; PS3.10, section 8)."""

from __future__ import annotations

from pathlib import Path

import pydicom

from sagittal_engine.imaging import storage
from sagittal_engine.imaging.dicom.opening import open_dicom
from sagittal_engine.imaging.volume import ImagingError


def files_listed(path: Path) -> tuple[list[Path], list[Path]]:
    """The files that a DICOMDIR refers to: those that are there, and those that are not.

    Discs are often copied with their names in lower case, so that is tried as well. Raises `ImagingError` where the
    index cannot be read.
    """
    with storage.quiet():
        try:
            with open_dicom(path) as file:
                records = pydicom.dcmread(file).get("DirectoryRecordSequence") or []
            referred = [record.ReferencedFileID for record in records if record.get("ReferencedFileID")]
            parts = [(each,) if isinstance(each, str) else tuple(map(str, each)) for each in referred]
        except Exception as error:  # a damaged index can make pydicom raise nearly anything
            raise ImagingError(f"{path.name} is a damaged index. Choose the folder it lies in instead.") from error
    there: list[Path] = []
    missing: list[Path] = []
    for names in dict.fromkeys(parts):
        if any(name in ("", ".", "..") or "/" in name or "\\" in name for name in names):
            continue  # no name on a disc (PS3.10, 8.2): it would lead out of it
        places = (path.parent.joinpath(*names), path.parent.joinpath(*(name.lower() for name in names)))
        found = next((place for place in places if place.is_file()), None)
        (missing if found is None else there).append(found or places[0])
    return there, missing
