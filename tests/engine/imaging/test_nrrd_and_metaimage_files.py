"""NRRD and MetaImage, written by SimpleITK or by hand."""

from __future__ import annotations

import bz2
import gzip
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from scipy.spatial.transform import Rotation

from sagittal_engine.imaging import ImagingError, Source, discover, label_table, probe, read

VOXELS = np.random.default_rng(1).integers(-500, 2000, (6, 5, 4)).astype(np.int16)
"""As SimpleITK counts: (slices, rows, columns)."""

ENCODINGS = list(itertools.product((".nrrd", ".nhdr", ".mha", ".mhd"), (False, True)))


def refusal(path: Path) -> str:
    found = discover([path])
    if found.items:
        with pytest.raises(ImagingError) as caught:
            read(found.items[0])
        return str(caught.value)
    return found.refused[0].reason


def by_hand(path: Path, fields: dict[str, Any], data: bytes) -> Path:
    lines = ["NRRD0005", *(f"{key}: {value}" for key, value in fields.items())]
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + data)
    return path


PLAIN = {"type": "short", "dimension": 3, "sizes": "4 5 6", "encoding": "raw", "endian": "little"}
PLACED = {**PLAIN, "space": "right-anterior-superior", "space directions": "(2,0,0) (0,3,0) (0,0,4)"}


@pytest.mark.parametrize(("ending", "packed"), ENCODINGS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
def test_what_simpleitk_writes(ending: str, packed: bool, dtype: str, tmp_path: Path) -> None:
    turn = Rotation.random(random_state=5).as_matrix()
    image = SimpleITK.GetImageFromArray(VOXELS.astype(dtype))
    image.SetSpacing((0.5, 1.25, 3.0))
    image.SetOrigin((-10.0, 20.0, 30.5))
    image.SetDirection(turn.ravel())
    SimpleITK.WriteImage(image, str(tmp_path / f"scan{ending}"), packed)
    found = discover([tmp_path])
    assert len(found.items) == 1 and found.refused == []
    volume = read(found.items[0])
    lps = np.eye(4)
    lps[:3, :3], lps[:3, 3] = turn * (0.5, 1.25, 3.0), (-10.0, 20.0, 30.5)
    assert np.allclose(volume.grid.affine, np.diag([-1, -1, 1, 1]) @ lps, atol=1e-6)
    assert np.array_equal(volume.grid.to_source(volume.data), VOXELS.astype(dtype).T)
    assert volume.header.dtype == dtype == volume.data.dtype
    assert volume.header.warnings == ()


@pytest.mark.parametrize(
    ("space", "signs"),
    [("LPS", (-1, -1, 1)), ("left-anterior-superior", (-1, 1, 1)), ("RAS", (1, 1, 1)), ("scanner-xyz", (-1, -1, 1))],
)
def test_the_space_is_honoured(space: str, signs: tuple[int, ...], tmp_path: Path) -> None:
    path = by_hand(tmp_path / "scan.nrrd", {**PLACED, "space": space, "space origin": "(1,2,3)"}, VOXELS.tobytes())
    header = probe(Source("nrrd", (path,), "scan"))
    assert np.array_equal(np.diag(header.grid.affine)[:3], np.multiply(signs, (2, 3, 4)))
    assert np.array_equal(header.grid.affine[:3, 3], np.multiply(signs, (1, 2, 3)))
    assert bool(header.warnings) == (space == "scanner-xyz")


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("raw", bytes),
        ("gzip", gzip.compress),
        ("bzip2", bz2.compress),
        ("ascii", lambda data: " ".join(map(str, np.frombuffer(data, "<i2"))).encode()),
    ],
)
def test_encodings(encoding: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = by_hand(tmp_path / "scan.nrrd", {**PLACED, "encoding": encoding}, pack(VOXELS.tobytes()))
    assert np.array_equal(read(Source("nrrd", (path,), "scan")).data, VOXELS.T)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_skips_and_byte_order(encoding: str, tmp_path: Path) -> None:
    data = b"12345" + VOXELS.astype(">i2").tobytes()
    data = b"a line\n" + (gzip.compress(data) if encoding == "gzip" else data)
    fields = {**PLACED, "encoding": encoding, "endian": "big", "line skip": 1}
    for skip in (5, -1):
        path = by_hand(tmp_path / "scan.nrrd", {**fields, "byte skip": skip}, data)
        volume = read(Source("nrrd", (path,), "scan"))
        assert np.array_equal(volume.data, VOXELS.T) and volume.data.dtype == np.int16


def test_segments_keep_names_and_colours(tmp_path: Path) -> None:
    fields = {**PLACED, "type": "short"}
    keys = {
        "Segment0_ID:": "=a",
        "Segment0_Name:": "=Leber, groß",
        "Segment0_Color:": "=1 0.5 0",
        "Segment0_LabelValue:": "=3",
    }
    lines = "\n".join(f"{key}{value}" for key, value in keys.items())
    path = by_hand(tmp_path / "a.seg.nrrd", fields, b"")
    path.write_bytes(path.read_bytes()[:-1] + lines.encode() + b"\n\n" + VOXELS.tobytes())
    source = Source("nrrd", (path,), "a")
    assert probe(source).looks_like_labels
    row = label_table(source)[0]
    assert (row.number, row.name, row.colour) == (3, "Leber, groß", "#FF8000")


def test_colour_and_single_volumes(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (6, 5, 4, 3)).astype(np.uint8)
    image = SimpleITK.GetImageFromArray(colour, isVector=True)
    for ending in (".nrrd", ".mha"):
        SimpleITK.WriteImage(image, str(tmp_path / f"scan{ending}"))
        volume = read(discover([tmp_path / f"scan{ending}"]).items[0]) if ending == ".mha" else None
        if volume:
            assert np.array_equal(volume.grid.to_source(volume.data), colour.transpose(2, 1, 0, 3))
    fields = {**PLACED, "type": "uchar", "dimension": 4, "sizes": "3 4 5 6", "kinds": "RGB-color domain domain domain",
              "space directions": "none (2,0,0) (0,3,0) (0,0,4)"}  # fmt: skip
    path = by_hand(tmp_path / "rgb.nrrd", fields, colour.tobytes())
    assert np.array_equal(read(Source("nrrd", (path,), "rgb")).data, colour.transpose(2, 1, 0, 3))
    single = {**PLACED, "dimension": 4, "sizes": "4 5 6 1", "space directions": "(2,0,0) (0,3,0) (0,0,4) none"}
    path = by_hand(tmp_path / "one.nrrd", single, VOXELS.tobytes())
    assert np.array_equal(read(Source("nrrd", (path,), "one")).data, VOXELS.T)


def test_files_that_know_no_place(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "scan.nrrd", {**PLAIN, "spacings": "1 2 3"}, VOXELS.tobytes())
    header = probe(Source("nrrd", (path,), "scan"))
    assert header.orientation == "LPS" and header.spacing == (1.0, 2.0, 3.0) and header.grid.assumed_axes
    assert "no directions" in header.warnings[0] and not header.grid.assumed_size
    bare = by_hand(tmp_path / "bare.nrrd", PLAIN, VOXELS.tobytes())
    assert probe(Source("nrrd", (bare,), "bare")).grid.assumed_size, "1 mm is nobody's word"
    flat = by_hand(tmp_path / "flat.nrrd", {**PLAIN, "dimension": 2, "sizes": "4 30"}, VOXELS.tobytes())
    assert read(Source("nrrd", (flat,), "flat")).data.shape == (4, 30, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dimension": 4, "sizes": "2 2 5 6", "space directions": "none (2,0,0) (0,3,0) (0,0,4)"}, "4D"),
        ({"dimension": 1, "sizes": "120"}, "row of 120 numbers"),
        ({"sizes": "4 5 600"}, "cut short"),
        ({"sizes": "40000 50000 60000", "encoding": "gzip"}, "cannot be right"),
        ({"encoding": "hex"}, "encoding 'hex'"),
        ({"type": "block"}, "no intensities"),
        ({"sizes": "4 0 6"}, "impossible sizes"),
        ({"data file": "gone.raw"}, "gone.raw, which is missing"),
        ({"data file": "LIST"}, "several files"),
        ({"space directions": "(2,0,0) (2,0,0) (0,0,4)"}, "span no space"),
    ],
)
def test_odd_headers_are_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    fields = {**PLACED, **change}
    if change.get("dimension") == 1:
        del fields["space directions"], fields["space"]
    assert words in refusal(by_hand(tmp_path / "scan.nrrd", fields, VOXELS.tobytes()))


