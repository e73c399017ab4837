"""Masks of published picture sets: nested structures, levels of grey, matrices; stereo photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from sagittal_engine import imaging
from sagittal_engine.imaging import ImagingError, Source, mask_pictures

SIZE = (6, 8)


def saved(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    picture = Image.fromarray(pixels.astype(np.uint8))
    (picture.convert(mode) if mode else picture).save(path)
    return path


def as_stored(source: Source) -> np.ndarray:
    """Labels as (rows, columns) of the file."""
    found = imaging.label_map(imaging.read(source)).data
    assert found.dtype == np.uint16
    return found[::-1, ::-1, 0].T


@pytest.fixture
def truth() -> np.ndarray:
    labels = np.zeros(SIZE, np.uint8)
    labels[1:5, 2:7] = 1
    labels[2:4, 3:5] = 2
    return labels


@pytest.mark.parametrize(("mode", "white"), [(None, 255), ("RGB", 255), ("P", 255), ("1", 255), (None, 1), ("RGB", 1)])
def test_nested_masks(tmp_path: Path, truth: np.ndarray, mode: str | None, white: int):
    disc = saved(tmp_path / "disc.png", (truth > 0) * white, mode)
    cup = saved(tmp_path / "cup.png", (truth > 1) * white, mode)
    assert (as_stored(Source("nested masks", (disc, cup), "m")) == truth).all()


def test_a_structure_is_where_more_than_half_agree(tmp_path: Path):
    shares = np.array([[0, 64, 127, 128, 191, 255]])
    source = Source("nested masks", (saved(tmp_path / "soft.png", shares),), "m")
    assert as_stored(source).tolist() == [[0, 0, 0, 0, 1, 1]]


def test_nested_masks_of_two_sizes_are_refused(tmp_path: Path, truth: np.ndarray):
    disc, cup = saved(tmp_path / "disc.png", truth), saved(tmp_path / "cup.png", truth[:, :4])
    with pytest.raises(ImagingError, match=r"cup\.png has 4 × 6 pixels, disc\.png has 8 × 6"):
        imaging.read(Source("nested masks", (disc, cup), "m"))


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_levels_on_a_light_background(tmp_path: Path, truth: np.ndarray, ending: str):
    mask = saved(tmp_path / f"m.{ending}", np.choose(truth, [255, 128, 0]))
    assert mask_pictures.three_levels(Source("image", (mask,), "m"))
    assert (as_stored(Source("mask in levels", (mask,), "m")) == truth).all()


def test_levels_on_a_dark_background_and_after_jpeg(tmp_path: Path, truth: np.ndarray):
    mask = saved(tmp_path / "m.png", np.choose(truth, [0, 128, 255]))
    assert (as_stored(Source("mask in levels", (mask,), "m")) == truth).all()
    wide = np.kron(truth, np.ones((16, 16), np.uint8))
    jpeg = tmp_path / "m.jpg"
    Image.fromarray(np.choose(wide, [255, 128, 0]).astype(np.uint8)).save(jpeg, quality=90)
    assert (as_stored(Source("mask in levels", (jpeg,), "m")) == wide).mean() > 0.99


def test_numbered_levels_are_labels(tmp_path: Path, truth: np.ndarray):
    mask = saved(tmp_path / "m.png", truth)
    assert not mask_pictures.three_levels(Source("image", (mask,), "m"))
    assert (as_stored(Source("mask in levels", (mask,), "m")) == truth).all()


def test_two_levels_and_photographs_are_not_three(tmp_path: Path, truth: np.ndarray):
    flat = saved(tmp_path / "flat.png", (truth > 0) * 255)
    photo = saved(tmp_path / "photo.png", np.random.default_rng(0).integers(0, 255, (6, 8, 3)))
    assert not mask_pictures.three_levels(Source("image", (flat,), "m"))
    assert not mask_pictures.three_levels(Source("image", (photo,), "m"))


def test_matlab(tmp_path: Path, truth: np.ndarray):
    path = tmp_path / "m.mat"
    scipy.io.savemat(path, {"maskFull": truth, "name": "a text", "one": 3.0})
    assert (as_stored(Source("matlab mask", (path,), "m")) == truth).all()
    assert imaging.probe(Source("matlab mask", (path,), "m")).shape == (8, 6, 1)
    for content, said in (
        ({"a": truth, "b": truth}, "but 2"),
        ({"a": "text"}, "but 0"),
        ({"a": truth * 0.3}, "whole numbers"),
    ):
        scipy.io.savemat(path, content)
        with pytest.raises(ImagingError, match=said):
            imaging.read(Source("matlab mask", (path,), "m"))
    for damaged in (b"", b"MATLAB 5.0 MAT-file" + bytes(200), path.read_bytes()[:140]):
        path.write_bytes(damaged)
        with pytest.raises(ImagingError, match=r"m\.mat (is no MATLAB file|does not hold one matrix)"):
            imaging.read(Source("matlab mask", (path,), "m"))


def test_of_a_stereo_photograph_the_left_half_is_the_image(tmp_path: Path, truth: np.ndarray):
    pixels = np.random.default_rng(0).integers(0, 255, (6, 16, 3)).astype(np.uint8)
    photo = saved(tmp_path / "photo.png", pixels)
    volume = imaging.read(Source("stereo", (photo,), "p"))
    assert volume.data.shape == (8, 6, 1, 3)
    assert (volume.data[::-1, ::-1, 0].transpose(1, 0, 2) == pixels[:, :8]).all()
    mask = saved(tmp_path / "mask.png", np.hstack([truth > 0, truth * 0]) * 255)
    assert (as_stored(Source("nested masks of a stereo picture", (mask,), "m")) == (truth > 0)).all()
    high = saved(tmp_path / "high.png", pixels.transpose(1, 0, 2))
    assert imaging.read(Source("stereo", (high,), "p")).data.shape == (6, 16, 1, 3)


def test_a_bmp_is_a_picture_like_others(tmp_path: Path, only):
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    saved(tmp_path / "p.bmp", pixels)
    source = only(tmp_path / "p.bmp")
    assert source.kind == "image" and source.name == "p"
    assert (imaging.read(source).data[::-1, ::-1, 0].transpose(1, 0, 2) == pixels).all()
