"""A workspace for the canvas tests, made once for a file of them: making one takes a second or two."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtTest import QTest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import document, loan

from sagittal_app.canvas.state import CanvasState, Look
from sagittal_app.canvas.workspace import Workspace
from sagittal_app.settings import Settings


@pytest.fixture(scope="module")
def shared(qapp, tmp_path_factory) -> Iterator[Workspace]:
    """One workspace for all tests: making one takes a second or two."""
    made = Workspace(CanvasState(), Settings(tmp_path_factory.mktemp("settings") / "s.ini"))
    made.resize(1100, 800)
    made.show()
    QTest.qWaitForWindowExposed(made)
    yield made
    made.shut_down()
    made.close()
    made.deleteLater()
    qapp.processEvents()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    """The workspace as it is at first: a ramp of a scan, no label painted, the pointer chosen."""
    state = shared.state
    shared._settings.choose_mouse_preset("reading-room")
    state.set_look(**vars(Look()))
    state.use_tool("pointer")
    state.set_brush(10.0)
    while shared._alone or shared.large != "axial":
        shared.toggle_large("axial")
    state.show_scan(loan(), document())
    shared.reset()
    QTest.qWait(20)
    return shared