META = {
    "NDims": 3,
    "DimSize": "4 5 6",
    "ElementType": "MET_SHORT",
    "ElementSpacing": "1 2 3",
    "ElementDataFile": "LOCAL",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"NDims": 4, "DimSize": "4 5 3 2"}, "4D"),
        ({"DimSize": "4 5 600"}, "cut short"),
        ({"DimSize": "4 x 6"}, "cannot be understood"),
        ({"ElementType": "MET_STRING"}, "no intensities"),
        ({"ElementNumberOfChannels": 2}, "2 numbers per voxel"),
        ({"BinaryData": "False"}, "as text"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "span no space"),
        ({"ElementDataFile": "gone.raw"}, "gone.raw, which is missing"),
        ({"ElementDataFile": "LIST"}, "several files"),
    ],
)
def test_odd_metaimages_are_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "scan.mha"
    fields = {**META, **change}
    fields["ElementDataFile"] = fields.pop("ElementDataFile")  # the last key, behind which the voxels begin
    text = "\n".join(f"{key} = {value}" for key, value in fields.items())
    path.write_bytes(text.encode() + b"\n" + VOXELS.tobytes())
    assert words in refusal(path)


def test_metaimage_without_directions(tmp_path: Path) -> None:
    path = tmp_path / "scan.mha"
    text = "\n".join(f"{key} = {value}" for key, value in META.items())
    path.write_bytes(text.encode() + b"\n" + VOXELS.tobytes())
    volume = read(Source("metaimage", (path,), "scan"))
    assert np.array_equal(volume.grid.to_source(volume.data), VOXELS.T)
    assert any("no directions" in text for text in volume.warnings)
