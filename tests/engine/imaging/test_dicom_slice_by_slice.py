"""Series that come in slice by slice, plain pixels read without a decoder, slices that do not say where they lie."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from sagittal_engine.imaging import ImagingError, Source, discover, glimpse, probe, read, read_gradually
from sagittal_engine.imaging.dicom.instance import read_instance
from sagittal_engine.imaging.dicom.person import patient_of

Series = Callable[..., Path]
Only = Callable[[Path], Source]
VOXELS = np.random.default_rng(5).integers(0, 1500, (9, 8, 6)).astype(np.int16)
"""(slices, rows, columns)"""


def in_file_order(volume) -> np.ndarray:
    return volume.grid.to_source(volume.data).transpose(2, 1, 0)


def test_the_middle_slice_comes_first_then_its_neighbours(save_series: Series, only: Only) -> None:
    source = only(save_series(VOXELS - 100))
    came, shares = [], []
    for volume, share in read_gradually(source):
        slices = in_file_order(volume)
        came.append([place for place in range(9) if np.array_equal(slices[place], VOXELS[place] - 100)])
        shares.append(share)
    assert came[0] == [4] and came[1] in ([3, 4], [4, 5]) and came[2] == [3, 4, 5] and came[-1] == list(range(9))
    assert shares == pytest.approx([(n + 1) / 9 for n in range(9)])


def test_what_has_not_come_is_as_dark_as_the_first_slice(save_series: Series, only: Only) -> None:
    source = only(save_series(VOXELS - 1000))
    coming = read_gradually(source)
    first, _ = next(coming)
    assert first.header.window is not None  # an estimate: the header has none
    second, _ = next(coming)
    assert (in_file_order(second)[0] == (VOXELS[4] - 1000).min()).all()
    *_, (last, share) = coming
    assert share == 1.0 and last.header.window is None and np.shares_memory(last.data, first.data)


def test_a_slice_of_a_wider_type_changes_the_type_of_all(save_series: Series, only: Only) -> None:
    wide = VOXELS.astype(np.uint16)
    wide[0] += 60_000
    source = only(save_series(wide, RescaleSlope=1, RescaleIntercept=-1024))
    types = [volume.data.dtype for volume, _ in read_gradually(source)]
    assert types[0] == "int16" and types[-1] == "int32"
    assert np.array_equal(in_file_order(read(source)), wide.astype(int) - 1024)


def test_a_glimpse_is_the_middle_slice_in_its_place(save_series: Series, only: Only) -> None:
    orientation = (1, 0, 0, 0, 0, -1)
    positions = [(5.0, 6.0 + 2.5 * place, 7.0) for place in range(9)]
    source = only(save_series(VOXELS, orientation=orientation, positions=positions))
    whole, part = read(source), glimpse(source)
    assert part.data.shape == (6, 1, 8)
    there = np.linalg.inv(whole.affine) @ part.affine @ (0, 0, 0, 1)
    i, j, k = np.rint(there[:3]).astype(int)
    assert np.allclose(there[:3], (i, j, k), atol=1e-6)
    assert np.array_equal(whole.data[i : i + 6, j : j + 1, k : k + 8], part.data)


@pytest.mark.parametrize("signed", [True, False])
def test_bits_beyond_those_stored_are_no_part_of_a_value(save_series: Series, only: Only, signed: bool) -> None:
    values = (VOXELS - 700).astype(np.int16) if signed else VOXELS.astype(np.uint16)
    dirty = (values.view(np.uint16) & 0x0FFF) | 0xA000
    source = only(save_series(dirty.view(values.dtype), BitsStored=12, HighBit=11))
    assert read_instance(source.files[0]).pixels is not None
    volume = in_file_order(read(source))
    assert np.array_equal(volume, values)
    theirs = {float(data.ImagePositionPatient[2]): data.pixel_array for data in map(pydicom.dcmread, source.files)}
    assert np.array_equal(volume, [theirs[place] for place in sorted(theirs)])


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless,
     JPEG2000Lossless],
    ids=lambda uid: uid.name,
)  # fmt: skip
def test_every_syntax_gives_the_same_voxels(save_series: Series, only: Only, syntax: pydicom.uid.UID) -> None:
    big = np.kron(VOXELS, np.ones((1, 8, 8), np.int16)).astype(np.uint16)
    folder = save_series(big)
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        if syntax.is_compressed:
            data.compress(syntax, generate_instance_uid=False)
        elif syntax == ExplicitVRBigEndian:
            data.PixelData = data.pixel_array.astype(">u2").tobytes()
        data.file_meta.TransferSyntaxUID = syntax
        little = syntax != ExplicitVRBigEndian
        fresh = pydicom.dataset.FileDataset("", data, file_meta=data.file_meta, preamble=b"\0" * 128)
        pydicom.dcmwrite(path, fresh, implicit_vr=syntax.is_implicit_VR, little_endian=little, force_encoding=True)
    source = only(folder)
    volume = read(source)
    assert np.array_equal(in_file_order(volume), big)
    assert read_instance(source.files[0]).pixels is None or not syntax.is_compressed


def test_a_file_cut_short_after_its_header_was_read(save_series: Series, only: Only) -> None:
    source = only(save_series(VOXELS))
    for path in source.files:
        read_instance(path)
    whole = source.files[2].read_bytes()
    source.files[2].write_bytes(whole[:-10])
    with pytest.raises(ImagingError, match="cut short"):
        read(source)


def test_header_values_of_another_series_are_not_taken_over(save_series: Series) -> None:
    for name, slope in (("one", 1), ("two", 2)):
        save_series(VOXELS, name=name, RescaleSlope=slope, SeriesInstanceUID="", StudyInstanceUID="")
    folder = save_series(VOXELS, name="three", RescaleSlope=2, SeriesInstanceUID="", StudyInstanceUID="")
    found = discover([folder.parent])
    assert [len(item.files) for item in found.items] == [9, 9, 9]
    maxima = {item.path.parent.name: int(read(item).data.max()) for item in found.items}
    assert maxima == {"one": VOXELS.max(), "two": 2 * VOXELS.max(), "three": 2 * VOXELS.max()}


def test_what_a_slice_lacks_is_not_taken_from_its_neighbour(save_series: Series) -> None:
    def change(data: Dataset, index: int) -> None:
        if index == 0:
            data.EchoTime, data.SliceLocation = 10.0, 3.0

    folder = save_series(VOXELS[:2], change=change)
    first, second = (read_instance(folder / name) for name in ("000.dcm", "001.dcm"))
    assert first.split["EchoTime"] == "10.0" and first.frames[0].location == 3.0
    assert "EchoTime" not in second.split and second.frames[0].location is None
    assert second.frames[0].position != first.frames[0].position and second.sop_uid != first.sop_uid


def test_all_windows_of_a_header(save_series: Series, only: Only) -> None:
    attributes = {
        "WindowCenter": [40, 300, 1], "WindowWidth": [400, 1500, 0],
        "WindowCenterWidthExplanation": ["ABDOMEN", "BONE", ""],
    }  # fmt: skip
    header = probe(only(save_series(VOXELS, **attributes)))
    assert header.windows == (("ABDOMEN", -160.0, 240.0), ("BONE", -450.0, 1050.0))
    assert header.window == header.windows[0][1:]


@pytest.mark.parametrize("locations", [True, False])
def test_slices_without_a_place_are_put_in_order(save_series: Series, only: Only, locations: bool) -> None:
    def change(data: Dataset, index: int) -> None:
        del data.ImagePositionPatient, data.ImageOrientationPatient
        if locations:
            data.SliceLocation = 4.0 * index

    source = only(save_series(VOXELS, change=change))
    assert len(source.files) == 9
    volume = read(source)
    assert np.array_equal(in_file_order(volume), VOXELS)
    assert volume.spacing[2] == (4.0 if locations else 2.5)
    assert "no place in space" in volume.header.warnings[0]


def test_radiographs_without_a_place_stay_apart(save_series: Series) -> None:
    def change(data: Dataset, index: int) -> None:
        del data.ImagePositionPatient, data.ImageOrientationPatient
        data.Modality = "CR"

    assert [len(item.files) for item in discover([save_series(VOXELS[:3], change=change)]).items] == [1, 1, 1]


@pytest.mark.parametrize(("syntax", "marker"), [(JPEGLSLossless, b"\xff\xf7"), (JPEG2000Lossless, b"\xff\x4f\xff\x51")])
def test_a_stream_that_claims_another_size_is_not_decoded(
    save_series: Series, only: Only, syntax: pydicom.uid.UID, marker: bytes
) -> None:
    """A decoder would work for minutes on what the stream claims."""
    big = np.kron(VOXELS[:1], np.ones((1, 8, 8), np.int16)).astype(np.uint16)
    path = next(save_series(big).iterdir())
    data = pydicom.dcmread(path)
    data.compress(syntax, generate_instance_uid=False)
    data.save_as(path)
    block = bytearray(path.read_bytes())
    at = block.index(marker) + (5 if syntax == JPEGLSLossless else 8)
    block[at : at + 2] = b"\x7f\xff"
    path.write_bytes(bytes(block))
    source = only(path)
    with pytest.raises(ImagingError, match="its stream is of"):
        read(source)


def test_a_number_of_frames_that_is_only_claimed(save_series: Series) -> None:
    folder = save_series(VOXELS[:1], NumberOfFrames=2_000_000_000)
    found = discover([folder])
    assert not found.items and "claims to hold 2,000,000,000 frames" in found.refused[0].reason


def test_a_dicomdir_stands_for_the_files_it_lists(shared_data: Path, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    shutil.copytree(shared_data / "edge_dicom" / "pydicom" / "dicomdirtests", disc)
    whole = discover([disc / "DICOMDIR"])
    assert sum(len(item.files) for item in whole.items) == 31
    assert [refusal.path.name for refusal in whole.refused] == ["DICOMDIR"]
    lost = whole.items[0].files[0]
    lost.unlink()
    rest = discover([disc / "DICOMDIR"])
    assert any(refusal.path == lost and "listed in DICOMDIR" in refusal.reason for refusal in rest.refused)
    assert sum(len(item.files) for item in rest.items) == 30


def test_a_damaged_dicomdir_is_one_sentence(shared_data: Path, tmp_path: Path) -> None:
    index = (shared_data / "edge_dicom" / "pydicom" / "dicomdirtests" / "DICOMDIR").read_bytes()
    (tmp_path / "DICOMDIR").write_bytes(index[: len(index) // 2])
    found = discover([tmp_path / "DICOMDIR"])
    assert not found.items and found.refused


def test_names_are_read_on_demand_in_any_script(shared_data: Path, save_series: Series) -> None:
    path = next(save_series(VOXELS[:1]).iterdir())
    assert patient_of(path) == "Mustermann Erika, 4711"
    folder = shared_data / "edge_dicom" / "pydicom"
    assert patient_of(folder / "chrRuss.dcm").startswith("Люкceмбypг")
    assert "(" in patient_of(folder / "chrH31.dcm") and "山田" in patient_of(folder / "chrH31.dcm")


SPARED = {"SOPClassUID", "SOPInstanceUID", "Rows", "Columns", "PixelData"}
"""Without these there is no image."""


def test_no_other_attribute_is_needed(save_series: Series, only: Only) -> None:
    attributes = {"RescaleSlope": 1, "RescaleIntercept": 0, "WindowCenter": 40, "WindowWidth": 400, "SliceLocation": 1}
    folder = save_series(VOXELS[:2].astype(np.uint16), **attributes)
    names = [element.keyword for element in pydicom.dcmread(next(folder.iterdir()))]
    for name in set(names) - SPARED:
        bare = save_series(VOXELS[:2].astype(np.uint16), **attributes)
        for path in bare.iterdir():
            data = pydicom.dcmread(path)
            delattr(data, name)
            data.save_as(path)
        found = discover([bare])
        assert not found.refused, (name, found.refused)
        slices = sorted(tuple(read(item).data.ravel()) for item in found.items)
        assert sum(map(len, slices)) == VOXELS[:2].size, name


@pytest.mark.parametrize("name", sorted(SPARED - {"SOPClassUID", "SOPInstanceUID"}))
def test_without_an_image_there_is_a_sentence(save_series: Series, name: str) -> None:
    folder = save_series(VOXELS[:1])
    path = next(folder.iterdir())
    data = pydicom.dcmread(path)
    delattr(data, name)
    data.save_as(path)
    found = discover([folder])
    reasons = [refusal.reason for refusal in found.refused]
    for item in found.items:
        with pytest.raises(ImagingError) as caught:
            read(item)
        reasons.append(str(caught.value))
    assert len(reasons) == 1 and reasons[0].endswith(".")
