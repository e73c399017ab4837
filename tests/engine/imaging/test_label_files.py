"""Label maps on the source grid, with names and colours beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from sagittal.facts import Label
from sagittal_engine.imaging import (
    ImagingError,
    Source,
    discover,
    grid_difference,
    label_map,
    label_table,
    probe,
    read,
    read_labels,
    write_labels,
)

Save = Callable[..., Path]
AFFINE = np.array([[-0.7, 0.1, 0, 11.3], [0.1, 0.7, 0.02, -7.1], [0, -0.02, 2.3, 5], [0, 0, 0, 1]])
VOXELS = np.random.default_rng(0).integers(0, 900, (4, 5, 6)).astype(np.int16)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("codes", [(1, 2), (0, 4), (1, 0), (0, 0)])
def test_a_niftis_geometry_comes_back_bit_for_bit(
    save_nifti: Save, tmp_path: Path, version: int, codes: tuple[int, int], table: list[Label]
) -> None:
    path = save_nifti(VOXELS, AFFINE, version=version, qform=np.diag([1.0, 2, 3, 1]), codes=codes)
    grid = probe(Source("nifti", (path,), "a")).grid
    labels = np.random.default_rng(1).choice(np.array([0, 1, 2, 7], np.uint16), grid.canonical_shape)
    out = tmp_path / "out.nii.gz"
    write_labels(out, labels, grid, table)
    ours, theirs = nibabel.load(out), nibabel.load(path)
    assert ours.affine.tobytes() == theirs.affine.tobytes()
    for key in ("pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y",
                "qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units", "descrip"):  # fmt: skip
        assert ours.header[key].tobytes() == theirs.header[key].tobytes(), key
    assert ours.header.get_data_dtype() == np.uint16
    assert np.array_equal(read_labels(out, grid), labels)
    found = discover([out])
    assert list(label_table(found.items[0])) == table


def test_big_endian_sources(tmp_path: Path) -> None:
    big = nibabel.Nifti1Image(VOXELS, AFFINE, nibabel.Nifti1Header(endianness=">"))
    nibabel.save(big, tmp_path / "big.nii")
    grid = probe(Source("nifti", (tmp_path / "big.nii",), "a")).grid
    labels = np.full(grid.canonical_shape, 300, np.uint16)
    write_labels(tmp_path / "out.nii", labels, grid, [])
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / "out.nii").dataobj), np.full((4, 5, 6), 300))
    assert np.array_equal(read_labels(tmp_path / "out.nii", grid), labels)
    assert read_labels(tmp_path / "out.nii", grid).dtype == np.dtype(np.uint16)


def test_pairs_come_back_as_one_file(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Pair(VOXELS, AFFINE), tmp_path / "pair.img")
    header = probe(discover([tmp_path]).items[0])
    write_labels(tmp_path / "out.nii.gz", np.ones(header.shape, np.uint16), header.grid, [])
    assert nibabel.load(tmp_path / "out.nii.gz").shape == (4, 5, 6)


def test_other_kinds_get_an_affine_that_simpleitk_reads(save_series: Save, tmp_path: Path) -> None:
    positions = np.outer(np.arange(4) * 2.0, (0.8, -0.6, 0))
    series = save_series(VOXELS, orientation=(0.6, 0.8, 0, 0, 0, -1), positions=positions)
    header = probe(discover([series]).items[0])
    labels = np.arange(120, dtype=np.uint16).reshape(header.shape)
    write_labels(tmp_path / "out.nii.gz", labels, header.grid, [])
    image = SimpleITK.ReadImage(str(tmp_path / "out.nii.gz"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image).T, header.grid.to_source(labels))
    x, y, z = image.TransformIndexToPhysicalPoint((2, 1, 3))
    assert np.allclose(header.grid.affine @ (2, 1, 3, 1), (-x, -y, z, 1), atol=1e-4)


def test_the_same_labels_give_the_same_bytes(save_nifti: Save, tmp_path: Path, table: list[Label]) -> None:
    grid = probe(Source("nifti", (save_nifti(VOXELS, AFFINE),), "a")).grid
    for name in ("one.nii.gz", "two.nii.gz"):
        write_labels(tmp_path / name, np.ones(grid.canonical_shape, np.uint16), grid, table)
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()


def test_a_failed_write_leaves_the_old_file(
    save_nifti: Save, tmp_path: Path, table: list[Label], monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = probe(Source("nifti", (save_nifti(VOXELS, AFFINE),), "a")).grid
    out = tmp_path / "labels" / "out.nii.gz"
    write_labels(out, np.ones(grid.canonical_shape, np.uint16), grid, table)
    before = out.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ImagingError, match="No space left"):
        write_labels(out, np.zeros(grid.canonical_shape, np.uint16), grid, table)
    assert out.read_bytes() == before
    assert sorted(path.name for path in out.parent.iterdir()) == ["out.labels.json", "out.nii.gz"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(-1.0, "0 to 65535"), (70000.0, "0 to 65535"), (0.5, "fractions"), (np.nan, "fractions or NaN")],
)
def test_numbers_that_are_no_labels(save_nifti: Save, tmp_path: Path, value: float, words: str) -> None:
    array = np.zeros((4, 5, 6), np.float32)
    array[1, 1, 1] = value
    path = save_nifti(array, AFFINE)
    volume = read(Source("nifti", (path,), "a"))
    with pytest.raises(ImagingError, match=words):
        label_map(volume)
    with pytest.raises(ImagingError, match=words):
        write_labels(tmp_path / "x.nii.gz", volume.data, volume.grid, [])


def test_whole_numbers_in_floats_are_labels(save_nifti: Save) -> None:
    volume = read(Source("nifti", (save_nifti((VOXELS % 5).astype(np.float64), AFFINE),), "a"))
    data = label_map(volume).data
    assert data.dtype == np.uint16 and data.flags.writeable
    assert np.array_equal(volume.grid.to_source(data), VOXELS % 5)


def test_other_grids_are_told(save_nifti: Save, tmp_path: Path) -> None:
    image = probe(Source("nifti", (save_nifti(VOXELS, AFFINE),), "a"))
    flipped = AFFINE @ np.diag([-1, 1, 1, 1])
    flipped[:3, 3] = (AFFINE @ [3, 0, 0, 1])[:3]
    same = probe(Source("nifti", (save_nifti(VOXELS[::-1], flipped, name="flipped.nii"),), "b"))
    assert grid_difference(image, same) == ""
    moved = AFFINE.copy()
    moved[0, 3] += 1
    away = probe(Source("nifti", (save_nifti(VOXELS, moved, name="moved.nii"),), "c"))
    assert "lies elsewhere" in grid_difference(image, away)
    small = probe(Source("nifti", (save_nifti(VOXELS[:, :, :3], AFFINE, name="small.nii"),), "d"))
    assert "4 × 5 × 3 voxels, the image 4 × 5 × 6" in grid_difference(image, small)
    write_labels(tmp_path / "x.nii.gz", np.zeros(away.shape, np.uint16), away.grid, [])
    with pytest.raises(ImagingError, match="another voxel grid"):
        read_labels(tmp_path / "x.nii.gz", image.grid)


def test_a_broken_table_is_refused(save_nifti: Save, tmp_path: Path) -> None:
    path = save_nifti(VOXELS, AFFINE, name="a.nii")
    (tmp_path / "a.labels.json").write_text(json.dumps({"labels": [{"number": 1}]}))
    with pytest.raises(ImagingError, match=r"a.labels.json is not a table"):
        label_table(discover([path]).items[0])


def test_wrong_endings_and_shapes_are_refused(save_nifti: Save, tmp_path: Path) -> None:
    grid = probe(Source("nifti", (save_nifti(VOXELS, AFFINE),), "a")).grid
    with pytest.raises(ImagingError, match="are written as"):
        write_labels(tmp_path / "x.nrrd", np.zeros((4, 5, 6), np.uint16), grid, [])
    with pytest.raises(ImagingError, match="does not fit"):
        write_labels(tmp_path / "x.nii", np.zeros((4, 5, 7), np.uint16), grid, [])
