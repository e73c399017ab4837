"""Arrays without a header: numpy's own files, and pickles that are read without running them."""

from __future__ import annotations

import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal_engine import imaging
from sagittal_engine.imaging import ImagingError, Source, pickled_array

STACK = np.random.default_rng(0).integers(0, 4096, (3, 4, 5)).astype(np.uint16)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize(
    "array",
    [
        STACK,
        STACK.astype(">i2"),
        STACK.astype(np.float64),
        np.asfortranarray(STACK),
        STACK[:, ::2],
        STACK > 2000,
    ],
    ids=["plain", "big endian", "double", "fortran", "strided", "bool"],
)
def test_what_numpy_pickles_is_read_as_it_was(tmp_path: Path, array: np.ndarray, protocol: int):
    found = pickled_array.read(written(tmp_path / "a.pck", pickle.dumps(array, protocol=protocol)))
    assert found.dtype == array.dtype and found.shape == array.shape and (found == array).all()


def test_a_pickle_of_python_2_is_read(tmp_path: Path):
    """Python 2 wrote voxels as text of one byte a letter (BINSTRING)."""
    raw = STACK.tobytes()
    program = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02U\x01bq\x03\x87q\x04Rq\x05"
        b"(K\x01K\x03K\x04K\x05\x87q\x06cnumpy\ndtype\nq\x07U\x02u2q\x08K\x00K\x01\x87q\x09Rq\x0a"
        b"(K\x03U\x01<q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0cb\x89"
        b"T" + len(raw).to_bytes(4, "little") + raw + b"q\x0dtq\x0eb."
    )
    assert (pickled_array.read(written(tmp_path / "a.pck", program)) == STACK).all()


class Harm:
    """What loading this would do is call `function(*arguments)`."""

    def __init__(self, function, *arguments) -> None:
        self.called = (function, arguments)

    def __reduce__(self):
        return self.called


@pytest.mark.parametrize("protocol", range(6))
def test_foreign_names_are_refused_and_nothing_runs(tmp_path: Path, protocol: int):
    harm = tmp_path / "harm"
    for found in (Harm(Path.touch, harm), [STACK, Harm(exec, f"open({str(harm)!r}, 'w')")], Harm(np.fromfile, "x")):
        with pytest.raises(ImagingError, match=r"a\.pck is refused: .* Nothing of it was run\."):
            pickled_array.read(written(tmp_path / "a.pck", pickle.dumps(found, protocol=protocol)))
    assert not harm.exists()


def test_a_name_of_numpy_that_is_no_array_is_refused(tmp_path: Path):
    program = b"cnumpy.core.multiarray\nset_string_function\n)R."
    with pytest.raises(ImagingError, match=r"names numpy\.core\.multiarray\.set_string_function"):
        pickled_array.read(written(tmp_path / "a.pck", program))


@pytest.mark.parametrize(
    "found",
    [{"volume": STACK}, [1, 2, 3], "text", np.array([{}, []], object), np.array(["a", "b"]), None],
    ids=["dict", "list", "text", "objects", "strings", "none"],
)
def test_what_is_no_array_of_numbers_is_refused_in_words(tmp_path: Path, found: object):
    with pytest.raises(ImagingError, match=r"^a\.pck is "):
        pickled_array.read(written(tmp_path / "a.pck", pickle.dumps(found, protocol=4)))


def test_a_size_that_does_not_fit_the_bytes_is_refused(tmp_path: Path):
    content = pickle.dumps(STACK, protocol=2)
    at = content.index(b"K\x03K\x04K\x05\x87")
    with pytest.raises(ImagingError, match=r"shape \(200, 4, 5\) does not fit its"):
        pickled_array.read(written(tmp_path / "a.pck", content[: at + 1] + b"\xc8" + content[at + 2 :]))


@pytest.mark.parametrize("opcode", [b"\x8d", b"\x8e", b"\x96"])
def test_a_length_that_the_file_merely_claims_takes_no_memory(tmp_path: Path, opcode: bytes):
    """Text, bytes and byte arrays of protocols 4 and 5 say their lengths in eight bytes."""
    claimed = b"\x80\x05" + opcode + (2**40).to_bytes(8, "little") + b"abc."
    with pytest.raises(ImagingError, match="is damaged"):
        pickled_array.read(written(tmp_path / "a.pck", claimed))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_never_raises_anything_but_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    content = bytearray(pickle.dumps(STACK, protocol=data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    path = written(tmp_path_factory.mktemp("damaged") / "a.pck", bytes(content))
    try:
        assert pickled_array.read(path).dtype.kind in "iufb"
    except ImagingError as error:
        assert str(error).startswith("a.pck is ")


def test_the_walk_knows_every_instruction_it_follows():
    known = {opcode.name for opcode in pickletools.opcodes}
    followed = {*pickled_array._VALUES, *pickled_array._CONSTANTS, *pickled_array._TUPLES, *pickled_array._IDLE}
    assert followed <= known and not followed & {"GLOBAL", "REDUCE", "INST", "OBJ", "NEWOBJ", "EXT1", "PERSID"}


@pytest.mark.parametrize("ending", [".npy", ".pck"])
@pytest.mark.parametrize("dtype", [np.uint8, ">i2", np.float32, bool])
def test_a_stack_is_read_from_either_file(tmp_path: Path, ending: str, dtype):
    stack = STACK.astype(dtype)
    path = tmp_path / f"x{ending}"
    if ending == ".npy":
        np.save(path, stack, allow_pickle=False)
    else:
        path.write_bytes(pickle.dumps(stack))
    source = Source("sagittal slices", (path,), "x")
    header, volume = imaging.probe(source), imaging.read(source)
    assert header.shape == volume.data.shape == (3, 5, 4) and header.spacing == (1.0, 1.0, 1.0)
    assert header.grid.assumed_axes and header.grid.assumed_size
    assert "sagittal slices as a screen shows" in header.warnings[0]
    assert volume.data.dtype == header.dtype and volume.data.dtype.isnative
    shown = np.asarray(volume.data)[::-1, ::-1, ::-1].transpose(0, 2, 1)
    assert (shown == stack).all()


@pytest.mark.parametrize(
    "array", [np.zeros((3, 4), np.uint8), np.zeros((2, 3, 4), np.complex64), np.zeros((0, 3, 4), np.uint8)]
)
def test_arrays_that_are_no_stack_are_refused(tmp_path: Path, array: np.ndarray):
    np.save(tmp_path / "x.npy", array, allow_pickle=False)
    with pytest.raises(ImagingError, match=r"^x\.npy holds"):
        imaging.probe(Source("axial slices", (tmp_path / "x.npy",), "x"))


def test_damaged_and_objectful_arrays_are_refused(tmp_path: Path):
    whole = tmp_path / "x.npy"
    np.save(whole, STACK, allow_pickle=False)
    content = whole.read_bytes()
    for damaged in (content[:40], content[:-30], b"", b"\x93NUMPY\x01\x00v\x00" + b"?" * 118):
        with pytest.raises(ImagingError, match=r"x\.npy is no array that numpy can read"):
            imaging.read(Source("axial slices", (written(whole, damaged),), "x"))
    with whole.open("wb") as file:
        np.lib.format.write_array(file, np.array([[["a", {}]]], object), allow_pickle=True)
    with pytest.raises(ImagingError, match="Python objects"):
        imaging.read(Source("axial slices", (whole,), "x"))
