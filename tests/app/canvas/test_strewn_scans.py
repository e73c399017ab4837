"""A plane that lies strewn over a mapped file is read in the background, and drawn once it is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from canvas_harness import SHAPE, document, loan

from sagittal.facts import ImageLoan
from sagittal_app.canvas import strewn, words
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.session import Session
from sagittal_app.canvas.state import CanvasState
from sagittal_app.canvas.workspace import Workspace


@pytest.fixture
def mapped(tmp_path: Path) -> ImageLoan:
    """The ramp as a file lends it: the first axis runs fastest."""
    whole = loan()
    path = tmp_path / "scan.raw"
    path.write_bytes(whole.data.tobytes(order="F"))
    return replace(whole, data=np.memmap(path, np.float32, "r", shape=SHAPE, order="F").view()[::-1])


def test_how_much_of_a_file_a_slice_touches() -> None:
    volume = np.lib.stride_tricks.as_strided(np.zeros(1, np.int16), (512, 512, 1000), (2, 1024, 512 * 1024))
    page = 4096
    assert [strewn.touched(volume, axis) // page for axis in range(3)] == [128_000, 1000, 128]


def test_only_large_mapped_scans_have_strewn_planes(mapped: ImageLoan, monkeypatch) -> None:
    assert strewn.strewn_planes(mapped) == strewn.strewn_planes(None) == frozenset()
    monkeypatch.setattr(strewn, "MUCH", 40_000)
    assert strewn.strewn_planes(mapped) == {Plane.SAGITTAL, Plane.CORONAL}
    assert strewn.strewn_planes(replace(mapped, data=np.array(mapped.data))) == frozenset()


def test_the_plane_is_awaited_and_then_drawn(desk, engine, mapped: ImageLoan, monkeypatch, qtbot) -> None:
    monkeypatch.setattr(strewn, "MUCH", 40_000)
    state = CanvasState()
    session = Session(desk, state)
    with qtbot.waitSignal(state.slices_arrived):
        state.show_scan(mapped, document())
        assert Plane.SAGITTAL in state.awaited and Plane.AXIAL not in state.awaited
    assert not state.awaited
    session.close()
    assert not state.awaited


def test_a_view_says_what_it_waits_for(space: Workspace) -> None:
    view, state = space.views[Plane.SAGITTAL], space.state
    try:
        state.awaited = frozenset({Plane.SAGITTAL})
        state.slices_arrived.emit()
        assert view.overlay.drawing.notes == [words.READING_PLANE]
        assert not view.canvas._image_plane.any()
    finally:
        state.awaited = frozenset()
    state.slices_arrived.emit()
    assert view.overlay.drawing.notes == [] and view.canvas._image_plane.any()
