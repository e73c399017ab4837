"""DICOM that is packed whole, by deflate or in gzip: read, unless it unpacks to more than it can sensibly hold."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from sagittal_engine.imaging import ImagingError, discover, read
from sagittal_engine.imaging.dicom import opening

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fuzzing import make_dicom

PIXELS = np.random.default_rng(2).integers(0, 900, (40, 48))
SWOLLEN = 300_000


def deflated(path: Path, swollen: int) -> Path:
    """A slice whose data set is one deflate stream, with an element of `swollen` zeros in it."""
    block = plain(swollen, DeflatedExplicitVRLittleEndian)
    end = opening._end_of_meta(block)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path.write_bytes(block[:end] + packer.compress(block[end:]) + packer.flush())
    return path


def zipped(path: Path, swollen: int) -> Path:
    path.write_bytes(gzip.compress(plain(swollen, ExplicitVRLittleEndian)))
    return path


def plain(swollen: int, said: str) -> bytes:
    """A plain file whose header names the syntax `said`."""
    data = make_dicom(PIXELS, 0, ExplicitVRLittleEndian)
    data.add_new((0x0009, 0x0010), "LO", "SAGITTAL TEST")
    data.add_new((0x0009, 0x1001), "OB", bytes(swollen))
    data.file_meta.PrivateInformationCreatorUID = "1.2.3"
    data.file_meta.PrivateInformation = b"one with a long length"
    written = BytesIO()
    data.save_as(written, enforce_file_format=True)
    short = ExplicitVRLittleEndian.encode() + b"\0"
    block = written.getvalue()
    if said != ExplicitVRLittleEndian:
        at, size = block.index(short), int.from_bytes(block[140:144], "little")
        uid = UID(said).encode()
        block = block[: at - 2] + len(uid).to_bytes(2, "little") + uid + block[at + len(short) :]
        block = block[:140] + (size + len(uid) - len(short)).to_bytes(4, "little") + block[144:]
    return block


@pytest.mark.parametrize("make", [deflated, zipped])
def test_what_unpacks_to_too_much_is_refused_and_the_rest_is_read(
    make: Callable[[Path, int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "ALWAYS", SWOLLEN // 2)
    path = make(tmp_path / "small.dcm", 16)
    (item,) = discover([path]).items
    voxels = read(item)
    assert np.array_equal(voxels.grid.to_source(voxels.data)[:, :, 0].T + 1024, PIXELS)
    (refused,) = discover([make(tmp_path / "large.dcm", SWOLLEN)]).refused
    held = (tmp_path / "large.dcm").stat().st_size
    assert refused.reason == (
        f"large.dcm cannot be right: its {held:,} bytes unpack to more than {max(SWOLLEN // 2, 64 * held):,}."
        " Export it again."
    )


def test_nothing_is_measured_of_what_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_swells", lambda *_: pytest.fail("it was measured"))
    path = tmp_path / "plain.dcm"
    path.write_bytes(plain(SWOLLEN, ExplicitVRLittleEndian))
    with opening.open_dicom(path) as file:
        assert pydicom.dcmread(file).Rows == 40


@pytest.mark.parametrize("make", [deflated, zipped])
def test_a_damaged_stream_is_left_to_its_reader(make: Callable[[Path, int], Path], tmp_path: Path) -> None:
    path = make(tmp_path / "cut.dcm", 16)
    path.write_bytes(path.read_bytes()[:-400])
    found = discover([path])
    for item in found.items:  # of gzip, the header may be whole
        with pytest.raises(ImagingError, match=path.name):
            read(item)
    assert all(path.name in refused.reason for refused in found.refused)
