"""A program killed while it paints: at most the stroke in progress is lost, and the study always opens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sagittal_engine.study import Study, interrupted

ROOT = Path(__file__).resolve().parents[3]
SHAPE = (32, 24, 16)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are of POSIX systems")


@pytest.fixture
def painters() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(Path(__file__).with_name("painter.py"))]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def scan(study: Study, tmp_path: Path, image: Callable[..., Path]) -> str:
    image(tmp_path / "data" / "image.nii.gz", shape=SHAPE)
    return study.import_paths([tmp_path / "data"])["imported"][0]["scan"]


def test_killed_fifteen_times(study: Study, scan: str, painters: subprocess.Popen[str]):
    study.close()
    kill_again_and_again(study.path, scan, painters, 15)


@pytest.mark.soak
@pytest.mark.skipif(not os.environ.get("SAGITTAL_SOAK"), reason="takes minutes; make soak runs it")
def test_killed_two_hundred_times(study: Study, scan: str, painters: subprocess.Popen[str]):
    study.close()
    kill_again_and_again(study.path, scan, painters, 200)


def kill_again_and_again(path: Path, scan: str, painters: subprocess.Popen[str], times: int) -> None:
    assert painters.stdin is not None and painters.stdout is not None
    chance = np.random.default_rng(times)
    safe = -1
    for kill in range(times):
        painters.stdin.write(f"{path}|{scan}|{kill}\n")
        painters.stdin.flush()
        pid = int(painters.stdout.readline().removeprefix("pid "))
        if kill % 3:  # the others are killed while the study is being opened
            safe = int(painters.stdout.readline())
        time.sleep(float(chance.uniform(0.0, 0.3)))
        os.kill(pid, signal.SIGKILL)
        while (said := painters.stdout.readline().strip()) != "dead":
            safe = int(said)
        safe = look(path, scan, safe)
    assert safe > times


def look(path: Path, scan: str, safe: int) -> int:
    """Opens what a kill left; returns the last stroke that is there, which is `safe` or the one in progress."""
    left = [row for row in interrupted.find() if row.path == str(path)]
    with Study.open(path) as study:
        assert not study.read_only and study.damage() == []
        loan = study.labels(scan, "painted")
        assert loan.note == "" and study.scan(scan).warnings == ()
        assert bool(left) == bool(loan.recovered_edits)
        flat = loan.data.reshape(-1)
        count = int(np.count_nonzero(flat))
        assert flat[:count].all()
        # A kill between an undo and its redo leaves the stroke taken back, to be brought again.
        assert count + len(loan.undone) in (safe + 1, safe + 2)
        assert len(loan.history) == count
        assert [int(step.indices[0]) for step in loan.history] == list(range(count))
    return count - 1
