"""Every file found ends in an item or in a refusal with one readable sentence."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sagittal_engine.imaging import ImagingError, Source, content_id, discover, probe, read, write_labels

Save = Callable[..., Path]
VOXELS = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


def test_a_mixed_tree(save_nifti: Save, save_series: Save, tmp_path: Path) -> None:
    save_nifti(VOXELS, name="image_10.nii.gz")
    save_nifti(VOXELS + 1, name="image_2.nii")
    save_series(VOXELS.transpose(2, 0, 1), name="dicom")
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "picture without ending", "PNG")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".DS_Store").write_bytes(b"1")
    (tmp_path / "empty.nii").touch()
    grid = probe(Source("nifti", (tmp_path / "image_2.nii",), "a")).grid
    write_labels(tmp_path / "label_2.nii.gz", np.zeros((3, 4, 5), np.uint16), grid, [])
    found = discover([tmp_path])
    assert [(item.kind, item.name) for item in found.items] == [
        ("dicom", "CT Abdomen"), ("nifti", "image_2"), ("nifti", "image_10"), ("nifti", "label_2"),
        ("image", "picture without ending"),
    ]  # fmt: skip
    assert found.items[3].companions == (tmp_path / "label_2.labels.json",)
    assert {refusal.path.name: refusal.reason for refusal in found.refused} == {
        ".DS_Store": ".DS_Store is a file of the operating system, not an image.",
        "empty.nii": "empty.nii is empty.",
        "notes.txt": "notes.txt is not an image file."
        " Sagittal reads NIfTI, NRRD, MetaImage, DICOM, PNG, JPEG, TIFF and BMP.",
    }
    told = {path for item in found.items for path in (*item.files, *item.companions)} | {
        one.path for one in found.refused
    }
    assert told == {path for path in tmp_path.rglob("*") if path.is_file()}


def test_items_come_as_they_were_given(save_nifti: Save, save_series: Save) -> None:
    later, sooner = save_nifti(VOXELS, name="b.nii"), save_nifti(VOXELS, name="a.nii")
    slices = sorted(save_series(VOXELS.transpose(2, 0, 1)).iterdir())
    found = discover([slices[1], later, *slices, sooner])
    assert [item.name for item in found.items] == ["CT Abdomen", "b", "a"]
    assert len(found.items[0].files) == 5 and found.refused == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.nii.gz", b"\x1f\x8bbroken", "cannot be unpacked"),
        ("a.nii", b"x" * 400, "not what its ending says"),
        ("a.hdr", b"\x5c\x01\0\0" + bytes(344), "Analyze 7.5"),
        ("a.img", b"x" * 400, "no header that refers to it"),
        ("a.dcm", b"x" * 400, "'DICM' is missing"),
        ("a.mgz", gzip.compress(b"x" * 400, mtime=0), "mri_convert"),
        ("a.BRIK", b"x" * 400, "AFNI"),
        ("a.zip", b"PK\3\4" + bytes(400), "Unpack it"),
        ("a.gif", b"GIF89a" + bytes(400), "Save it as PNG or TIFF"),
        ("a.labels.json", b"{}", "label map that is not here"),
    ],
)
def test_one_sentence_for_each(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    found = discover([tmp_path])
    assert found.items == []
    assert words in found.refused[0].reason
    assert found.refused[0].reason.startswith(name) and found.refused[0].reason.endswith(".")


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "does not exist" in discover([tmp_path / "gone"]).refused[0].reason
    assert discover([tmp_path]).items == discover([tmp_path]).refused == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed_and_loops_are_not(save_nifti: Save, tmp_path: Path) -> None:
    path = save_nifti(VOXELS)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "loop").symlink_to(tmp_path)
    (folder / "nowhere").symlink_to(tmp_path / "gone")
    (folder / "again.nii").symlink_to(path)
    found = discover([tmp_path, path])
    assert len(found.items) == 1
    assert "a link to a file that is not there" in found.refused[0].reason


def test_it_can_be_given_up(save_nifti: Save, tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    def boundary() -> None:
        raise Cancelled

    source = Source("nifti", (save_nifti(VOXELS),), "a")
    with pytest.raises(Cancelled):
        discover([tmp_path], boundary)
    with pytest.raises(Cancelled):
        content_id(source, boundary)


def test_finding_reads_no_voxel(save_nifti: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sagittal_engine.imaging import storage

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("voxels were read")

    save_nifti(VOXELS, name="a.nii.gz")
    save_nifti(VOXELS, name="b.nii")
    for name in ("map_array", "unpack_array", "fill_array"):
        monkeypatch.setattr(storage, name, forbidden)
    for item in discover([tmp_path]).items:
        assert probe(item).shape == (3, 4, 5)


def test_no_torch_is_imported(save_nifti: Save, tmp_path: Path) -> None:
    save_nifti(VOXELS)
    program = (
        "import sys, pathlib; from sagittal_engine import imaging;"
        "found = imaging.discover([pathlib.Path(sys.argv[1])]); imaging.read(found.items[0]).window;"
        "print([name for name in ('torch', 'monai', 'vtk', 'SimpleITK', 'tifffile') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_the_system_forbids_is_one_sentence(save_nifti: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    from sagittal_engine.imaging import storage

    source = Source("nifti", (save_nifti(VOXELS),), "a")
    for error, words in ((PermissionError(13, "Permission denied"), "Permission denied"), (MemoryError(), "memory")):

        def fail(*_: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr(storage, "map_array", fail)
        with pytest.raises(ImagingError, match=words):
            read(source)


def test_a_header_that_lost_its_syntax_ends_in_a_sentence_or_a_picture(save_series: Save, tmp_path: Path) -> None:
    path = save_series(VOXELS[:1], name="seed") / "000.dcm"
    block = bytearray(path.read_bytes())
    block[132] = 0  # the tag that begins the meta information, whose transfer syntax is lost with it
    path.write_bytes(bytes(block))
    found = discover([path])
    assert len(found.items) + len(found.refused) == 1
    for item in found.items:
        try:
            assert read(item).data.size
        except ImagingError as error:
            assert str(error).endswith(".")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_end_in_a_sentence(
    data: st.DataObject, save_nifti: Save, save_series: Save, tmp_path: Path
) -> None:
    kind = data.draw(st.sampled_from(["nii", "gz", "dcm", "nrrd"]))
    path = _seed(kind, save_nifti, save_series, tmp_path)
    block = bytearray(path.read_bytes())
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6)):
        block[place % len(block)] = value
    if data.draw(st.booleans()):
        block = block[: data.draw(st.integers(0, 5000)) % len(block)]
    target = tmp_path / "damaged" / path.name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(bytes(block))
    found = discover([target])
    assert len(found.items) + len(found.refused) == 1
    for item in found.items:
        try:
            volume = read(item)
        except ImagingError as error:
            assert str(error).endswith(".")
        else:
            assert volume.window[0] < volume.window[1]
            assert volume.data.shape[:3] == volume.header.shape


def _seed(kind: str, save_nifti: Save, save_series: Save, tmp_path: Path) -> Path:
    """A sound file to damage."""
    if kind == "dcm":
        return save_series(VOXELS[:1], name="seed") / "000.dcm"
    if kind == "nrrd":
        text = b"NRRD0005\ntype: short\ndimension: 3\nsizes: 3 4 5\nspace: LPS\nencoding: raw\nendian: little\n"
        text += b"space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (1,2,3)\n\n"
        (tmp_path / "seed.nrrd").write_bytes(text + VOXELS.tobytes())
        return tmp_path / "seed.nrrd"
    return save_nifti(VOXELS, name="seed.nii" if kind == "nii" else "seed.nii.gz")
