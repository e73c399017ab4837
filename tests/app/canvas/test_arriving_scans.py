"""Scans shown while they are being read: slices come, the whole takes their place, and a break is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from canvas_harness import document, loan

from sagittal.engine_port import SagittalError
from sagittal.facts import Arrival
from sagittal_app.canvas import words
from sagittal_app.canvas.session import Session
from sagittal_app.canvas.state import CanvasState
from sagittal_app.canvas.workspace import Workspace


@pytest.fixture
def coming(engine, monkeypatch):
    """The engine lends every scan a fifth read; the test says when the rest has come."""
    real, arrival = engine.image, Arrival()
    arrival.share = 0.2

    def image(scan):
        whole = real(scan)
        if not arrival.under_way:
            return whole
        data = whole.data.copy()
        data[:, :, 5:] = 0
        return replace(whole, data=data, window=(0.0, 100.0), arrival=arrival)

    monkeypatch.setattr(engine, "image", image)
    return arrival


@pytest.fixture
def session(desk) -> Session:
    return Session(desk, CanvasState())


def test_the_whole_takes_the_place_of_the_part(session, coming, engine, qtbot):
    state, scan = session.state, engine.study().scans[0].scan
    session.open(scan, "painted")
    qtbot.waitUntil(lambda: state.scan is not None)
    assert state.arriving and state.window == (0.0, 100.0)
    state.move_to((3, 4, 5))
    drawn = state.document
    with qtbot.waitSignal(state.slices_arrived):
        pass
    coming.share = 1.0
    qtbot.waitUntil(lambda: state.scan.arrival is None)
    assert np.array_equal(state.scan.data, engine.image(scan).data)
    assert state.window == (0.0, 400.0) and state.position == (3, 4, 5) and state.document is drawn


def test_a_window_chosen_meanwhile_stays(session, coming, engine, qtbot):
    state = session.state
    session.open(engine.study().scans[0].scan, "painted")
    qtbot.waitUntil(lambda: state.scan is not None)
    state.set_window((10.0, 20.0))
    coming.share = 1.0
    qtbot.waitUntil(lambda: state.scan.arrival is None)
    assert state.window == (10.0, 20.0)


def test_a_break_is_said_once_and_stays_on_the_views(session, coming, engine, said, qtbot):
    session.open(engine.study().scans[0].scan, "painted")
    qtbot.waitUntil(lambda: session.state.scan is not None)
    coming.problem = "slice 9.dcm is cut short."
    qtbot.waitUntil(lambda: bool(said.notices))
    qtbot.wait(300)
    assert said.notices == [("error", "slice 9.dcm is cut short.", "")]


def test_views_show_slices_as_they_come_and_say_so(space: Workspace):
    view, arrival = space.views["axial"], Arrival()
    whole = loan()
    part = replace(whole, data=np.zeros_like(whole.data), arrival=arrival)
    arrival.share = 0.25
    space.state.show_scan(part, document())
    assert view.overlay.drawing.notes == [words.ARRIVING.format(percent=25)]
    part.data.setflags(write=True)
    part.data[:] = whole.data
    space.state.slices_arrived.emit()
    arrival.share = 1.0
    space.state.take_whole(part, whole)
    assert view.overlay.drawing.notes == [] and space.state.scan is whole
    arrival.share, arrival.problem = 0.5, "broken"
    space.state.show_scan(part, document())
    assert view.overlay.drawing.notes == [words.BROKE_OFF]


def test_views_say_that_a_scan_is_being_read(space: Workspace):
    views, state = list(space.views.values()), space.state
    state.show_scan(None)
    assert {view.overlay.drawing.message for view in views} == {words.NO_SCAN_SHOWN}
    state.set_reading(True)
    assert {view.overlay.drawing.message for view in views} == {words.READING}
    state.show_scan(loan(), document())
    assert not state.reading and {view.overlay.drawing.message for view in views} == {""}


def test_a_scan_is_being_read_until_it_is_shown_or_cannot_be(session, engine, monkeypatch, said, qtbot):
    state, scans = session.state, engine.study().scans
    session.open(scans[0].scan, "painted")
    assert state.reading
    qtbot.waitUntil(lambda: state.scan is not None)
    assert not state.reading
    session.open(scans[0].scan, "truth")
    assert state.reading, "its labels are"
    qtbot.waitUntil(lambda: not state.reading)

    def broken(scan):
        raise SagittalError(f"{scan} is gone.")

    monkeypatch.setattr(engine, "image", broken)
    session.open(scans[1].scan, "painted")
    assert state.reading
    qtbot.waitUntil(lambda: bool(said.notices))
    assert not state.reading and state.scan.scan == scans[0].scan
