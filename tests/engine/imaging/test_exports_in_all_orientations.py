"""Exports of scans in all 48 orientations, read back by SimpleITK, nibabel, pynrrd, pydicom and highdicom."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import nibabel
import nrrd
import numpy as np
import pydicom
import pytest
import SimpleITK

from sagittal.facts import Label
from sagittal_engine.imaging import Header, Source, Volume, discover, export, probe, read
from sagittal_engine.imaging.dicom.segments import frame_table
from sagittal_engine.imaging.exporters import export_differences
from sagittal_engine.imaging.exporters.dicom_series import Identity, write_series
from sagittal_engine.imaging.exporters.stl import enclosed, read_plainly

Save = Callable[..., Path]
Array = np.ndarray[Any, Any]

ORIENTATIONS = ["".join(pair[side] for pair, side in zip(order, sides, strict=True))
                for order in itertools.permutations(("RL", "AP", "SI"))
                for sides in itertools.product((0, 1), repeat=3)]  # fmt: skip
SHAPE = (5, 6, 4)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
FIDUCIAL = (-16.0, 36.25, 8.5)
"""RAS millimetres of a single voxel of label 7, in every orientation."""


def affine_of(orientation: str) -> Array:
    """Axes towards the given letters, sizes 0.75, 1.5, 2.25 mm along left-right, back-front, feet-head."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    sizes = (0.75, 1.5, 2.25)
    for axis, letter in enumerate(orientation):
        world = next(row for row, pair in enumerate(("RL", "AP", "SI")) if letter in pair)
        affine[world, axis] = sizes[world] if letter in "RAS" else -sizes[world]
    # The lower corner of the grid is the same point in space, whichever way the axes run.
    ends = affine[:3, :3] @ (np.array(SHAPE) - 1)
    affine[:3, 3] = np.array([-17.5, 33.25, 4.0]) - np.minimum(ends, 0)
    return affine


@pytest.fixture
def case(request: pytest.FixtureRequest, save_nifti: Save) -> tuple[Source, Header, Volume, Array]:
    """A scan in one orientation, and labels: two blocks and the fiducial."""
    voxels = np.random.default_rng(3).integers(-900, 900, SHAPE).astype(np.int16)
    source = Source("nifti", (save_nifti(voxels, affine_of(request.param)),), "scan")
    volume = read(source)
    labels = np.zeros(volume.data.shape, np.uint16)
    labels[:2, 1:4, :3], labels[3:, :2, 1:] = 1, 2
    labels[tuple(voxel_at(volume.affine, FIDUCIAL))] = 7
    return source, volume.header, volume, labels


@pytest.fixture
def series(request: pytest.FixtureRequest, save_series: Save) -> tuple[Source, Header, Array]:
    """A DICOM series whose columns, rows and slices run towards three letters."""
    axes = LPS[:3, :3] @ affine_of(request.param)[:3, :3]
    column, row, step = (axes[:, axis] for axis in range(3))
    widths = np.linalg.norm(axes, axis=0)
    positions = np.array([4.0, -9.0, 30.0]) + np.outer(np.arange(SHAPE[2]), step)
    folder = save_series(
        np.zeros(SHAPE[::-1], np.int16),
        orientation=(*(column / widths[0]), *(row / widths[1])),
        positions=positions,
        spacing=(float(widths[1]), float(widths[0])),
    )
    source = discover([folder]).items[0]
    header = probe(source)
    labels = np.random.default_rng(5).choice(np.array([0, 0, 1, 2, 7], np.uint16), header.shape)
    return source, header, labels


def voxel_at(affine: Array, point: tuple[float, float, float]) -> Array:
    """The voxel whose centre lies at a point."""
    index = np.linalg.solve(affine, [*point, 1.0])[:3]
    assert np.allclose(index, np.rint(index), atol=1e-5)
    return np.rint(index).astype(int)


def check_fiducial(image: SimpleITK.Image) -> None:
    """SimpleITK finds label 7 at the fiducial, and there alone."""
    voxels = SimpleITK.GetArrayFromImage(image).T
    (found,) = np.argwhere(voxels == 7)
    assert np.allclose(image.TransformIndexToPhysicalPoint(found.tolist()), LPS[:3, :3] @ FIDUCIAL, atol=1e-4)


