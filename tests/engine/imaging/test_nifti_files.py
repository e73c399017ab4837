"""NIfTI headers and encodings, against nibabel and against SimpleITK."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK

from sagittal_engine.imaging import ImagingError, Source, content_id, discover, probe, read

Save = Callable[..., Path]
VOXELS = np.random.default_rng(3).integers(0, 2000, (4, 5, 6)).astype(np.int16)


def source(path: Path) -> Source:
    return Source("nifti", (path,), "scan")


def refusal(path: Path) -> str:
    with pytest.raises(ImagingError) as caught:
        read(source(path))
    assert str(caught.value).startswith(path.name)
    return str(caught.value)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64", "float32", "float64"])
def test_every_type(save_nifti: Save, name: str, dtype: str) -> None:
    volume = read(source(save_nifti(VOXELS.astype(dtype), name=name)))
    assert volume.data.dtype == dtype == volume.header.dtype
    assert np.array_equal(volume.data, VOXELS.astype(dtype))


def test_uncompressed_voxels_are_mapped_and_read_only(save_nifti: Save) -> None:
    data = read(source(save_nifti(VOXELS, np.diag([-1.0, -2.0, 3.0, 1.0])))).data
    assert not data.flags.writeable
    base = data
    while not isinstance(base, np.memmap):
        base = base.base
    assert base.filename is not None


@pytest.mark.parametrize("name", ["big.nii", "big.nii.gz"])
def test_a_volume_is_held_once_at_most(save_nifti: Save, name: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 50, (256, 256, 64)).astype(np.int16)
    path = save_nifti(voxels, name=name)
    read(source(path))
    tracemalloc.start()
    volume = read(source(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert volume.data.shape == voxels.shape
    # Beside the voxels of a packed file only the pieces of a megabyte being unpacked.
    assert peak < (0 if name == "big.nii" else voxels.nbytes) + 4 * 2**20


def test_nifti_2_and_big_endian(save_nifti: Save, tmp_path: Path) -> None:
    assert np.array_equal(read(source(save_nifti(VOXELS, version=2))).data, VOXELS)
    big = nibabel.Nifti1Image(VOXELS, np.eye(4), nibabel.Nifti1Header(endianness=">"))
    big.set_data_dtype(">i2")
    nibabel.save(big, tmp_path / "big.nii")
    assert (tmp_path / "big.nii").read_bytes()[:4] == b"\0\0\x01\x5c"
    data = read(source(tmp_path / "big.nii")).data
    assert data.dtype == np.dtype(np.int16) and data.dtype.isnative
    assert np.array_equal(data, VOXELS)


@pytest.mark.parametrize(("slope", "intercept", "dtype"), [(2, -100, "int32"), (0.5, 3, "float32"), (1, 0, "int16")])
def test_scaled_integers_are_rescaled(
    save_nifti: Save, tmp_path: Path, slope: float, intercept: float, dtype: str
) -> None:
    path = save_nifti(VOXELS)
    block = bytearray(path.read_bytes())
    block[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(bytes(block))
    volume = read(source(path))
    assert volume.data.dtype == dtype == volume.header.dtype
    assert np.array_equal(volume.data, nibabel.load(path).get_fdata())
    assert np.array_equal(volume.data, SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).T[::1])


def test_pair(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Pair(VOXELS, np.diag([2.0, 3.0, 4.0, 1.0])), tmp_path / "pair.img")
    found = discover([tmp_path])
    assert [item.files for item in found.items] == [(tmp_path / "pair.hdr", tmp_path / "pair.img")]
    assert found.refused == []
    volume = read(found.items[0])
    assert np.array_equal(volume.data, VOXELS)
    assert volume.spacing == (2.0, 3.0, 4.0)
    (tmp_path / "pair.img").unlink()
    lonely = discover([tmp_path])
    assert lonely.items == [] and ".img" in lonely.refused[0].reason


def test_trailing_single_volumes_are_dropped(save_nifti: Save) -> None:
    assert probe(source(save_nifti(VOXELS[..., None, None]))).shape == (4, 5, 6)
    assert probe(source(save_nifti(VOXELS[:, :, 0], name="flat.nii"))).shape == (4, 5, 1)


def test_four_dimensions_are_refused(save_nifti: Save) -> None:
    assert "is 4D: it holds 3 volumes" in refusal(save_nifti(np.zeros((2, 2, 2, 3), np.int16)))
    assert "numbers per voxel" in refusal(save_nifti(np.zeros((2, 2, 2, 1, 3), np.float32), name="vector.nii"))


def test_colour(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3)).astype(np.uint8)
    packed = colour.copy().view([("R", "u1"), ("G", "u1"), ("B", "u1")]).reshape(4, 5, 6)
    nibabel.save(nibabel.Nifti1Image(packed, np.eye(4)), tmp_path / "rgb.nii")
    volume = read(source(tmp_path / "rgb.nii"))
    assert volume.header.n_channels == 3
    assert np.array_equal(volume.data, colour)
    assert volume.window == (0.0, 255.0)


def test_complex_values_are_refused(save_nifti: Save) -> None:
    assert "complex64" in refusal(save_nifti(VOXELS.astype(np.complex64)))


def test_disagreeing_forms_are_named(save_nifti: Save) -> None:
    moved = np.diag([-1.0, 1.0, 1.0, 1.0])
    header = probe(source(save_nifti(VOXELS, np.eye(4), qform=moved, codes=(1, 1))))
    assert header.orientation == "RAS"
    assert any("qform and sform disagree" in text for text in header.warnings)
    agreeing = probe(source(save_nifti(VOXELS, np.eye(4), qform=np.eye(4), codes=(1, 1), name="same.nii")))
    assert agreeing.warnings == ()


def test_qform_alone_is_used(save_nifti: Save) -> None:
    turned = np.diag([-2.0, -3.0, 4.0, 1.0])
    header = probe(source(save_nifti(VOXELS, qform=turned, codes=(1, 0))))
    assert np.allclose(header.grid.affine, turned)
    assert header.warnings == ()


def test_unknown_codes_are_named(save_nifti: Save) -> None:
    path = save_nifti(VOXELS, codes=(0, 0))
    header = probe(source(path))
    assert any("unknown" in text for text in header.warnings)
    assert np.allclose(header.grid.affine, nibabel.load(path).affine)


def test_an_sform_without_space_is_not_used(save_nifti: Save) -> None:
    header = probe(
        source(save_nifti(VOXELS, np.diag([0.0, 1.0, 1.0, 1.0]), qform=np.diag([2.0, 2, 2, 1]), codes=(1, 1)))
    )
    assert header.spacing == (2.0, 2.0, 2.0)
    assert any("spans no space" in text for text in header.warnings)


def test_other_units_are_named(save_nifti: Save) -> None:
    header = probe(source(save_nifti(VOXELS, change=lambda header: header.set_xyzt_units("micron"))))
    assert any("micrometres" in text for text in header.warnings)


def test_odd_intensities_are_named(save_nifti: Save) -> None:
    odd = VOXELS.astype(np.float32)
    odd[0, 0, 0], odd[1, 1, 1] = np.nan, 5e9
    warnings = read(source(save_nifti(odd))).warnings
    assert any("1 of 120 voxels are not numbers" in text for text in warnings)
    assert any("far beyond" in text for text in warnings)
    assert any("same value" in text for text in read(source(save_nifti(VOXELS * 0, name="flat.nii"))).warnings)


def test_window_is_computed_from_the_voxels(save_nifti: Save) -> None:
    volume = read(source(save_nifti(np.arange(8000, dtype=np.float32).reshape(20, 20, 20))))
    assert volume.header.window is None
    assert volume.window == pytest.approx((40, 7959), abs=1)


def test_label_intent_is_understood(save_nifti: Save) -> None:
    assert not probe(source(save_nifti(VOXELS))).looks_like_labels
    labelled = save_nifti(VOXELS, name="x.nii", change=lambda header: header.set_intent("label"))
    assert probe(source(labelled)).looks_like_labels
    assert probe(source(save_nifti(VOXELS, name="label_3.nii.gz"))).looks_like_labels


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_a_file_cut_short_is_refused(save_nifti: Save, name: str) -> None:
    path = save_nifti(VOXELS, name=name)
    path.write_bytes(path.read_bytes()[:-40])
    assert "cut short" in refusal(path)


def test_a_damaged_stream_is_refused(save_nifti: Save) -> None:
    path = save_nifti(np.random.default_rng(0).integers(0, 999, (30, 30, 30)).astype(np.int16), name="scan.nii.gz")
    block = bytearray(path.read_bytes())
    block[5000:5050] = bytes(50)
    path.write_bytes(bytes(block))
    assert "damaged" in refusal(path) or "cut short" in refusal(path)


@pytest.mark.parametrize("packed", [False, True])
def test_absurd_sizes_are_refused_without_allocating(save_nifti: Save, packed: bool) -> None:
    path = save_nifti(VOXELS)
    block = bytearray(path.read_bytes())
    block[40:56] = np.array([3, 30000, 30000, 30000, 1, 1, 1, 1], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(block)) if packed else bytes(block))
    tracemalloc.start()
    text = refusal(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "54,000,000,000,000 bytes" in text
    assert peak < 2**22


@pytest.mark.parametrize("sizes", [[0, 1, 1, 1], [3, -4, 5, 6], [9, 4, 5, 6]])
def test_impossible_dimensions_are_refused(save_nifti: Save, sizes: list[int]) -> None:
    path = save_nifti(VOXELS)
    block = bytearray(path.read_bytes())
    block[40:48] = np.array(sizes, "<i2").tobytes()
    path.write_bytes(bytes(block))
    assert "dimensions" in refusal(path)


def test_reading_changes_no_file(save_nifti: Save) -> None:
    path = save_nifti(VOXELS)
    before, changed = content_id(source(path)), path.stat().st_mtime_ns
    volume = read(source(path))
    assert volume.window and volume.warnings == ()
    assert (content_id(source(path)), path.stat().st_mtime_ns) == (before, changed)


def test_content_alone_makes_the_id(save_nifti: Save, tmp_path: Path) -> None:
    path = save_nifti(VOXELS)
    elsewhere = tmp_path / "other" / "name.nii"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(path.read_bytes())
    assert content_id(source(path)) == content_id(source(elsewhere))
    assert len(content_id(source(path))) == 16
    pair: tuple[Any, ...] = (path, save_nifti(VOXELS + 1, name="second.nii"))
    assert content_id(Source("dicom", pair, "a")) == content_id(Source("dicom", pair[::-1], "b"))
    assert content_id(Source("dicom", pair, "a")) != content_id(source(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImagingError, match="is not where it was"):
        probe(source(tmp_path / "gone.nii"))
