"""An engine with a method that gives features of slices, on a study in memory."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "namespace"))
os.environ.setdefault("SAGITTAL_THREADS", "1")

from probed_study import ProbedStudy

from sagittal.events import RunFinished, TaskFinished
from sagittal.run_request import RunRequest
from sagittal_engine.registry import Registry
from sagittal_engine.service import Engine


class Workshop:
    """An engine whose work is waited for."""

    def __init__(self, study) -> None:
        import torch

        torch.set_num_threads(1)
        self.study = study
        self.engine = Engine(Registry(("representing_methods",), entry_points="sagittal.none"), study)
        self.events = []

    def wait(self, source):
        """The last event of run or task `source`."""
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline:
            self.events += self.engine.events()
            for event in self.events:
                if isinstance(event, (RunFinished, TaskFinished)) and event.source == source:
                    return event
            time.sleep(0.005)
        raise AssertionError("the work did not end")

    def train(self, *, probes=(), scans=(), **parameters):
        """A run's record, completed."""
        request = RunRequest(method="patches", parameters=parameters, probes=probes, scans=scans, device="cpu")
        run = self.engine.start(request)
        end = self.wait(run)
        assert not end.error, end.error + end.detail
        return self.engine.run(run)

    def result(self, task):
        """The document of a task that completed."""
        end = self.wait(task)
        assert not end.error, end.error + end.detail
        return end.result


@pytest.fixture
def workshop(tmp_path):
    made = Workshop(ProbedStudy(tmp_path / "study"))
    yield made
    made.engine.shut_down()
