"""Every file of the shared scans: opened right, compared with an independent reader, or refused with one sentence."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK

from sagittal.facts import Label
from sagittal_engine.imaging import (
    FORMATS,
    ImagingError,
    Source,
    content_id,
    discover,
    export,
    grid_difference,
    label_map,
    probe,
    read,
    verify_export,
)
from sagittal_engine.imaging.geometry import LPS_TO_RAS

pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

ODD_FOLDERS = ("edge_nifti", "edge_nrrd", "edge_dicom")


def outcomes(folder: Path) -> tuple[dict[str, Source], dict[str, str]]:
    """Each file taken by itself: name → source that reads, and name → sentence. None takes ten seconds."""
    opened, refused = {}, {}
    for path in sorted(folder.rglob("*")):
        begun = time.monotonic()
        if path.is_file():
            name, found = str(path.relative_to(folder)), discover([path])
            if found.refused:
                refused[name] = found.refused[0].reason
            for item in found.items:
                if path not in item.files:
                    continue  # what a DICOMDIR lists
                try:
                    read(item)
                    opened[name] = item
                except ImagingError as error:
                    refused[name] = str(error)
        assert time.monotonic() - begun < 10, path
    return opened, refused


def simpleitk_voxels(paths: list[Path]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Voxels in source order (X, Y, Z[, C]) and the affine to RAS+, as SimpleITK reads them."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    image = SimpleITK.ReadImage(str(paths[0])) if len(paths) == 1 else reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return np.moveaxis(SimpleITK.GetArrayFromImage(image), (2, 1, 0), (0, 1, 2)), LPS_TO_RAS @ affine


def all_told(folder: Path) -> None:
    """Asserts that every file of a folder is used or refused, once."""
    found = discover([folder])
    used = {path for item in found.items for path in (*item.files, *item.companions)}
    refused = [refusal.path for refusal in found.refused]
    assert len(refused) == len(set(refused))
    assert used | set(refused) == {path for path in folder.rglob("*") if path.is_file()}
    assert not used & set(refused)


@pytest.mark.parametrize("folder", ODD_FOLDERS)
def test_odd_folders_lose_no_file(shared_data: Path, folder: Path) -> None:
    all_told(shared_data / folder)
    _, refused = outcomes(shared_data / folder)
    for name, reason in refused.items():
        assert Path(name).name in reason and reason.endswith("."), reason
        assert "Error" not in reason and "Traceback" not in reason, reason


def test_odd_niftis(shared_data: Path) -> None:
    folder = shared_data / "edge_nifti"
    opened, refused = outcomes(folder)
    assert set(opened) == {"anatomical.nii", "resampled_anat_moved.nii", "standard.nii.gz"}
    for name, source in opened.items():
        volume = read(source)
        theirs = nibabel.as_closest_canonical(nibabel.load(folder / name))
        assert np.array_equal(volume.data, np.asarray(theirs.dataobj), equal_nan=True)
        assert np.array_equal(volume.affine, theirs.affine)
    assert "not numbers" in " ".join(read(opened["resampled_anat_moved.nii"]).warnings)
    for name in ("example4d.nii.gz", "example_nifti2.nii.gz", "functional.nii"):
        assert "is 4D" in refused[name]
    assert "CIFTI" in refused["row_major.dconn.nii"]
    assert ".img file is missing" in refused["nifti1.hdr"]
    assert "Analyze" in refused["analyze.hdr"]


def test_odd_nrrds(shared_data: Path) -> None:
    folder = shared_data / "edge_nrrd"
    opened, refused = outcomes(folder)
    balls = [name for name in opened if name.startswith("Ball")]
    assert len(balls) == 6 and "row of 27 numbers" in refused["test1d_ascii.nrrd"]
    expected, affine = simpleitk_voxels([folder / "BallBinary30x30x30.nrrd"])
    for name in balls:
        volume = read(opened[name])
        assert np.array_equal(volume.grid.to_source(volume.data), expected), name
        assert np.array_equal(volume.grid.affine, affine)
    assert read(opened["test_simple4d_raw.nrrd"]).data.item() == pytest.approx(0.76903426)


NO_SCANS = {
    "pydicom/MR_truncated.dcm": "cut short",
    "pydicom/JPEG-lossy.dcm": "cannot be decoded",
    "pydicom/JPEG2000-embedded-sequence-delimiter.dcm": "cannot be decoded",
    "pydicom/no_meta.dcm": "'DICM' is missing",
    "pydicom/ExplVR_BigEndNoMeta.dcm": "'DICM' is missing",
    "pydicom/rtstruct.dcm": "'DICM' is missing",
    "pydicom/meta_missing_tsyntax.dcm": "no image",
    "pydicom/badVR.dcm": "radiotherapy dose",
    "pydicom/rtdose.dcm": "radiotherapy dose",
    "pydicom/rtplan.dcm": "RT Plan",
    "pydicom/rtplan_truncated.dcm": "RT Plan",
    "pydicom/reportsi.dcm": "Basic Text SR",
    "pydicom/UN_sequence.dcm": "no image",
    "pydicom/empty_charset_LEI.dcm": "no image",
    "pydicom/SC_rgb_rle_16bit_2frame.dcm": "film",
    "pydicom/dicomdirtests/DICOMDIR": "index",
    "pydicom/dicomdirtests/DICOMDIR-bigEnd": "index",
    "pydicom/dicomdirtests/DICOMDIR-implicit": "index",
    "pydicom/dicomdirtests/DICOMDIR-nooffset": "index",
    "nibabel/0.dcm": "mosaic",
    "nibabel/1.dcm": "mosaic",
    "nibabel/siemens_dwi_0.dcm.gz": "mosaic",
    "nibabel/COPYING.txt": "not an image file",
    "pydicom/LICENSE.txt": "not an image file",
    "pydicom-data/LICENSE.txt": "not an image file",
}

OTHERWISE_IN_SIMPLEITK = {
    "pydicom-data/eCT_Supplemental.dcm",  # takes frames in file order, not by position
    "pydicom-data/mlut_18.dcm",  # leaves the modality look-up table out
    "pydicom-data/parametric_map_float.dcm",  # does not read it
    "pydicom/zipMR.gz",  # does not unpack it
    "pydicom/JPGExtended.dcm",  # rounds the lossy stream differently
    "pydicom/liver_1frame.dcm",  # gives the frames of a segmentation, not its labels
    "pydicom-data/liver.dcm",
}


def test_odd_dicoms(shared_data: Path) -> None:
    folder = shared_data / "edge_dicom"
    opened, refused = outcomes(folder)
    assert set(refused) == set(NO_SCANS)
    for name, words in NO_SCANS.items():
        assert words in refused[name], refused[name]
    for name in set(opened) - OTHERWISE_IN_SIMPLEITK:
        volume = read(opened[name])
        expected, _ = simpleitk_voxels([folder / name])
        ours = volume.grid.to_source(volume.data)
        assert np.abs(ours.astype(np.float64) - expected).max() < 1e-3, name


def test_what_simpleitk_reads_otherwise_agrees_with_pydicom(shared_data: Path) -> None:
    folder = shared_data / "edge_dicom"
    for name in ("eCT_Supplemental.dcm", "mlut_18.dcm", "parametric_map_float.dcm"):
        path = folder / "pydicom-data" / name
        volume, data = read(discover([path]).items[0]), pydicom.dcmread(path)
        ours = volume.grid.to_source(volume.data).transpose(2, 1, 0)
        if name.startswith("eCT"):
            heights = [
                float(group.PlanePositionSequence[0].ImagePositionPatient[2])
                for group in data.PerFrameFunctionalGroupsSequence
            ]
            # The columns run to the right, so slices in order along the normal run towards the feet.
            assert np.array_equal(ours, data.pixel_array[np.argsort(heights)[::-1]].astype(int) - 1024)
        elif name.startswith("mlut"):
            assert np.array_equal(ours[0], pydicom.pixels.apply_modality_lut(data.pixel_array, data))
        else:
            assert np.array_equal(ours[0], data.pixel_array)
    plain, packed = (read(discover([folder / "pydicom" / name]).items[0]) for name in ("MR_small.dcm", "zipMR.gz"))
    assert np.array_equal(plain.data, packed.data)


def test_one_image_in_many_encodings(shared_data: Path) -> None:
    folder = shared_data / "edge_dicom" / "pydicom"
    kinds = ("", "_RLE", "_bigendian", "_implicit", "_jp2klossless", "_padded")
    volumes = [read(discover([folder / f"MR_small{kind}.dcm"]).items[0]) for kind in kinds]
    for volume in volumes[1:]:
        assert np.array_equal(volume.data, volumes[0].data)
        assert np.array_equal(volume.affine, volumes[0].affine)


def test_series_of_two_patients_are_told_apart(shared_data: Path) -> None:
    found = discover([shared_data / "edge_dicom" / "pydicom" / "dicomdirtests"])
    stacks = {item.name: item for item in found.items}
    assert len(stacks["CT SmartScore - Gated 0.5 sec"].files) == 5
    assert "uneven: 1.25 to 202.5 mm" in " ".join(probe(stacks["CT Routine Brain"]).warnings)
    assert sum(len(item.files) for item in found.items) == 31
    assert {refusal.path.name[:8] for refusal in found.refused} == {"DICOMDIR"}
    subjects = {probe(item).subject for item in found.items}
    assert len(subjects) == 2 and all(subject.startswith("P-") for subject in subjects)


@pytest.mark.parametrize(
    ("folder", "series"), [("ct_dicom_torchio", 1), ("brain_mr_pgbm_dicom", 3), ("ct_dicom_totalsegmentator/series", 1)]
)
def test_dicom_series_against_simpleitk(shared_data: Path, folder: str, series: int) -> None:
    all_told(shared_data / folder)
    found = discover([shared_data / folder])
    assert len(found.items) == series
    for item in found.items:
        volume = read(item)
        expected, affine = simpleitk_voxels(list(item.files))
        assert np.array_equal(volume.grid.to_source(volume.data), expected)
        assert np.allclose(volume.grid.affine, affine, atol=1e-5)
        assert volume.data.dtype == volume.header.dtype
        assert "umbledore" not in f"{item.name} {volume.header}"


def test_dicom_and_its_labels_in_nifti_share_a_place(shared_data: Path) -> None:
    folder = shared_data / "ct_dicom_totalsegmentator"
    scan, labels = discover([folder / "series"]).items[0], discover([folder / "labels.nii.gz"]).items[0]
    assert grid_difference(probe(scan), probe(labels)) == ""
    bones = read(scan).data[label_map(read(labels)).data > 0]
    assert bones.mean() > read(scan).data.mean()


@pytest.mark.parametrize("number", [1, 31, 36])
def test_abdominal_mr(shared_data: Path, number: int) -> None:
    folder = shared_data / "abdomen_mr_chaos_t2"
    image, labels = (discover([folder / f"{kind}_{number}.nii.gz"]).items[0] for kind in ("image", "label"))
    volume = read(image)
    theirs = nibabel.as_closest_canonical(nibabel.load(image.path))
    assert np.array_equal(volume.data, np.asarray(theirs.dataobj))
    assert np.array_equal(volume.affine, theirs.affine)
    assert volume.header.orientation == "LAS" and volume.warnings == ()
    assert grid_difference(volume.header, probe(labels)) == ""
    masks = label_map(read(labels)).data
    assert set(np.unique(masks)) == {0, 1, 2, 3, 4}
    # The liver (1) lies to the right of the spleen (4), and so does the right kidney (2) of the left one (3).
    centres = {number: np.argwhere(masks == number).mean(axis=0)[0] for number in range(1, 5)}
    assert centres[1] > centres[4] and centres[2] > centres[3]


def test_hippocampi(shared_data: Path) -> None:
    folder = shared_data / "hippocampus_msd"
    all_told(folder)
    found = discover([folder])
    # One of the unpaired labels repeats another subject's.
    assert len(found.items) == 82 and len({content_id(item) for item in found.items}) == 81
    for item in found.items[::9]:
        header = probe(item)
        assert header.spacing == pytest.approx((1, 1, 1))
        assert header.looks_like_labels == ("label" in str(item.path.relative_to(folder)))


@pytest.mark.parametrize("name", ["brain1", "breast1"])
def test_nrrd_scans_against_simpleitk(shared_data: Path, name: str) -> None:
    image, labels = (discover([shared_data / "nrrd_pyradiomics" / f"{name}_{kind}.nrrd"]).items[0] for kind in
                     ("image", "label"))  # fmt: skip
    for item in (image, labels):
        volume = read(item)
        expected, affine = simpleitk_voxels([item.path])
        assert np.array_equal(volume.grid.to_source(volume.data), expected)
        assert np.allclose(volume.grid.affine, affine, atol=1e-9)
    assert grid_difference(probe(image), probe(labels)) == ""
    assert int(label_map(read(labels)).data.sum()) == {"brain1": 4137, "breast1": 143}[name]


def test_fundus_photographs(shared_data: Path) -> None:
    folder = shared_data / "fundus_idrid_disc"
    found = discover([folder])
    assert len(found.items) == 16 and all(item.kind == "image" for item in found.items)
    photograph = next(item for item in found.items if item.path.suffix == ".jpg")
    header = probe(photograph)
    assert header.shape == (4288, 2848, 1) and header.n_channels == 3 and not header.looks_like_labels
    assert header.grid.assumed_axes and header.grid.assumed_size
    mask = next(item for item in found.items if item.path.suffix == ".tif")
    assert probe(mask).looks_like_labels and grid_difference(header, probe(mask)) == ""
    assert 180_000 < int(label_map(read(mask)).data.sum()) < 275_000
    vessels = discover([shared_data / "fundus_hrf_vessel" / "masks"]).items[0]
    assert set(np.unique(label_map(read(vessels)).data)) == {0, 1}


@pytest.mark.parametrize(
    "path", ["abdomen_mr_chaos_t2/image_1.nii.gz", "brain_mr_pgbm_dicom/PGBM-003/T1post", "ct_dicom_torchio"]
)
def test_exports_of_real_scans(shared_data: Path, path: str, tmp_path: Path) -> None:
    source = discover([shared_data / path]).items[0]
    header = probe(source)
    x, y, z = header.shape
    labels = np.zeros(header.shape, np.uint16)
    labels[x // 4 : x // 2, y // 4 : y // 2, 2 : z - 2] = 1
    labels[x // 2 : x // 2 + 9, y // 2 : y // 2 + 5, 0:3] = 4
    table = [Label(1, "liver", "#E69F00"), Label(4, "spleen", "#F0E442")]
    for format in FORMATS:
        if format == "dicom-seg" and source.kind != "dicom":
            continue
        files = export(format, tmp_path / "scan", labels, table, source, header)
        assert verify_export(format, files, labels, table, source, header), format
    if source.kind == "nifti":
        assert nibabel.load(tmp_path / "scan.nii.gz").affine.tobytes() == nibabel.load(source.path).affine.tobytes()
