"""Compressed frames in a helper process: the same pixels; a codec that crashes, hangs or swells ends in a sentence."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from sagittal_engine.imaging import ImagingError, Source, read
from sagittal_engine.imaging.dicom import codecs, guarded, pixels
from sagittal_engine.imaging.dicom.instance import read_instance

Series = Callable[..., Path]
Only = Callable[[Path], Source]
VOXELS = np.random.default_rng(5).integers(0, 1500, (4, 48, 36)).astype(np.uint16)


@pytest.fixture
def no_helper() -> Iterator[None]:
    """No helper of another test is asked, and none is left for another."""
    end_all()
    yield
    end_all()


def end_all() -> None:
    while guarded._idle:
        guarded._idle.pop().end()


@pytest.fixture
def packed(save_series: Series) -> Callable[..., Path]:
    def make(syntax: str = RLELossless, name: str = "packed") -> Path:
        def compress(data: Dataset, _index: int) -> None:
            data.compress(syntax, generate_instance_uid=False)

        return save_series(VOXELS, name=name, change=compress)

    return make


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_a_helper_gives_what_is_unpacked_here(packed: Callable[..., Path], syntax: str) -> None:
    for path in sorted(packed(syntax).iterdir()):
        instance = read_instance(path)
        assert codecs.is_packed(instance)
        (here,), (there,) = codecs.unpack(instance, range(1)), guarded.unpack_guarded(instance, range(1))
        assert np.array_equal(here, there) and here.dtype == there.dtype


def test_one_helper_reads_a_series_and_stays_for_the_next(packed: Callable[..., Path], only: Only) -> None:
    source = only(packed())
    first = read(source)
    (helper,) = guarded._idle
    assert np.array_equal(read(source).data, first.data)
    assert guarded._idle == [helper]


def test_threads_have_helpers_of_their_own_of_which_one_stays(packed: Callable[..., Path], only: Only) -> None:
    source = only(packed())
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(read(source).data.sum())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(int, found))) == 1 and len(found) == 3
    assert len(guarded._idle) == 1


def test_who_leaves_in_the_middle_leaves_no_half_answer(shared_data: Path) -> None:
    path = shared_data / "edge_dicom" / "pydicom-data" / "emri_small_jpeg_2k_lossless.dcm"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the odd files")
    instance = read_instance(path)
    frames = guarded.unpack_guarded(instance, range(3))
    next(frames)
    frames.close()
    assert guarded._idle == []  # it would go on with the second frame
    assert np.array_equal(pixels.frame_of(instance, 2), list(pixels.frames_of(instance))[2])


def test_a_helper_that_was_killed_while_idle_is_replaced(packed: Callable[..., Path], only: Only) -> None:
    source = only(packed())
    whole = read(source)
    guarded._idle[0]._process.kill()
    guarded._idle[0]._process.join()
    assert np.array_equal(read(source).data, whole.data)


CODECS = {
    "crashes": "os.abort()",
    "hangs": "time.sleep(600)",
    "hangs in native code": "ctypes.PyDLL(None).sleep(600)",
    "never ends": "while True: pass",
    "takes all memory": "np.ones(2**34, np.uint8)",
}


def bad_codec(folder: Path, name: str, does: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Helpers started from now on meet a codec that does something first, and have half a second of a processor."""
    (folder / f"{name}.py").write_text(
        "import ctypes, os, time\nimport numpy as np\nfrom sagittal_engine.imaging.dicom import codecs, guarded\n"
        f"real = codecs.iter_pixels\ndef fail(*given, **options):\n    {does}\n    yield from real(*given, **options)\n"
        "def serve(pipe):\n    codecs.iter_pixels = fail\n    guarded.SECONDS, guarded.PATIENCE = 0.5, 4\n"
        "    guarded._serve(pipe)\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(guarded, "_serve", importlib.import_module(name).serve)


@pytest.mark.parametrize("fault", CODECS)
def test_a_codec_that(
    fault: str,
    packed: Callable[..., Path],
    only: Only,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_helper: None,
) -> None:
    if sys.platform != "linux" and fault in ("takes all memory", "hangs in native code"):
        pytest.skip("memory is limited, and the C library is found by this name, on Linux alone")
    name = f"bad_codec_{list(CODECS).index(fault)}"
    source = only(packed(name=name))
    bad_codec(tmp_path, name, CODECS[fault], monkeypatch)
    words = "asks for memory" if "memory" in fault else "broke down on them, or came to no end"
    with pytest.raises(ImagingError, match=words):
        read(source)
    assert bool(guarded._idle) == ("memory" in fault)  # one that said what was wrong goes on


def test_a_busy_machine_that_lends_little_of_its_time_is_waited_for(
    packed: Callable[..., Path],
    only: Only,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_helper: None,
) -> None:
    if sys.platform == "win32":
        pytest.skip("a processor's time is not counted here")
    source = only(packed(name="slow"))
    whole = read(source).data
    end_all()
    bad_codec(tmp_path, "slow_codec", "time.sleep(0.8)", monkeypatch)
    assert np.array_equal(read(source).data, whole)


def test_a_file_that_went_away_is_said_as_such(packed: Callable[..., Path]) -> None:
    instance = read_instance(next(packed().iterdir()))
    instance.path.unlink()
    with pytest.raises(FileNotFoundError):
        list(guarded.unpack_guarded(instance, range(1)))


def test_helpers_end_with_a_program_that_is_killed(packed: Callable[..., Path]) -> None:
    folder = packed()
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sagittal_engine.imaging import discover, read\n"
        "from sagittal_engine.imaging.dicom import guarded\n"
        f"read(discover([Path({str(folder)!r})]).items[0])\n"
        "print(guarded._idle[0]._process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    helper = Path("/proc") / done.stdout.strip()
    if not helper.parent.is_dir():
        pytest.skip("no /proc to look at")
    deadline = time.monotonic() + 10
    while helper.exists() and "Z" not in (helper / "stat").read_text().split()[2] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not helper.exists() or "Z" in (helper / "stat").read_text().split()[2]
