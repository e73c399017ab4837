"""DICOM segmentations whose header lies: one sentence, soon, and no memory for what is merely claimed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from sagittal_engine.imaging import ImagingError, Source, discover, read
from sagittal_engine.imaging.dicom import segmentation, segments

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fuzzing import make_segmentation

resource = pytest.importorskip("resource", reason="memory is measured where the system tells it")
SEGMENT = np.random.default_rng(3).random((5, 48, 40)) > 0.5
Crafted = Callable[[Dataset], None]


def crafted(folder: Path, change: Crafted, kind: str = "BINARY", syntax: str = ExplicitVRLittleEndian) -> Path:
    path = folder / "crafted.dcm"
    make_segmentation(SEGMENT, kind, pydicom.uid.UID(syntax), path)
    data = pydicom.dcmread(path)
    change(data)
    data.save_as(path)
    return path


def many_rows(data: Dataset) -> None:
    data.Rows = data.Columns = 60_000


def many_frames(data: Dataset) -> None:
    data.NumberOfFrames = 2**31 - 1


def far_apart(data: Dataset) -> None:
    data.PerFrameFunctionalGroupsSequence[-1].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 2e7]


def much_too_small(data: Dataset) -> None:
    data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = "1e-7"


def no_rows(data: Dataset) -> None:
    del data.Rows


def no_pixels(data: Dataset) -> None:
    del data.PixelData


@pytest.mark.parametrize("change", [many_rows, many_frames, far_apart, much_too_small, no_pixels, no_rows])
def test_a_lying_header_is_one_sentence(change: Crafted, tmp_path: Path) -> None:
    sentence_of(crafted(tmp_path, change))


def test_one_frame_need_not_be_counted(tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    make_segmentation(SEGMENT[:1], "BINARY", ExplicitVRLittleEndian, path)
    data = pydicom.dcmread(path)
    del data.NumberOfFrames
    data.save_as(path)
    assert read(discover([path]).items[0]).data.sum() == SEGMENT[0].sum()


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_a_lying_header_of_compressed_segments(syntax: str, tmp_path: Path) -> None:
    sentence_of(crafted(tmp_path, many_rows, "FRACTIONAL", syntax))


def test_a_stream_that_is_larger_than_its_header_says(tmp_path: Path) -> None:
    def swell(data: Dataset) -> None:
        streams = list(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=len(SEGMENT)))
        at = streams[0].index(b"\xff\x4f\xff\x51") + 8
        large = streams[0][:at] + (50_000).to_bytes(4, "big") * 2 + streams[0][at + 8 :]
        data.PixelData = encapsulate([large, *streams[1:]])

    reason = sentence_of(crafted(tmp_path, swell, "FRACTIONAL", JPEG2000Lossless))
    assert "its stream is of 50000 × 50000 pixels, its header says 48 × 40" in reason


def sentence_of(path: Path) -> str:
    """What is said instead of a volume, within seconds and without memory."""
    begun, taken = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = discover([path])
    if found.items:
        with pytest.raises(ImagingError) as caught:
            read(found.items[0])
        reason = str(caught.value)
    else:
        (refused,) = found.refused
        reason = refused.reason
    assert path.name in reason and reason.endswith(".") and "\n" not in reason
    assert time.monotonic() - begun < 10 + 5  # five for the start of a helper on a busy machine
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - taken < 2**17  # kilobytes
    return reason


@pytest.mark.parametrize(("kind", "syntax"), [("BINARY", ExplicitVRLittleEndian), ("FRACTIONAL", RLELossless)])
def test_a_long_one_comes_piece_by_piece(
    kind: str, syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper's job, done here: with room for one slice at a time it says the same."""
    path = crafted(tmp_path, lambda _: None, kind, syntax)
    source = Source(segmentation.KIND, (path,), "")
    whole = read(source).data
    assert (whole == 1).sum() == SEGMENT.sum()
    monkeypatch.setattr(segments, "AT_A_TIME", 1)
    monkeypatch.setattr(segmentation, "ask", here)
    assert np.array_equal(read(source).data, whole)


def here(job: str, path: Path, **details: int) -> object:
    """`guarded.ask` without a helper."""
    return {"planes": segments.planes}[job]({"path": str(path), **details}, lambda _memory, _seconds: nullcontext)
