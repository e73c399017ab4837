"""All 48 orientations of voxel axes, and oblique, sheared and mirrored ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sagittal_engine.imaging import Source, probe, read, read_labels, write_labels
from sagittal_engine.imaging.geometry import displayed_affine, shear_degrees, spacing

ORIENTATIONS = ["".join(pair[side] for pair, side in zip(order, sides, strict=True))
                for order in itertools.permutations(("RL", "AP", "SI"))
                for sides in itertools.product((0, 1), repeat=3)]  # fmt: skip

SHAPE = (3, 4, 5)


def affine_of(orientation: str, sizes: tuple[float, float, float] = (0.75, 1.5, 2.25)) -> np.ndarray[Any, Any]:
    """An affine whose voxel axes run towards the given letters."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (letter, size) in enumerate(zip(orientation, sizes, strict=True)):
        world = next(row for row, pair in enumerate(("RL", "AP", "SI")) if letter in pair)
        affine[world, axis] = size if letter in "RAS" else -size
    affine[:3, 3] = (-17.5, 33.25, 4.0)
    return affine


def test_there_are_forty_eight() -> None:
    assert len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_canonical_data_and_way_back(orientation: str, save_nifti: Callable[..., Path], tmp_path: Path) -> None:
    voxels = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    path = save_nifti(voxels, affine_of(orientation))
    source = Source("nifti", (path,), "scan")
    header, volume = probe(source), read(source)
    theirs = nibabel.as_closest_canonical(nibabel.load(path))

    assert header.orientation == orientation
    assert header.shape == theirs.shape == volume.data.shape
    assert np.array_equal(volume.data, np.asarray(theirs.dataobj))
    assert np.array_equal(volume.affine, theirs.affine)
    assert header.spacing == tuple(theirs.header.get_zooms())
    assert header.warnings == ()

    # A fiducial: the brightest voxel lies where nibabel says it lies.
    brightest = np.unravel_index(np.argmax(volume.data), volume.data.shape)
    in_file = nibabel.load(path)
    there = np.unravel_index(np.argmax(np.asarray(in_file.dataobj)), SHAPE)
    assert np.allclose(volume.affine @ [*brightest, 1], in_file.affine @ [*there, 1], atol=1e-9)

    labels = (volume.data % 5).astype(np.uint16)
    out = tmp_path / "labels.nii.gz"
    write_labels(out, labels, header.grid, [])
    written = nibabel.load(out)
    assert written.affine.tobytes() == in_file.affine.tobytes()
    assert written.header.structarr["srow_x"].tobytes() == in_file.header.structarr["srow_x"].tobytes()
    assert np.array_equal(np.asarray(written.dataobj), voxels % 5)
    assert np.array_equal(read_labels(out, header.grid), labels)


@pytest.mark.parametrize("seed", range(12))
def test_oblique_axes_stay_oblique(seed: int, save_nifti: Callable[..., Path]) -> None:
    generator = np.random.default_rng(seed)
    affine = affine_of(ORIENTATIONS[generator.integers(48)])
    affine[:3, :3] = (
        Rotation.from_euler("xyz", generator.uniform(-30, 30, 3), degrees=True).as_matrix() @ affine[:3, :3]
    )
    voxels = generator.integers(0, 1000, SHAPE).astype(np.int16)
    path = save_nifti(voxels, affine)
    volume = read(Source("nifti", (path,), "scan"))
    theirs = nibabel.as_closest_canonical(nibabel.load(path))
    assert np.array_equal(volume.data, np.asarray(theirs.dataobj))
    assert np.allclose(volume.affine, theirs.affine, atol=1e-12)
    assert np.linalg.det(volume.affine[:3, :3]) > 0
    assert np.array_equal(volume.grid.to_source(volume.data), voxels)


def test_grid_moves_colour_with_its_voxel(save_nifti: Callable[..., Path]) -> None:
    grid = probe(Source("nifti", (save_nifti(np.zeros(SHAPE, np.int16), affine_of("SLP")),), "scan")).grid
    colour = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3))
    assert grid.to_canonical(colour).shape == (4, 5, 3, 3)
    assert np.array_equal(grid.to_source(grid.to_canonical(colour)), colour)
    assert np.shares_memory(grid.to_canonical(colour), colour)


def test_sheared_axes_are_straightened_for_display_alone(save_nifti: Callable[..., Path], tmp_path: Path) -> None:
    affine = affine_of("LPS")
    affine[0, 1] = 0.4
    path = save_nifti(np.arange(60, dtype=np.int16).reshape(SHAPE), affine)
    header = probe(Source("nifti", (path,), "scan"))
    assert "shear" in " ".join(header.warnings)
    assert shear_degrees(header.affine) < 1e-6
    assert np.allclose(header.spacing, spacing(header.grid.canonical_affine))
    middle = [*((np.array(header.shape) - 1) / 2), 1]
    assert np.allclose(header.affine @ middle, header.grid.canonical_affine @ middle)
    write_labels(tmp_path / "out.nii", np.zeros(header.shape, np.uint16), header.grid, [])
    assert nibabel.load(tmp_path / "out.nii").affine.tobytes() == nibabel.load(path).affine.tobytes()


def test_rounding_of_a_header_is_no_shear() -> None:
    affine = affine_of("RAS")
    affine[:3, :3] = (Rotation.from_euler("x", 20, degrees=True).as_matrix() @ affine[:3, :3]).astype(np.float32)
    assert displayed_affine(affine, SHAPE) is affine
