"""Reading a DICOM series: Sagittal beside SimpleITK's series reader, and the time to the first slice on screen.

    packaging/with-display.sh python benchmarks/dicom_series.py [--slices 300] [--side 512] [--repeats 5]
        [--syntax plain|rle|jpeg-ls|jpeg-2000]

Writes a synthetic CT series with a header as long as a scanner's, then reads it by turns with both: the whole series
from the names of its files (headers included, nothing remembered), and from its folder (told apart and put in order).
Then a fresh process opens it in three linked views, in a study that has it. Prints JSON; times are medians, in seconds.
Goals: `whole_ratio` at most 1.1; `share_when_on_screen`, how much of the series had come when its middle slice was
painted, below 1. Exit status 1 where one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
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


LIMIT = 1.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--syntax", choices=SYNTAXES, default="plain")
    parser.add_argument("--show", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.show:
        print(json.dumps(show(given.show)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "series"
        folder.mkdir()
        write_series(folder, given.slices, given.side, SYNTAXES[given.syntax])
        found = {"slices": given.slices, "side": given.side, "syntax": given.syntax, **measure(folder, given)}
        found |= show_apart(folder, Path(temporary) / "study")
    print(json.dumps(found))
    return int(not found["same_voxels"] or found["whole_ratio"] > LIMIT or found["share_when_on_screen"] >= 1)


def show_apart(series: Path, study: Path) -> dict[str, float]:
    """Has a fresh process show the series, so that nothing of it is remembered."""
    from sagittal_engine.study import Study

    with Study.create(study) as made:
        made.import_paths([series])
    command = [sys.executable, __file__, "--show", str(study)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def show(study: Path) -> dict[str, float]:
    """Opens the one scan of `study` in three views: seconds until a slice is painted, and until the scan is whole."""
    from PySide6.QtWidgets import QApplication

    from sagittal_app.canvas.state import CanvasState
    from sagittal_app.canvas.workspace import Workspace
    from sagittal_app.settings import Settings
    from sagittal_engine.service import Engine

    app = QApplication([])
    space = Workspace(CanvasState(), Settings(study.parent / "settings.ini"))
    space.resize(1200, 800)
    space.show()
    engine, lent = Engine(), []
    scan = engine.open_study(study).scans[0].scan
    app.processEvents()
    begun = time.perf_counter()
    reading = threading.Thread(target=lambda: lent.append(engine.image(scan)))
    reading.start()
    while reading.is_alive():
        app.processEvents()
        time.sleep(0.001)
    space.state.show_scan(lent[0])
    space.views["axial"].grab()
    on_screen = time.perf_counter() - begun
    arrival = lent[0].arrival
    share = 1.0 if arrival is None else arrival.share
    while arrival is not None and arrival.under_way:
        time.sleep(0.001)
    whole = time.perf_counter() - begun
    space.shut_down()
    engine.shut_down()
    return {
        "on_screen_s": round(on_screen, 3),
        "share_when_on_screen": round(share, 2),
        "whole_beside_window_s": round(whole, 3),
    }


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
    sys.exit(main())
