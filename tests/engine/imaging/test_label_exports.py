"""Exports, read again by readers that the engine did not write them with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import highdicom
import nrrd
import numpy as np
import pydicom
import pytest
import SimpleITK

from sagittal.facts import Label
from sagittal_engine.imaging import FORMATS, Header, ImagingError, Source, discover, export, probe, verify_export
from sagittal_engine.imaging.dicom.segments import frame_table
from sagittal_engine.imaging.exporters import Making, export_differences
from sagittal_engine.imaging.exporters.stl import enclosed, read_plainly

Save = Callable[..., Path]
Array = np.ndarray[tuple[int, ...], np.dtype[np.uint16]]
AFFINE = np.array([[-0.7, 0.1, 0, 11.3], [0.1, 0.7, 0, -7.1], [0, 0, 2.3, 5], [0, 0, 0, 1]])


def some_labels(shape: tuple[int, ...]) -> Array:
    """A block, a ball with a hole, and scattered voxels at the edges."""
    generator = np.random.default_rng(4)
    labels = np.zeros(shape, np.uint16)
    labels[1:4, 2:5, :2] = 1
    grid = np.indices(shape).transpose(1, 2, 3, 0) - np.array(shape) * 0.6
    distance = np.sqrt((grid**2).sum(axis=-1))
    labels[(distance < 4) & (distance > 1.5)] = 2
    labels[generator.random(shape) < 0.05] = 7
    return labels


@pytest.fixture
def nifti_scan(save_nifti: Save) -> tuple[Source, Header, Array]:
    path = save_nifti(np.zeros((12, 11, 9), np.int16), AFFINE)
    source = Source("nifti", (path,), "scan")
    return source, probe(source), some_labels((12, 11, 9))


@pytest.fixture
def dicom_scan(save_series: Save) -> tuple[Source, Header, Array]:
    positions = np.array([3.0, -4.0, 5.0]) + np.outer(np.arange(9) * 2.0, (0.8, -0.6, 0))
    pixels = np.zeros((9, 11, 12), np.int16)
    source = discover([save_series(pixels, orientation=(0.6, 0.8, 0, 0, 0, -1), positions=positions)]).items[0]
    header = probe(source)
    return source, header, some_labels(header.shape)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_verifies_and_notices_a_change(
    format: str, dicom_scan: tuple[Source, Header, Array], table: list[Label], tmp_path: Path
) -> None:
    source, header, labels = dicom_scan
    files = export(format, tmp_path / "out" / "scan_truth", labels, table, source, header)
    assert all(path.is_file() and path.name.startswith("scan_truth") for path in files)
    assert export_differences(format, files, labels, table, source, header) == []
    changed = labels.copy()
    changed[5, 5, 5] = 1 if changed[5, 5, 5] != 1 else 2
    assert not verify_export(format, files, changed, table, source, header)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in files)


def test_nifti_through_simpleitk(nifti_scan: tuple[Source, Header, Array], table: list[Label], tmp_path: Path) -> None:
    source, header, labels = nifti_scan
    # Not "scan": SimpleITK reads a scan.nii where it is asked for the scan.nii.gz beside it.
    path, sidecar = export("nifti", tmp_path / "scan_truth", labels, table, source, header)
    assert (path.name, sidecar.name) == ("scan_truth.nii.gz", "scan_truth.labels.json")
    ours, theirs = SimpleITK.ReadImage(str(path)), SimpleITK.ReadImage(str(source.path))
    assert np.array_equal(SimpleITK.GetArrayFromImage(ours).T, header.grid.to_source(labels))
    assert ours.GetOrigin() == theirs.GetOrigin()
    assert ours.GetSpacing() == theirs.GetSpacing() and ours.GetDirection() == theirs.GetDirection()
    changed = [Label(row.number, row.name, "#000000") for row in table]
    assert "names or colours" in export_differences("nifti", [path, sidecar], labels, changed, source, header)[0]


def test_slicer_segmentation(nifti_scan: tuple[Source, Header, Array], table: list[Label], tmp_path: Path) -> None:
    source, header, labels = nifti_scan
    (path,) = export("nrrd", tmp_path / "scan", labels, table, source, header)
    assert path.name == "scan.seg.nrrd"
    voxels, fields = nrrd.read(str(path))
    assert np.array_equal(voxels, header.grid.to_source(labels))
    assert fields["Segment1_Name"] == "right kidney" and fields["Segment2_LabelValue"] == "7"
    image = SimpleITK.ReadImage(str(path))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image).T, voxels)
    x, y, z = image.TransformIndexToPhysicalPoint((2, 3, 4))
    assert np.allclose(header.grid.affine @ (2, 3, 4, 1), (-x, -y, z, 1))
    assert [image.GetMetaData(f"Segment{index}_Name") for index in range(3)] == [row.name for row in table]
    other = [*table[:2], Label(7, "Milz (gross)", table[2].colour)]
    assert "another number, name or colour" in export_differences("nrrd", [path], labels, other, source, header)[0]
    again = discover([path]).items[0]
    assert probe(again).looks_like_labels


def test_numbers_beyond_a_byte(nifti_scan: tuple[Source, Header, Array], tmp_path: Path) -> None:
    source, header, labels = nifti_scan
    table = [Label(number, f"part {number}", "#112233") for number in (1, 2, 7, 4000)]
    labels[0, 0, 0] = 4000
    for format in ("nifti", "nrrd", "stl"):
        files = export(format, tmp_path / "scan", labels, table, source, header)
        assert verify_export(format, files, labels, table, source, header), format


def test_dicom_segmentation(dicom_scan: tuple[Source, Header, Array], table: list[Label], tmp_path: Path) -> None:
    source, header, labels = dicom_scan
    (path,) = export("dicom-seg", tmp_path / "scan", labels, table, source, header)
    segmentation = highdicom.seg.segread(path)
    assert [item.SegmentLabel for item in segmentation.SegmentSequence] == [row.name for row in table]
    wanted = [pydicom.dcmread(file).SOPInstanceUID for file in source.files]
    frames = segmentation.get_pixels_by_source_instance(wanted, combine_segments=True, ignore_spatial_locations=True)
    frame_table(segmentation).close()
    numbers = np.array([0, 1, 2, 7])[frames]
    assert np.array_equal(numbers.transpose(2, 1, 0), header.grid.to_source(labels))
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    assert reader.GetSize()[:2] == (12, 11)


def test_dicom_segmentation_says_how_its_labels_came_about(
    dicom_scan: tuple[Source, Header, Array], table: list[Label], tmp_path: Path
) -> None:
    source, header, labels = dicom_scan
    for making, kind in (
        (Making.BY_HAND, "MANUAL"),
        (Making.CORRECTED, "SEMIAUTOMATIC"),
        (Making.PREDICTED, "AUTOMATIC"),
    ):
        (path,) = export("dicom-seg", tmp_path / kind, labels, table, source, header, making)
        for segment in pydicom.dcmread(path).SegmentSequence:
            assert segment.SegmentAlgorithmType == kind
            assert ("SegmentationAlgorithmIdentificationSequence" in segment) == (kind != "MANUAL")


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_cut_short_is_a_difference(
    format: str, dicom_scan: tuple[Source, Header, Array], table: list[Label], tmp_path: Path
) -> None:
    source, header, labels = dicom_scan
    files = export(format, tmp_path / "scan", labels, table, source, header)
    whole = files[0].read_bytes()
    for length in (0, 60, len(whole) // 2, len(whole) - 20):
        files[0].write_bytes(whole[:length])
        assert export_differences(format, files, labels, table, source, header), length


def test_dicom_segmentation_needs_dicom(
    nifti_scan: tuple[Source, Header, Array], save_series: Save, table: list[Label], tmp_path: Path
) -> None:
    source, header, labels = nifti_scan
    with pytest.raises(ImagingError, match="is no DICOM"):
        export("dicom-seg", tmp_path / "scan", labels, table, source, header)
    blank = discover([save_series(np.zeros((9, 11, 12), np.int16), name="blank", FrameOfReferenceUID="")]).items[0]
    with pytest.raises(ImagingError, match="blank FrameOfReferenceUID"):
        export("dicom-seg", tmp_path / "scan", labels, table, blank, probe(blank))


def test_surfaces_enclose_their_voxels(
    nifti_scan: tuple[Source, Header, Array], table: list[Label], tmp_path: Path
) -> None:
    source, header, labels = nifti_scan
    files = export("stl", tmp_path / "scan", labels, table, source, header)
    assert [path.name for path in files] == ["scan_liver.stl", "scan_right_kidney.stl", "scan_Milz_groß.stl"]
    corners = read_plainly(files[0])
    assert np.array_equal(enclosed(corners, header.grid.canonical_affine, header.shape), labels == 1)
    edges = np.concatenate([corners[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]).round(4)
    forward = {tuple(edge.ravel()) for edge in edges}
    assert all((*edge[3:], *edge[:3]) in forward for edge in forward), "the surface has a hole"
    # Outward normals enclose a positive volume; the surface of a block is bevelled, so it is a little smaller.
    volume = np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    voxel = abs(np.linalg.det(header.grid.affine[:3, :3]))
    assert 0.5 * (labels == 1).sum() * voxel < volume < (labels == 1).sum() * voxel
    centre = header.grid.canonical_affine @ [*np.argwhere(labels == 1).mean(axis=0), 1]
    assert np.allclose(corners.reshape(-1, 3).mean(axis=0), centre[:3] * (-1, -1, 1), atol=1.5)


def test_names_that_give_one_file_name(nifti_scan: tuple[Source, Header, Array], tmp_path: Path) -> None:
    source, header, labels = nifti_scan
    table = [Label(1, "a/b", "#000000"), Label(2, "a b", "#000000"), Label(7, "..", "#000000")]
    files = export("stl", tmp_path / "s", labels, table, source, header)
    assert [path.name for path in files] == ["s_a_b_1.stl", "s_a_b_2.stl", "s_label.stl"]


def test_what_cannot_be_exported(nifti_scan: tuple[Source, Header, Array], table: list[Label], tmp_path: Path) -> None:
    source, header, labels = nifti_scan
    with pytest.raises(ImagingError, match="no export format 'obj'"):
        export("obj", tmp_path / "s", labels, table, source, header)
    with pytest.raises(ImagingError, match="is empty"):
        export("stl", tmp_path / "s", np.zeros_like(labels), table, source, header)
    with pytest.raises(ImagingError, match="Label 7 occurs"):
        export("stl", tmp_path / "s", labels, table[:2], source, header)
    with pytest.raises(ImagingError, match="does not fit"):
        export("nrrd", tmp_path / "s", labels[1:], table, source, header)
