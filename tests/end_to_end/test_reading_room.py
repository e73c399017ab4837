"""The reading room as its user lives in it: DICOM in, painting, a killed program, review, a DICOM segmentation out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import walk
from hands import Hands

from sagittal_app.window import Window

DOCS = HERE.parents[1] / "docs"

pytestmark = [pytest.mark.timeout(900)]


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a program was killed while somebody painted."""
    monkeypatch.setenv("SAGITTAL_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("SAGITTAL_THREADS", "1")
    walk.make_scans(tmp_path / "scans")
    (tmp_path / "out").mkdir()
    command = [sys.executable, str(HERE / "walk.py"), *map(str, (tmp_path / "scans", tmp_path, tmp_path / "out"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as child:
        assert child.stdout is not None
        said = [line.strip() for line in iter(child.stdout.readline, "") if _kill_when_painted(child, line)]
    assert walk.PAINTED in said, "the first half ended before anything was painted"
    assert child.returncode == -signal.SIGKILL
    return tmp_path


def _kill_when_painted(child: subprocess.Popen[str], line: str) -> bool:
    if line.strip() == walk.PAINTED:
        child.kill()
    return True


@pytest.fixture
def window(qapp, qtbot, killed: Path) -> Iterator[Window]:
    made = walk.open_window(killed)
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    if not made.closed:
        made.shut_down()
        qtbot.waitUntil(lambda: made.closed, timeout=60_000)
    made.deleteLater()
    qapp.processEvents()


def test_a_week_of_the_reading_room(window: Window, killed: Path) -> None:
    way = walk.Walk(Hands(window), killed / "scans", killed / "out", walk.truths_of(killed / "scans"))
    way.painted = np.load(killed / "out" / "painted.npy")
    for chapter in walk.SECOND_HALF:
        chapter(way)
    written = sorted((killed / "out").rglob("*.dcm"))
    assert len(written) == walk.SUBJECTS - 1
    for file in written:
        segmentation = pydicom.dcmread(file)
        assert segmentation.Modality == "SEG"
        assert [one.SegmentLabel for one in segmentation.SegmentSequence] == [walk.ORGAN]

    # Opened again, a segmentation is offered for the series it was made on.
    port, scans = window.desk.port, len(window.desk.study().scans)
    way.hands.drop(killed / "out")
    way.hands.until(lambda: not window.tasks.going and len(_sets(port)) > 2, "label sets of the exported files")
    assert len(window.desk.study().scans) == scans


def _sets(port: object) -> set[str]:
    return {one.name for scan in port.study().scans for one in scan.label_sets}  # type: ignore[attr-defined]


def test_the_guide_tells_what_the_walk_does() -> None:
    assert (DOCS / "reading-room.md").read_text(encoding="utf-8") == walk.guide(), "run packaging/guide.py"
    for names in walk.PICTURES.values():
        for name in names:
            assert (DOCS / "pictures" / "guide" / f"{name}.png").is_file(), "run packaging/guide.py"
