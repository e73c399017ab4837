"""An engine with the tests' own methods, on a study in memory."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

NAMESPACE = Path(__file__).parent / "namespace"
sys.path.insert(0, str(NAMESPACE))
os.environ.setdefault("SAGITTAL_THREADS", "1")


class Listener:
    """Collects an engine's events and waits for one."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.events = []

    def pump(self):
        self.events += self.engine.events()
        return self.events

    def until(self, condition, timeout=60.0):
        """The first event that `condition` holds for."""
        deadline = time.monotonic() + timeout
        seen = 0
        while time.monotonic() < deadline:
            events = self.pump()
            for event in events[seen:]:
                if condition(event):
                    return event
            seen = len(events)
            time.sleep(0.002)
        raise AssertionError(f"waited in vain; got {self.events}")

    def of(self, kind, source=None):
        return [e for e in self.pump() if isinstance(e, kind) and source in (None, e.source)]


@pytest.fixture
def registry():
    from sagittal_engine.registry import Registry

    return Registry(("running_methods",), entry_points="sagittal.none")


@pytest.fixture
def study(tmp_path):
    from running_study import FakeStudy

    return FakeStudy(tmp_path / "study")


@pytest.fixture
def engine(registry, study):
    import torch

    from sagittal_engine.service import Engine

    torch.set_num_threads(1)
    engine = Engine(registry, study)
    yield engine
    engine.shut_down()


@pytest.fixture
def listener(engine):
    return Listener(engine)
