"""Kills a training program again and again, resumes, and compares every curve with an uninterrupted run's."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sagittal_engine import phantom

MINUTES = float(os.environ.get("SAGITTAL_SOAK", "0"))
TINY = ("--set", "superpixels_per_slice=1", "--set", "batch_size=1", "--set", "foreground=otsu")
STEPS = 400
VALUES = (*TINY, "--set", f"steps={STEPS}", "--set", "checkpoint_steps=7", "--set", "preview_steps=5")


def sagittal(*words: object, env: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sagittal_engine.cli", *map(str, words), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def done(*words: object, env: dict[str, str]) -> Any:
    """The document of a command that must succeed."""
    with sagittal(*words, env=env) as child:
        out, err = child.communicate()
    assert child.returncode == 0, err
    return json.loads(out)


@pytest.mark.soak
@pytest.mark.skipif(not MINUTES, reason="takes minutes; SAGITTAL_SOAK says how many")
def test_a_run_killed_at_random_equals_one_left_alone(tmp_path: Path) -> None:
    env = {**os.environ, "SAGITTAL_THREADS": "1", "SAGITTAL_CONFIG": str(tmp_path / "config")}
    study = tmp_path / "study"
    phantom.generate(tmp_path / "scans", subjects=2)
    done("new", study, env=env)
    done("import", study, tmp_path / "scans", env=env)
    whole = done("train", study, "cowpro", *VALUES, env=env)
    random.seed(0)
    kills, ends = 0, time.monotonic() + 60 * MINUTES
    while time.monotonic() < ends:
        run, killed = _with_kills(study, env, ends)
        kills += killed
        shown = done("show", study, run, env=env)
        assert (shown["state"], shown["reason"], shown["step"]) == ("finished", "completed", STEPS)
        for name, series in whole["metrics"].items():
            assert shown["metrics"][name] == series, name
    assert kills > 0


def _with_kills(study: Path, env: dict[str, str], ends: float) -> tuple[str, int]:
    """One run to its end through random kills (none once the time is over); its id and how often it was killed."""
    known = {row["run"] for row in done("runs", study, env=env)}
    words: tuple[object, ...] = ("train", study, "cowpro", *VALUES)
    kills = 0
    while True:
        with sagittal(*words, env=env) as child:
            try:
                out, err = child.communicate(timeout=random.uniform(4, 20) if time.monotonic() < ends else None)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.communicate()
                kills += 1
                new = [row for row in done("runs", study, env=env) if row["run"] not in known]
                if new and new[0]["reason"] == "completed":  # killed after its end
                    return new[0]["run"], kills
                if new:
                    assert new[0]["reason"] == "ended with the program"
                    words = ("train", study, "--resume", new[0]["run"])
                continue
        assert child.returncode == 0, err
        return json.loads(out)["run"], kills
