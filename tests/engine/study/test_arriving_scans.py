"""Long series lent from their first slice on; looks through files before an import."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from sagittal.engine_port import SagittalError
from sagittal_engine import imaging
from sagittal_engine.study import Study
from sagittal_engine.study import study as study_module
from sagittal_engine.study.looking import look_through, picture

pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]


@pytest.fixture
def series(shared_data: Path, tmp_path: Path) -> Path:
    """A copy of a real CT series of 17 slices, its three copyright files left out."""
    folder = tmp_path / "series"
    folder.mkdir()
    for file in (shared_data / "ct_dicom_torchio").rglob("*.dcm"):
        shutil.copy(file, folder)
    return folder


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Series of any length are lent early, and reading goes on past the first slice only once this is set."""
    go, real = threading.Event(), imaging.read_gradually

    def gradually(source):
        for volume, share in real(source):
            yield volume, share
            assert go.wait(10)

    monkeypatch.setattr(study_module, "MANY_FILES", 2)
    monkeypatch.setattr("sagittal_engine.study.arriving.imaging.read_gradually", gradually, raising=True)
    yield go
    go.set()


def test_a_long_series_is_lent_from_its_first_slice_on(study: Study, series: Path, held: threading.Event) -> None:
    scan = study.import_paths([series])["imported"][0]["scan"]
    volume, arrival = study.arriving_volume(scan)
    assert arrival is not None and arrival.under_way and 0 < arrival.share < 1
    again, same = study.arriving_volume(scan)
    assert again.data is volume.data and same is arrival
    held.set()
    whole = study.volume(scan)
    assert arrival.share == 1.0 and not arrival.under_way
    assert np.shares_memory(whole.data, volume.data)
    assert np.array_equal(whole.data, imaging.read(study.source(scan)).data)
    assert study.arriving_volume(scan) == (whole, None)


def test_closing_a_study_gives_up_reading(study: Study, series: Path, held: threading.Event) -> None:
    scan = study.import_paths([series])["imported"][0]["scan"]
    _, arrival = study.arriving_volume(scan)
    threading.Timer(0.05, held.set).start()
    study.close()
    assert arrival is not None and "closed before" in arrival.problem


def test_a_slice_that_cannot_be_read_is_told(
    study: Study, series: Path, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = study.import_paths([series])["imported"][0]["scan"]
    monkeypatch.setattr("sagittal_engine.study.locations.is_missing", lambda *_: False)
    last = study.source(scan).files[0]
    study.header(scan)
    _, arrival = study.arriving_volume(scan)
    last.write_bytes(last.read_bytes()[:-600])
    held.set()
    assert arrival is not None
    while arrival.under_way:
        time.sleep(0.01)
    assert "cut short" in arrival.problem
    with pytest.raises(SagittalError, match="cut short"):
        study.volume(scan)


def test_a_look_finds_what_an_import_would(series: Path, shared_data: Path, tmp_path: Path) -> None:
    (series / "notes.txt").write_text("no image")
    shutil.copytree(shared_data / "hippocampus_msd" / "unpaired", tmp_path / "nifti")
    found = look_through([series, tmp_path / "nifti"], lambda *_: None, lambda: None)
    assert found["paths"] == [str(series), str(tmp_path / "nifti")]
    ct = next(one for one in found["series"] if one.kind == "dicom")
    assert (len(ct.files), ct.modality, sorted(ct.shape)) == (17, "CT", [17, 88, 128])
    assert [Path(row["path"]).name for row in found["refused"]] == ["notes.txt"]
    drawn = picture(ct)
    assert drawn.dtype == np.uint8 and max(drawn.shape) == 96 and np.ptp(drawn) > 50


def test_series_are_listed_by_person_and_number(shared_data: Path) -> None:
    disc = shared_data / "edge_dicom" / "pydicom" / "dicomdirtests"
    series = look_through([disc], lambda *_: None, lambda: None)["series"]
    people = [one.subject for one in series]
    assert len(series) == 24 and people == sorted(people, key=people.index)
    pilots = [one.name for one in series if "PILOT" in one.name]
    assert len(pilots) == 6 and pilots == sorted(pilots)


def test_a_coronal_series_is_pictured_with_the_head_up(series: Path, tmp_path: Path) -> None:
    """Rows that run towards the feet stay as they are; columns that run to the patient's left too."""
    path = sorted(series.iterdir())[0]
    data = pydicom.dcmread(path)
    data.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    pixels = np.full((data.Rows, data.Columns), -1000, data.pixel_array.dtype)
    pixels[: data.Rows // 2, : data.Columns // 2] = 1000
    data.PixelData = pixels.tobytes()
    data.save_as(tmp_path / "coronal.dcm")
    drawn = picture(look_through([tmp_path / "coronal.dcm"], lambda *_: None, lambda: None)["series"][0])
    rows, columns = (side // 2 - 2 for side in drawn.shape)
    assert drawn[:rows, :columns].min() > drawn[rows + 4 :, columns + 4 :].max()
