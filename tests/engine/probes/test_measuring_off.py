"""What measures a run is turned off while it goes on."""

from __future__ import annotations

import time

from sagittal.events import MessageRaised, State, StateChanged
from sagittal.run_request import RunRequest


def until_paused(workshop):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        workshop.events += workshop.engine.events()
        if any(isinstance(e, StateChanged) and e.state is State.PAUSED for e in workshop.events):
            return
        time.sleep(0.005)
    raise AssertionError("the run did not pause")


def test_probes_are_turned_off_while_a_run_goes_on_and_measure_again_when_it_is_resumed(workshop):
    engine = workshop.engine
    probes = ("geometry:every=1,images=4",)
    run = engine.start(RunRequest(method="patches", parameters={"steps": 30}, probes=probes, device="cpu", stop_at=20))
    engine.request_pause(run)
    until_paused(workshop)
    engine.request_measuring(run, False)
    engine.request_continue(run)
    workshop.wait(run)
    measured = engine.run(run).metrics.get("alignment", ([], []))[0]
    assert max(measured, default=0) < 20
    assert any(isinstance(e, MessageRaised) and e.text.startswith("Measuring was turned off") for e in workshop.events)
    workshop.events.clear()
    engine.resume(run)
    workshop.wait(run)
    assert engine.run(run).metrics["alignment"][0][-10:] == list(range(21, 31))
