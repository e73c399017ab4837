"""Requests take effect at the boundary, and nowhere else."""

from __future__ import annotations

import threading
import time

import pytest

from sagittal_engine.control import Cancelled, Control, Stopped


def test_a_quiet_boundary_returns():
    Control().boundary()


@pytest.mark.parametrize("ask, raised", [("request_stop", Stopped), ("request_cancel", Cancelled)])
def test_an_end_unwinds(ask, raised):
    control = Control()
    getattr(control, ask)()
    assert control.ending
    with pytest.raises(raised):
        control.boundary()
    assert not issubclass(raised, Exception), "a method's `except Exception` must not swallow it"


def test_only_a_cancel_breaks_a_step():
    control = Control()
    control.request_stop()
    control.raise_if_cancelled()
    control.request_cancel()
    with pytest.raises(Cancelled):
        control.raise_if_cancelled()


def test_a_cancel_outweighs_a_stop():
    control = Control()
    control.request_stop()
    control.request_cancel()
    with pytest.raises(Cancelled):
        control.boundary()


def worker(control, calls):
    control.on_pause = lambda: calls.append("paused")
    control.on_continue = lambda: calls.append("continued")

    def work():
        try:
            while True:
                control.boundary()
                time.sleep(0.001)
        except Stopped:
            calls.append("stopped")

    thread = threading.Thread(target=work, name="sagittal-test")
    thread.start()
    return thread


def wait_for(calls, wanted):
    deadline = time.monotonic() + 10
    while calls != wanted and time.monotonic() < deadline:
        time.sleep(0.001)
    assert calls == wanted


def test_pause_waits_until_continued_and_a_stop_wakes_it():
    control, calls = Control(), []
    thread = worker(control, calls)
    control.request_pause()
    wait_for(calls, ["paused"])
    control.request_continue()
    wait_for(calls, ["paused", "continued"])
    control.request_pause()
    wait_for(calls, ["paused", "continued", "paused"])
    control.request_stop()
    thread.join(10)
    assert calls[-1] == "stopped" and "continued" not in calls[2:]
