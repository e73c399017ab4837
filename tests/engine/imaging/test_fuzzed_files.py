"""Damaged files in a process of their own: `fuzzing.py` has the cases, here are few of them, in the soak thousands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = float(os.environ.get("SAGITTAL_SOAK", "0"))


def fuzz(*arguments: str) -> None:
    """Runs the cases; a crash, a hang or an outcome that is no sentence fails with the case's line."""
    script = Path(__file__).with_name("fuzzing.py")
    done = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if '"problems"' in line]
    assert not wrong, wrong[:5]
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])


def test_damaged_files_are_pictures_or_sentences() -> None:
    fuzz("--count", "300")


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="takes minutes; SAGITTAL_SOAK says how many")
def test_thousands_of_damaged_files(shared_data: Path) -> None:
    fuzz("--seed", "1", "--count", "5000", "--real", str(shared_data))
