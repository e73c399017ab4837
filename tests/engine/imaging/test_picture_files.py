"""PNG, JPEG and TIFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from sagittal_engine.imaging import ImagingError, Source, discover, label_map, probe, read

GREY = np.random.default_rng(0).integers(0, 255, (4, 6)).astype(np.uint8)
"""(rows, columns)"""
COLOUR = np.random.default_rng(1).integers(0, 255, (4, 6, 3)).astype(np.uint8)


def read_picture(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The pixels as the file holds them, (rows, columns[, 3])."""
    found = discover([path])
    assert found.refused == [], found.refused
    volume = read(found.items[0])
    assert volume.data.shape[:3] == (6, 4, 1)
    return volume.grid.to_source(volume.data)[:, :, 0].swapaxes(0, 1)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_grey_and_colour_come_back(ending: str, tmp_path: Path) -> None:
    for name, pixels in (("grey", GREY), ("colour", COLOUR), ("deep", GREY.astype(np.uint16) * 200)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.{ending}")
        assert np.array_equal(read_picture(tmp_path / f"{name}.{ending}"), pixels)


def test_rows_run_down_the_screen(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png")
    volume = read(discover([tmp_path / "a.png"]).items[0])
    assert volume.header.orientation == "LPS"
    assert volume.spacing == (1.0, 1.0, 1.0)
    assert any("no pixel size" in text for text in volume.warnings)
    # The top left pixel is furthest to the right and front of the patient: top left in a radiological view.
    assert volume.data[-1, -1, 0] == GREY[0, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint32", "int16"])
def test_tiffs_of_other_types(dtype: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(dtype) * 3)
    assert np.array_equal(read_picture(tmp_path / "a.tif"), GREY.astype(dtype) * 3)


def test_deep_colour_keeps_its_upper_half(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", COLOUR.astype(np.uint16) * 200, photometric="rgb")
    assert np.array_equal(read_picture(tmp_path / "a.tif"), COLOUR.astype(np.uint16) * 200 >> 8)


def test_jpeg_is_close(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    volume = read(discover([tmp_path / "a.jpg"]).items[0])
    assert np.abs(volume.grid.to_source(volume.data)[:, :, 0].T.astype(int) - smooth).max() < 8


def test_transparency_and_other_modes(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).convert("RGBA").save(tmp_path / "alpha.png")
    assert np.array_equal(read_picture(tmp_path / "alpha.png"), COLOUR)
    assert any("Transparency" in text for text in probe(Source("image", (tmp_path / "alpha.png",), "a")).warnings)
    Image.fromarray(GREY).convert("LA").save(tmp_path / "la.png")
    assert np.array_equal(read_picture(tmp_path / "la.png"), GREY)
    Image.fromarray(COLOUR).convert("CMYK").save(tmp_path / "cmyk.tif")
    assert read_picture(tmp_path / "cmyk.tif").shape == (4, 6, 3)


def test_a_palette_keeps_its_numbers(tmp_path: Path) -> None:
    mask = Image.fromarray((GREY > 99).astype(np.uint8), mode=None).convert("P")
    mask.putdata((GREY > 99).astype(np.uint8).ravel().tolist())
    mask.putpalette([0, 0, 0, 255, 0, 0])
    mask.save(tmp_path / "mask.tif")
    source = discover([tmp_path / "mask.tif"]).items[0]
    assert probe(source).looks_like_labels
    labels = label_map(read(source)).data
    assert set(np.unique(labels)) == {0, 1}


def test_a_white_mask_becomes_label_one(tmp_path: Path) -> None:
    pixels = np.where(GREY > 99, 255, 0).astype(np.uint8)
    pixels[0, 0] = 140
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    found = label_map(read(discover([tmp_path / "mask.png"]).items[0]))
    assert int(found.data.sum()) == int((pixels >= 128).sum())
    assert "1 pixels between black and white" in found.warnings[0]
    Image.fromarray(COLOUR).save(tmp_path / "colour.png")
    with pytest.raises(ImagingError, match="colour picture is no label map"):
        label_map(read(discover([tmp_path / "colour.png"]).items[0]))


def test_films_and_damaged_files_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(GREY)]
    frames[0].save(tmp_path / "film.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImagingError, match="holds 2 pictures"):
        probe(Source("image", (tmp_path / "film.tif",), "film"))
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    for name in ("a.png", "a.jpg", "a.tif"):
        Image.fromarray(noise).save(tmp_path / name)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:600])
        with pytest.raises(ImagingError, match=f"^{name} "):
            read(Source("image", (tmp_path / name,), "a"))


def test_absurd_sizes_are_refused(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png")
    block = bytearray((tmp_path / "a.png").read_bytes())
    block[16:24] = np.array([12000, 12000], ">u4").tobytes()
    (tmp_path / "a.png").write_bytes(bytes(block))
    with pytest.raises(ImagingError):
        probe(Source("image", (tmp_path / "a.png",), "a"))
