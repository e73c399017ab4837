"""Reading a DICOM series: Sagittal beside SimpleITK's series reader, and the time to the first slice.

    python benchmarks/dicom_series.py [--slices 300] [--side 512] [--repeats 5] [--syntax plain|rle|jpeg-ls|jpeg-2000]

Writes a synthetic CT series with a header as long as a scanner's, then reads it by turns with both: the whole series
from the names of its files (headers included, nothing remembered), and from its folder (told apart and put in order).
Prints JSON; times are medians, in seconds. Goal: `whole_ratio` at most 1.1, `first_slice_s` well below `whole_s`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from sagittal_engine import imaging

SYNTAXES = {"plain": None, "rle": RLELossless, "jpeg-ls": JPEGLSLossless, "jpeg-2000": JPEG2000Lossless}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--syntax", choices=SYNTAXES, default="plain")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_series(folder, given.slices, given.side, SYNTAXES[given.syntax])
        print(
            json.dumps({"slices": given.slices, "side": given.side, "syntax": given.syntax, **measure(folder, given)})
        )


def measure(folder: Path, given: argparse.Namespace) -> dict[str, float | bool]:
    """Medians over `given.repeats` turns of each way of reading; the two must give the same voxels."""
    source = imaging.discover([folder]).items[0]
    names = [str(path) for path in source.files]
    times: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], object]) -> object:
        for number, path in enumerate(source.files):
            os.utime(path, (number, time.time()))  # headers remembered from an earlier turn no longer count
        begun = time.perf_counter()
        result = work()
        times.setdefault(name, []).append(time.perf_counter() - begun)
        return result

    same = True
    for _ in range(given.repeats):
        ours = timed("whole_s", lambda: imaging.read(source))
        theirs = timed("simpleitk_whole_s", lambda: _simpleitk(names))
        timed("first_slice_s", lambda: next(imaging.read_gradually(source)))
        timed("folder_s", lambda: imaging.read(imaging.discover([folder]).items[0]))
        timed("simpleitk_folder_s", lambda: _simpleitk(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))))
        voxels = SimpleITK.GetArrayViewFromImage(theirs)
        same &= bool(np.array_equal(ours.grid.to_source(ours.data).transpose(2, 1, 0), voxels))
    found = {name: round(statistics.median(values), 3) for name, values in times.items()}
    return {
        **found,
        "whole_ratio": round(found["whole_s"] / found["simpleitk_whole_s"], 2),
        "folder_ratio": round(found["folder_s"] / found["simpleitk_folder_s"], 2),
        "same_voxels": same,
    }


def _simpleitk(names: list[str]) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(names)
    return reader.Execute()


def write_series(folder: Path, slices: int, side: int, syntax: pydicom.uid.UID | None) -> None:
    """A CT of smooth anatomy with noise, one file per slice, named so that names say nothing of the order."""
    random = np.random.default_rng(0)
    study, series, place = generate_uid(), generate_uid(), generate_uid()
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    for index in range(slices):
        body = np.where(rows**2 + columns**2 < 0.7, 40 + 60 * np.sin(9 * rows + index / 20) * columns, -1000)
        data = _header(index, study, series, place)
        data.Rows = data.Columns = side
        data.PixelData = (body + 1024 + random.normal(0, 12, body.shape)).clip(0, 4095).astype(np.uint16).tobytes()
        if syntax is not None:
            data.compress(syntax, generate_instance_uid=False)
        data.save_as(folder / f"IM{(index * 7919) % slices:05d}", enforce_file_format=True)


def _header(index: int, study: str, series: str, place: str) -> FileDataset:
    """About a hundred elements, private ones and sequences among them, as scanners write."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    plain = {
        "SOPClassUID": CTImageStorage, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "StudyInstanceUID": study,
        "SeriesInstanceUID": series, "FrameOfReferenceUID": place, "Modality": "CT", "PatientID": "1",
        "PatientName": "Nobody", "SeriesNumber": 2, "SeriesDescription": "Abdomen", "InstanceNumber": index + 1,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "StudyDate": "20200101", "StudyTime": "120000",
        "AcquisitionTime": "120001", "ContentTime": "120002", "Manufacturer": "Example", "KVP": 120,
        "ManufacturerModelName": "Scanner", "SliceThickness": 1.0, "GantryDetectorTilt": 0, "TableHeight": 150,
        "ExposureTime": 500, "XRayTubeCurrent": 200, "Exposure": 100, "ConvolutionKernel": "B30f",
        "ImagePositionPatient": [-180.0, -180.0, 1.0 * index], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "SliceLocation": 1.0 * index, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "PixelSpacing": [0.7, 0.7], "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0,
        "WindowCenter": [40, 300], "WindowWidth": [400, 1500], "RescaleSlope": 1, "RescaleIntercept": -1024,
        "RescaleType": "HU",
    }  # fmt: skip
    for name, value in plain.items():
        setattr(data, name, value)
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-D4000", "SRT", "Abdomen"
    data.ProcedureCodeSequence = [item]
    block = data.private_block(0x0019, "EXAMPLE MODULE", create=True)
    for number in range(0x10, 0x48):
        block.add_new(number, "LO", f"value {number}")
    return data


if __name__ == "__main__":
    main()
