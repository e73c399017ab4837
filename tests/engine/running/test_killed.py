"""A program killed in the middle of a run: what the next one finds, and that resuming equals not having been killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sagittal.events import Reason, RunFinished, State
from sagittal.run_request import RunRequest

PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from running_study import FakeStudy
from sagittal.run_request import RunRequest
from sagittal_engine.registry import Registry
from sagittal_engine.service import Engine
engine = Engine(Registry(("running_methods",), entry_points="sagittal.none"), FakeStudy(Path(sys.argv[2])))
engine.start(RunRequest(method="tiny", parameters={"pause_ms": 30.0, "steps": 40}, device="cpu", seed=5))
time.sleep(120)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_run_is_found_and_resumes_as_if_nothing_had_happened(engine, listener, study):
    namespace = Path(__file__).parent / "namespace"
    log = study.folder / "child.txt"
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(namespace), str(study.folder)],
            stdout=output, stderr=output, env={**os.environ, "SAGITTAL_THREADS": "1"},
        )  # fmt: skip
        try:
            _wait_for_metrics(study, child, log)
            living = engine.runs()[0]
            assert living.state.state is State.RUNNING and not living.resumable
        finally:
            child.kill()
            child.wait()
    found = engine.runs()[0]
    run = found.facts.run
    assert (found.state.state, found.state.reason) == (State.FINISHED, Reason.ENDED_WITH_PROGRAM)
    assert found.resumable
    metrics = study.runs_folder / found.facts.folder / "metrics.jsonl"
    with metrics.open("ab") as file:
        file.write(b'{"points":{"main_loss":[[99],[0.1')  # the torn line of a crash in the middle of writing
    assert engine.resume(run) == run
    assert listener.until(lambda e: isinstance(e, RunFinished)).reason is Reason.COMPLETED
    resumed = engine.run(run)

    whole = engine.start(RunRequest(method="tiny", parameters={"steps": 40}, device="cpu", seed=5))
    listener.until(lambda e: isinstance(e, RunFinished) and e.source == whole)
    assert resumed.metrics == engine.run(whole).metrics
    assert resumed.metrics["main_loss"][0] == list(range(1, 41))


def _wait_for_metrics(study, child, log):
    """Until the child has saved one checkpoint and recorded steps beyond it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert child.poll() is None, log.read_text()
        saved = any(study.runs_folder.glob("*/checkpoints/last.pt"))
        if saved and any(max(_steps(path)) > 6 for path in study.runs_folder.glob("*/metrics.jsonl")):
            return
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def _steps(path):
    from sagittal_engine.store.metrics import MetricsLog

    return MetricsLog(path).read().get("main_loss", ([0], []))[0]