@pytest.mark.parametrize("case", ORIENTATIONS, indirect=True)
def test_files_of_a_nifti_scan(case: tuple[Source, Header, Volume, Array], table: list[Label], tmp_path: Path) -> None:
    source, header, _, labels = case
    stem = tmp_path / "scan_painted"
    written = {}
    for format in ("nifti", "itk-snap", "nrrd", "stl"):
        written[format] = export(format, stem, labels, table, source, header)
        assert export_differences(format, written[format], labels, table, source, header) == []
    in_file = header.grid.to_source(labels)

    theirs = nibabel.load(written["nifti"][0])
    assert np.array_equal(np.asarray(theirs.dataobj), in_file)
    assert theirs.affine.tobytes() == nibabel.load(source.path).affine.tobytes()
    for path in (written["nifti"][0], written["nrrd"][0]):
        image = SimpleITK.ReadImage(str(path))
        assert np.array_equal(SimpleITK.GetArrayFromImage(image).T, in_file)
        check_fiducial(image)
    voxels, fields = nrrd.read(str(written["nrrd"][0]))
    assert np.array_equal(voxels, in_file) and fields["Segment1_Name"] == "right kidney"

    # The bounding box of a surface: half a voxel around the voxel's centre, in LPS.
    surface = next(path for path in written["stl"] if path.name.endswith("groß.stl"))
    corners = read_plainly(surface).reshape(-1, 3)
    centre = LPS[:3, :3] @ FIDUCIAL
    assert np.allclose((corners.min(axis=0) + corners.max(axis=0)) / 2, centre, atol=1e-4)
    assert np.allclose(corners.max(axis=0) - corners.min(axis=0), (0.75, 1.5, 2.25), atol=1e-4)
    assert np.array_equal(enclosed(read_plainly(surface), header.grid.canonical_affine, header.shape), labels == 7)


@pytest.mark.parametrize("case", ORIENTATIONS, indirect=True)
def test_a_segmentation_of_a_series_made_of_a_nifti_scan(
    case: tuple[Source, Header, Volume, Array], table: list[Label], tmp_path: Path
) -> None:
    source, header, volume, labels = case
    made = write_series(tmp_path / "series", volume, Identity("0123", "S1", "scan", "CT"))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in made.files])
    image = reader.Execute()
    whole = SimpleITK.GetImageFromArray(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(source.path))))
    whole.CopyInformation(SimpleITK.ReadImage(str(source.path)))
    again = SimpleITK.Resample(whole, image, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, 9999)
    assert np.array_equal(SimpleITK.GetArrayFromImage(again), SimpleITK.GetArrayFromImage(image))

    theirs = probe(made)
    assert theirs.shape == header.shape and np.allclose(theirs.affine, header.affine, atol=1e-4)
    (path,) = export("dicom-seg", tmp_path / "scan", labels, table, made, theirs)
    assert export_differences("dicom-seg", [path], labels, table, made, theirs) == []
    seg = highdicom.seg.segread(path)
    for number, row in enumerate(table, start=1):
        got = seg.get_volume(segment_numbers=[number], combine_segments=True)
        places = np.argwhere(got.array == number)
        points = places @ got.affine[:3, :3].T + got.affine[:3, 3]
        wanted = np.argwhere(labels == row.number) @ header.affine[:3, :3].T + header.affine[:3, 3]
        wanted = wanted @ LPS[:3, :3]
        assert np.allclose(points[np.lexsort(points.round(2).T)], wanted[np.lexsort(wanted.round(2).T)], atol=1e-3)
    frame_table(seg).close()


@pytest.mark.parametrize("series", ORIENTATIONS, indirect=True)
def test_a_segmentation_of_a_series(series: tuple[Source, Header, Array], table: list[Label], tmp_path: Path) -> None:
    source, header, labels = series
    (path,) = export("dicom-seg", tmp_path / "scan", labels, table, source, header)
    assert export_differences("dicom-seg", [path], labels, table, source, header) == []
    data = pydicom.dcmread(path)
    files = {str(pydicom.dcmread(file).SOPInstanceUID): file for file in source.files}
    assert data.ReferencedSeriesSequence[0].SeriesInstanceUID == pydicom.dcmread(source.path).SeriesInstanceUID
    back = np.zeros(header.grid.shape, np.uint16)
    for pixels, group in zip(data.pixel_array, data.PerFrameFunctionalGroupsSequence, strict=True):
        refers_to = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        place = source.files.index(files[refers_to])
        segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        back[:, :, place][pixels.T > 0] = table[segment - 1].number
    assert np.array_equal(back, header.grid.to_source(labels))
