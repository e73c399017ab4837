"""Finds every method by itself, and lends it a tiny study: the suite holds no list of methods."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("SAGITTAL_THREADS", "1")

from sagittal.events import RunFinished
from sagittal_engine.registry import Registry

REGISTRY = Registry()


def pytest_generate_tests(metafunc):
    """`card` runs over every method, `trainer` over those that train."""
    for name, capability in (("card", ""), ("trainer", "pretext")):
        if name in metafunc.fixturenames:
            cards = [c for c in REGISTRY.cards() if not capability or capability in c.capabilities]
            metafunc.parametrize(name, cards, ids=[c.name for c in cards])


@pytest.fixture(scope="session")
def registry():
    return REGISTRY


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory):
    from tiny_study import TinyStudy

    return TinyStudy(tmp_path_factory.mktemp("every_method") / "study")


@pytest.fixture
def train(tiny_study):
    """Trains a request to its end; returns the record and the run's folder."""
    import torch

    from sagittal_engine.service import Engine

    torch.set_num_threads(1)
    engine = Engine(REGISTRY, tiny_study)

    def follow(run):
        deadline = time.monotonic() + 250
        while time.monotonic() < deadline:
            for event in engine.events():
                if isinstance(event, RunFinished) and event.source == run:
                    assert not event.error, event.error + event.detail
                    record = engine.run(run)
                    return record, tiny_study.runs_folder / record.facts.folder
            time.sleep(0.01)
        raise AssertionError("the run did not finish")

    def work(request=None, *, resume=None, stop_at=None):
        return follow(engine.start(request) if resume is None else engine.resume(resume, stop_at))

    yield work
    engine.shut_down()
