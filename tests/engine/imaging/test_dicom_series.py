"""DICOM series, told apart, put in order and decoded; SimpleITK and pydicom are the independent readers."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    EnhancedMRImageStorage,
    RTPlanStorage,
    SegmentationStorage,
    generate_uid,
)

from sagittal_engine.imaging import ImagingError, Source, content_id, discover, probe, read

Series = Callable[..., Path]
Only = Callable[[Path], Source]
Change = Callable[[Dataset], None]
MultiFrame = Callable[..., Path]
VOXELS = np.random.default_rng(2).integers(0, 1500, (5, 4, 6)).astype(np.int16)
"""(slices, rows, columns)"""


def in_file_order(source: Source) -> np.ndarray[Any, Any]:
    """Voxels as (slices, rows, columns), slices along the normal."""
    volume = read(source)
    return volume.grid.to_source(volume.data).transpose(2, 1, 0)


def test_slices_are_sorted_by_position(save_series: Series, only: Only) -> None:
    source = only(save_series(VOXELS))
    volume = read(source)
    assert np.array_equal(in_file_order(source), VOXELS)
    assert volume.header.shape == (6, 4, 5)
    assert volume.header.orientation == "LPS"
    assert np.allclose(volume.spacing, (0.5, 0.7, 2.5))
    assert volume.header.warnings == ()
    assert not volume.data.flags.writeable
    assert (volume.header.modality, volume.header.unit) == ("CT", "HU")
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(source.path.parent)))
    image = reader.Execute()
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), VOXELS)
    corner = image.TransformIndexToPhysicalPoint((5, 0, 4))
    assert np.allclose(volume.grid.affine @ (5, 0, 4, 1), (-corner[0], -corner[1], corner[2], 1))


@pytest.mark.parametrize("orientation", [(0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, 0, -1), (0.6, 0.8, 0, 0, 0, -1)])
def test_other_planes(save_series: Series, only: Only, orientation: tuple[float, ...]) -> None:
    normal = np.cross(orientation[:3], orientation[3:])
    positions = np.array([5.0, 6.0, 7.0]) + np.outer(np.arange(5) * 2.5, normal)
    source = only(save_series(VOXELS, orientation=orientation, positions=positions))
    header = probe(source)
    assert np.array_equal(in_file_order(source), VOXELS)
    assert np.allclose(header.grid.affine @ (0, 0, 3, 1), [*(positions[3] * (-1, -1, 1)), 1])
    assert np.allclose(header.grid.affine[:3, 0], np.array(orientation[:3]) * 0.5 * (-1, -1, 1))
    assert np.linalg.det(header.affine[:3, :3]) > 0


def test_patients_are_never_named(save_series: Series, only: Only) -> None:
    source = only(save_series(VOXELS, SeriesDescription="ct erika abdomen"))
    header = probe(source)
    told = f"{source.name} {header}"
    assert "rika" not in told and "4711" not in told
    assert header.subject.startswith("P-")
    assert header.subject == probe(only(save_series(VOXELS, name="again"))).subject
    assert probe(only(save_series(VOXELS, name="blank", PatientID=""))).subject == ""


def test_uneven_distances_are_called_uneven(save_series: Series, only: Only) -> None:
    positions = [(0, 0, z) for z in (0, 2, 4, 8, 10)]
    header = probe(only(save_series(VOXELS, positions=positions)))
    assert header.spacing[2] == pytest.approx(2)
    assert "uneven: 2 to 4 mm" in header.warnings[0] and "slices 3 and 4" in header.warnings[0]
    assert "missing" not in header.warnings[0]


def test_gantry_tilt_is_named(save_series: Series, only: Only) -> None:
    positions = [(0, index * 1.0, index * 2.5) for index in range(5)]
    source = only(save_series(VOXELS, positions=positions))
    header = probe(source)
    assert "gantry tilt" in header.warnings[0] and "21.8°" in header.warnings[0]
    assert len(header.warnings) == 1
    assert np.allclose(header.grid.affine @ (0, 0, 4, 1), (0, -4, 10, 1))
    assert np.array_equal(in_file_order(source), VOXELS)


def test_slices_out_of_line_are_named(save_series: Series, only: Only) -> None:
    positions = [(0, 0, 0), (0, 0, 2), (1.5, 0, 4), (0, 0, 6), (0, 0, 8)]
    assert "up to 1.5 mm beside" in probe(only(save_series(VOXELS, positions=positions))).warnings[0]


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"), [(1, -1024, "int16"), (2, 0, "int16"), (0.5, 10, "float32"), (100, 0, "int32")]
)
def test_values_are_rescaled(save_series: Series, only: Only, slope: float, intercept: float, dtype: str) -> None:
    source = only(save_series(VOXELS.astype(np.uint16), RescaleSlope=slope, RescaleIntercept=intercept))
    volume = read(source)
    assert np.allclose(in_file_order(source), VOXELS.astype(float) * slope + intercept)
    assert volume.data.dtype == dtype == volume.header.dtype


def test_slopes_that_differ_between_slices(save_series: Series, only: Only) -> None:
    def change(data: Dataset, index: int) -> None:
        data.RescaleSlope, data.RescaleIntercept = 0.5 * (index + 1), 0

    source = only(save_series(VOXELS, change=change))
    assert np.allclose(in_file_order(source), VOXELS * 0.5 * np.arange(1, 6)[:, None, None])


def test_wide_values_are_not_wrapped(save_series: Series, only: Only) -> None:
    wide = VOXELS.astype(np.uint16) + 60000
    source = only(save_series(wide, RescaleSlope=1, RescaleIntercept=-1024))
    assert np.array_equal(in_file_order(source), wide.astype(int) - 1024)
    assert read(source).header.dtype == "int32"


def test_the_headers_window_comes_first(save_series: Series, only: Only) -> None:
    source = only(save_series(VOXELS, WindowCenter=[40, 300], WindowWidth=[400, 1500]))
    assert probe(source).window == (-160.0, 240.0) == read(source).window
    assert probe(only(save_series(VOXELS, name="none"))).window is None


def test_padding_does_not_move_the_window(save_series: Series, only: Only) -> None:
    padded = VOXELS.copy()
    padded[:, :2] = -2000
    volume = read(only(save_series(padded, PixelPaddingValue=-2000, RescaleIntercept=-1024, RescaleSlope=1)))
    assert volume.header.padding == -3024
    assert volume.window[0] >= -1024


def test_the_word_none_in_a_header_is_nothing(save_series: Series, only: Only) -> None:
    blanked = {"SeriesDescription": "None", "Manufacturer": "Maker", "ManufacturerModelName": "None"}
    header = probe(only(save_series(VOXELS, **blanked)))
    assert header.facts["scanner"] == "Maker" and "series" not in header.facts


def test_monochrome1_is_turned_round(save_series: Series, only: Only) -> None:
    pixels = VOXELS.astype(np.uint16)
    pixels[0, 0, 0] = 0
    attributes = {
        "PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12, "HighBit": 11,
        "WindowCenter": 3000, "WindowWidth": 100, "PixelPaddingValue": 0,
    }  # fmt: skip
    source = only(save_series(pixels, **attributes))
    values = in_file_order(source)
    assert np.array_equal(values[1:], 4095 - pixels[1:].astype(int))
    assert values[0, 0, 0] == values[0].min()
    header = probe(source)
    assert header.window == (1045.0, 1145.0)
    assert any("MONOCHROME1" in text for text in header.warnings)


def test_series_in_one_folder_are_told_apart(save_series: Series) -> None:
    folder = save_series(VOXELS)
    other = save_series(VOXELS + 7, name="other", SeriesDescription="Thorax")
    for path in other.iterdir():
        shutil.move(path, folder / f"b{path.name}")
    found = discover([folder])
    assert found.refused == []
    assert sorted((item.name, len(item.files)) for item in found.items) == [("CT Abdomen", 5), ("CT Thorax", 5)]


def test_blank_series_numbers_fall_back_on_folders(save_series: Series, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_series(VOXELS, name=name, SeriesInstanceUID="", StudyInstanceUID="")
    assert [len(item.files) for item in discover([tmp_path]).items] == [5, 5]


def test_stacks_of_one_series_are_told_apart(save_series: Series) -> None:
    def echoes(data: Dataset, index: int) -> None:
        data.EchoTime = 10.0 if index < 5 else 80.0

    positions = [(0, 0, 2.0 * (index % 5)) for index in range(10)]
    both = np.concatenate([VOXELS, VOXELS + 100])
    found = discover([save_series(both, positions=positions, change=echoes)])
    assert [item.name for item in found.items] == ["CT Abdomen (stack 1 of 2)", "CT Abdomen (stack 2 of 2)"]
    stacks = [in_file_order(item) for item in found.items]
    assert np.array_equal(stacks[0], VOXELS) and np.array_equal(stacks[1], VOXELS + 100)

    unnamed = discover([save_series(both, name="unnamed", positions=positions)])
    stacks = [in_file_order(item) for item in unnamed.items]
    assert np.array_equal(stacks[0], VOXELS) and np.array_equal(stacks[1], VOXELS + 100)


def test_localizers_in_three_directions(save_series: Series) -> None:
    directions = [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1]]

    def change(data: Dataset, index: int) -> None:
        data.ImageOrientationPatient = directions[index]

    found = discover([save_series(VOXELS[:3], change=change)])
    assert [len(item.files) for item in found.items] == [1, 1, 1]
    assert {probe(item).orientation for item in found.items} == {"LPS", "PIR", "LIP"}


def test_a_repeated_image_is_refused(save_series: Series) -> None:
    folder = save_series(VOXELS)
    shutil.copy(folder / "000.dcm", folder / "copy.dcm")
    found = discover([folder])
    assert [len(item.files) for item in found.items] == [5]
    assert found.refused[0].reason == "copy.dcm repeats the image of 000.dcm; one of them is enough."


def test_the_readable_one_of_two_copies_is_kept(save_series: Series) -> None:
    folder = save_series(VOXELS[:1])
    data = pydicom.dcmread(folder / "000.dcm")
    data.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    data.save_as(folder / "000 copy.dcm")
    block = bytearray((folder / "000 copy.dcm").read_bytes())
    block[-20:] = bytes(20)
    (folder / "000 copy.dcm").write_bytes(bytes(block[:-16]))
    found = discover([folder])
    assert [item.path.name for item in found.items] == ["000.dcm"]


def test_content_does_not_depend_on_names(save_series: Series, only: Only, tmp_path: Path) -> None:
    folder = save_series(VOXELS)
    before = content_id(only(folder))
    moved = tmp_path / "moved"
    moved.mkdir()
    for number, path in enumerate(sorted(folder.iterdir(), reverse=True)):
        shutil.copy(path, moved / f"{number}")
    assert content_id(only(moved)) == before


def test_gzip_wrapped_files(save_series: Series, only: Only) -> None:
    folder = save_series(VOXELS)
    for path in list(folder.iterdir()):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert np.array_equal(in_file_order(only(folder)), VOXELS)


@pytest.fixture
def multi_frame(new_dicom: Callable[..., Dataset], put_pixels: Callable[..., None], tmp_path: Path) -> MultiFrame:
    """Writes an enhanced MR image with the geometry in its functional groups."""

    def save(name: str, positions: list[tuple[float, float, float]], change: Change = lambda data: None) -> Path:
        data = _enhanced(new_dicom(EnhancedMRImageStorage, "MR"), positions)
        put_pixels(data, np.arange(len(positions) * 24, dtype=np.uint16).reshape(-1, 4, 6))
        change(data)
        data.save_as(tmp_path / name, enforce_file_format=True)
        return tmp_path / name

    return save


def _enhanced(data: Dataset, positions: list[tuple[float, float, float]]) -> Dataset:
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    shared, measures, plane, values = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.7, 0.5], 2
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    values.RescaleSlope, values.RescaleIntercept = 2, -5
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([plane])
    shared.PixelValueTransformationSequence = Sequence([values])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for position in positions:
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = list(position)
        frame.PlanePositionSequence = Sequence([place])
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return data


def test_enhanced_multi_frame(only: Only, multi_frame: MultiFrame) -> None:
    places = [(0.0, 0.0, z) for z in (4.0, 0.0, 2.0)]
    source = only(multi_frame("a.dcm", places))
    header = probe(source)
    assert header.shape == (6, 4, 3) and np.allclose(header.spacing, (0.5, 0.7, 2))
    stored = np.arange(72).reshape(3, 4, 6)
    assert np.array_equal(in_file_order(source), stored[[1, 2, 0]] * 2 - 5)


def test_multi_frame_with_times_is_refused(multi_frame: MultiFrame) -> None:
    path = multi_frame("a.dcm", [(0.0, 0.0, float(z % 2)) for z in range(6)])
    assert "is 4D: it holds 6 frames in 2 places" in discover([path]).refused[0].reason


def test_a_film_is_refused_and_a_volume_without_places_is_not(only: Only, multi_frame: MultiFrame) -> None:
    def strip(data: Dataset) -> None:
        del data.PerFrameFunctionalGroupsSequence
        del data.SharedFunctionalGroupsSequence

    def volume(data: Dataset) -> None:
        strip(data)
        data.VolumetricProperties, data.SpacingBetweenSlices = "VOLUME", 1.2

    film = multi_frame("film.dcm", [(0.0, 0.0, 0.0)] * 3, strip)
    assert "a film, not a volume" in discover([film]).refused[0].reason
    header = probe(only(multi_frame("volume.dcm", [(0.0, 0.0, 0.0)] * 3, volume)))
    assert header.shape == (6, 4, 3) and header.spacing[2] == pytest.approx(1.2)
    assert any("no place in space" in text for text in header.warnings)


def test_a_radiograph_knows_no_place(
    only: Only, tmp_path: Path, new_dicom: Callable[..., Dataset], put_pixels: Callable[..., None]
) -> None:
    data = new_dicom(ComputedRadiographyImageStorage, "CR")
    put_pixels(data, VOXELS[0])
    data.ImagerPixelSpacing = [0.2, 0.1]
    data.save_as(tmp_path / "cr.dcm", enforce_file_format=True)
    header = probe(only(tmp_path / "cr.dcm"))
    assert header.shape == (6, 4, 1) and header.spacing[:2] == pytest.approx((0.1, 0.2))
    assert header.grid.assumed_axes and "no place in space" in header.warnings[0]
    assert not header.grid.assumed_size
    del data.ImagerPixelSpacing
    data.save_as(tmp_path / "bare.dcm", enforce_file_format=True)
    assert probe(only(tmp_path / "bare.dcm")).grid.assumed_size


@pytest.mark.parametrize(
    ("sop_class", "modality", "words"),
    [
        (RTPlanStorage, "RTPLAN", "holds no image: it is of the kind 'RT Plan Storage'"),
        (SegmentationStorage, "SEG", "is a DICOM segmentation"),
    ],
)
def test_objects_that_are_no_scans(
    sop_class: str, modality: str, words: str, tmp_path: Path, new_dicom: Callable[..., Dataset]
) -> None:
    new_dicom(sop_class, modality).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = discover([tmp_path])
    assert found.items == [] and words in found.refused[0].reason


def test_cut_and_odd_files_are_refused(save_series: Series) -> None:
    folder = save_series(VOXELS[:1])
    path = folder / "000.dcm"
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert "cut short" in discover([folder]).refused[0].reason
    path.write_bytes(whole[:200])
    assert len(discover([folder]).refused) == 1
    data = pydicom.dcmread(save_series(VOXELS[:1], name="b") / "000.dcm")
    data.ImageOrientationPatient = [0, 0, 0, 0, 0, 0]
    data.save_as(path)
    assert "is no plane" in discover([folder]).refused[0].reason


def test_a_stream_that_no_decoder_knows(save_series: Series, only: Only) -> None:
    folder = save_series(VOXELS[:1])
    data = pydicom.dcmread(folder / "000.dcm")
    data.compress(pydicom.uid.RLELossless)
    data.PixelData = pydicom.encaps.encapsulate([bytes(8)])
    data.save_as(folder / "000.dcm")
    with pytest.raises(ImagingError, match=r"The pixels of 000.dcm cannot be decoded"):
        read(only(folder))
