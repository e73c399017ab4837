"""DICOM series made of scans that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK

from sagittal_engine.imaging import ImagingError, Source, discover, read
from sagittal_engine.imaging.exporters.dicom_series import Identity, likely_modality, write_series

Save = Callable[..., Path]


def identity(modality: str = "CT") -> Identity:
    return Identity("0123456789abcdef", "subject 7", "abdomen 7", modality)


def scan(save_nifti: Save, voxels: np.ndarray[Any, Any], affine: np.ndarray[Any, Any] | None = None) -> Any:
    path = save_nifti(voxels, np.diag([-1.0, 1.0, 2.0, 1.0]) if affine is None else affine)
    return read(Source("nifti", (path,), "scan"))


@pytest.mark.parametrize("modality", ["CT", "MR", "OT"])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.uint16, np.int32, np.float32])
def test_intensities_and_places_come_back(modality: str, dtype: Any, save_nifti: Save, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    low, high = (0, 250) if dtype == np.uint8 else (0, 60000) if dtype == np.uint16 else (-1000, 30000)
    voxels = generator.uniform(low, high, (7, 6, 5)).astype(dtype)
    turn = SimpleITK.Euler3DTransform((0, 0, 0), 0.1, 0.2, 0.3).GetMatrix()
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.reshape(turn, (3, 3)) * (0.7, 0.8, 2.5), (11.3, -7.1, 5.0)
    volume = scan(save_nifti, voxels, affine)
    made = write_series(tmp_path / "series", volume, identity(modality))
    again = read(made)
    assert np.allclose(again.affine, volume.affine, atol=1e-4)
    atol = (high - low) / 65535 if dtype == np.float32 else 0
    assert np.allclose(again.data, volume.data, atol=atol, rtol=0)
    found = discover([tmp_path / "series"])
    assert [item.files for item in found.items] == [made.files] and not found.refused
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "series")))
    assert np.prod(reader.Execute().GetSize()) == voxels.size


def test_the_same_scan_gives_the_same_identifiers_and_names_nobody(save_nifti: Save, tmp_path: Path) -> None:
    volume = scan(save_nifti, np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    one, two = (write_series(tmp_path / name, volume, identity()) for name in ("a", "b"))
    for first, second in zip(one.files, two.files, strict=True):
        assert first.read_bytes() == second.read_bytes()
    data = pydicom.dcmread(one.path)
    assert (str(data.PatientName), data.PatientID, data.SeriesDescription) == ("", "subject 7", "abdomen 7")
    other = write_series(tmp_path / "c", volume, Identity("fedcba9876543210", "subject 7", "x", "CT"))
    assert pydicom.dcmread(other.path).SeriesInstanceUID != data.SeriesInstanceUID
    assert len({pydicom.dcmread(path).SOPInstanceUID for path in (*one.files, *other.files)}) == 10


def test_slices_shifted_against_each_other_stay_so(save_nifti: Save, tmp_path: Path) -> None:
    affine = np.diag([-0.5, 0.5, 2.0, 1.0])
    affine[1, 2] = 0.7
    volume = scan(save_nifti, np.arange(120, dtype=np.int16).reshape(4, 5, 6), affine)
    again = read(write_series(tmp_path / "series", volume, identity()))
    assert np.allclose(again.grid.canonical_affine, volume.grid.canonical_affine, atol=1e-5)
    assert np.array_equal(again.data, volume.data)


def test_thick_slices_of_another_plane_stay_whole(save_nifti: Save, tmp_path: Path) -> None:
    """A sagittal acquisition: the file's third axis runs from left to right."""
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = -0.5, -0.5, 4.0, 1.0
    volume = scan(save_nifti, np.arange(60, dtype=np.int16).reshape(3, 4, 5), affine)
    made = write_series(tmp_path / "series", volume, identity("MR"))
    data = pydicom.dcmread(made.files[0])
    assert len(made.files) == 5 and [float(v) for v in data.PixelSpacing] == [0.5, 0.5]
    assert [float(v) for v in data.ImageOrientationPatient] == [0, 1, 0, 0, 0, -1]
    assert np.array_equal(read(made).data, volume.data)


def test_modality_by_header_or_intensities(save_nifti: Save, save_series: Save) -> None:
    assert likely_modality(scan(save_nifti, np.array([[[-1000, 40]]], np.int16))) == "CT"
    assert likely_modality(scan(save_nifti, np.array([[[-20, 40]]], np.int16))) == "MR"
    folder = save_series(np.zeros((3, 4, 5), np.int16), Modality="MR")
    assert likely_modality(read(discover([folder]).items[0])) == "MR"


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "modality"),
    [("abdomen_mr_chaos_t2/image_1.nii.gz", "MR"), ("hippocampus_msd/images/hippocampus_001.nii.gz", "MR")],
)
def test_real_scans_are_the_same_to_another_reader(shared_data: Path, name: str, modality: str, tmp_path: Path) -> None:
    source = discover([shared_data / name]).items[0]
    volume = read(source)
    assert likely_modality(volume) == modality
    write_series(tmp_path / "series", volume, identity(modality))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "series")))
    series = reader.Execute()
    scan = SimpleITK.ReadImage(str(source.path))
    there = SimpleITK.Resample(scan, series, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, -99999)
    step = np.ptp(np.asarray(volume.data, np.float64)) / 65535
    whole = bool((volume.data == np.rint(volume.data)).all()) and volume.data.max() < 65536
    apart = np.abs(SimpleITK.GetArrayFromImage(there) - SimpleITK.GetArrayFromImage(series).astype(np.float64))
    assert apart.max() <= (0 if whole else 0.51 * step)


def test_what_dicom_cannot_hold_is_refused(save_nifti: Save, tmp_path: Path) -> None:
    sheared = np.diag([1.0, 1.0, 1.0, 1.0])
    sheared[0, 1] = 0.3
    with pytest.raises(ImagingError, match=r"16\.7° off a right angle"):
        write_series(tmp_path / "s", scan(save_nifti, np.zeros((3, 4, 5), np.int16), sheared), identity())
    endless = np.full((3, 4, 5), np.inf, np.float32)
    with pytest.raises(ImagingError, match="infinite"):
        write_series(tmp_path / "s", scan(save_nifti, endless), identity())
    from PIL import Image

    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "photo.png")
    with pytest.raises(ImagingError, match="no place in space"):
        write_series(tmp_path / "s", read(discover([tmp_path / "photo.png"]).items[0]), identity())
    assert not (tmp_path / "s").exists()


def test_not_a_number_becomes_the_smallest_value(save_nifti: Save, tmp_path: Path) -> None:
    voxels = np.linspace(-5, 5, 60, dtype=np.float32).reshape(3, 4, 5)
    voxels[1, 1, 1] = np.nan
    again = read(write_series(tmp_path / "s", scan(save_nifti, voxels), identity("MR")))
    assert again.data.min() == pytest.approx(-5, abs=1e-3)
    assert np.nansum(np.isclose(again.data, -5, atol=1e-3)) == 2
