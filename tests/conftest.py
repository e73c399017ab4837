"""Fixtures every room shares: real scans where they are, quiet logs, no leaked threads."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# The same examples on every run: what chance finds anew belongs into `make soak`.
hypothesis.settings.register_profile("seeded", derandomize=True)
hypothesis.settings.register_profile("soak", derandomize=False)
hypothesis.settings.load_profile("soak" if os.environ.get("SAGITTAL_SOAK") else "seeded")

CHECKOUT = Path(__file__).resolve().parents[1]
# What several rooms' tests are built with.
sys.path.insert(0, str(Path(__file__).resolve().parent / "shared"))


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for Qt is a window test: those share one display, so they run one after the other."""
    for item in items:
        if {"qapp", "qtbot"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.window)


@pytest.fixture(scope="session", autouse=True)
def data_folder_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's own data folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGITTAL_DATA", str(tmp_path_factory.mktemp("user_data")))
        yield


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test leaves open or rescued, no other test is offered."""
    monkeypatch.setenv("SAGITTAL_DATA", str(tmp_path / "user_data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans; tests that need it are skipped with the reason where it is not."""
    folder = Path(os.environ.get("SAGITTAL_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real scans at {folder}; set SAGITTAL_TEST_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """A test fails when it leaves one of our threads behind; libraries' idle pools are named and let be."""
    before = set(threading.enumerate())
    yield
    ours = ("sagittal",)
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        left = [t for t in threading.enumerate() if t not in before and t.name.startswith(ours)]
        if not left:
            return
        time.sleep(0.02)
    pytest.fail(f"threads left running: {[t.name for t in left]}")
