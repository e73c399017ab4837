"""A lane per device, tasks on their own threads, worker processes, and what a context lends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from sagittal.engine_port import SagittalError
from sagittal.events import MessageRaised, Reason, State, StateChanged, TaskFinished, TaskProgress
from sagittal.outbox import Outbox
from sagittal_engine.control import Cancelled, Control
from sagittal_engine.data import ArrayCache, RunContext, scans_of
from sagittal_engine.executors.lanes import Lanes
from sagittal_engine.executors.workers import spread
from sagittal_engine.progress import ProgressMeter
from sagittal_engine.tasks import Task, Tasks


def test_lanes_run_one_after_the_other_and_devices_beside_each_other():
    lanes, gate, order = Lanes(), threading.Event(), []
    entered = []

    def work(name, wait=False):
        def run():
            order.append(name)
            if wait:
                gate.wait(10)

        return run

    for device, name in (("cpu", "a"), ("cpu", "b"), ("cpu", "c"), ("cuda:0", "d")):
        lanes.submit(device, name, work(name, wait=name == "a"), enters=entered.append)
    assert entered == [False, True, True, False]
    assert lanes.withdraw("b") and not lanes.withdraw("b") and not lanes.withdraw("a")
    gate.set()
    lanes.join()
    assert sorted(order[:2]) == ["a", "d"] and order[2:] == ["c"]


def test_a_task_ends_once_with_its_result():
    outbox = Outbox()
    tasks = Tasks(outbox.post)

    def work(task):
        task.progress(1, 2, "half")
        task.message("info", "by the way")
        return {"answer": 42}

    source = tasks.start("import", "Importing", work)
    tasks.join()
    events = outbox.drain()
    assert [type(e) for e in events] == [StateChanged, TaskProgress, MessageRaised, StateChanged, TaskFinished]
    assert all(e.source == source for e in events)
    assert (events[-1].reason, events[-1].result, events[-1].kind) == (Reason.COMPLETED, {"answer": 42}, "import")
    assert events[0].title == "Importing" and events[3].state is State.FINISHED and not tasks.busy


@pytest.mark.parametrize(
    "fault, words, detailed",
    [(SagittalError("Mend it."), "Mend it.", False), (ValueError("odd"), "ValueError: odd", True),
     (MemoryError(), "memory was too small", False)],
)  # fmt: skip
def test_a_failed_task_says_why(fault, words, detailed):
    outbox = Outbox()
    tasks = Tasks(outbox.post)

    def work(task):
        raise fault

    tasks.start("import", "Importing", work)
    tasks.join()
    end = outbox.drain()[-1]
    assert end.reason is Reason.FAILED and words in end.error and bool(end.detail) is detailed


def test_a_task_is_cancelled_at_its_boundary():
    outbox = Outbox()
    tasks = Tasks(outbox.post)

    def work(task):
        while True:
            task.boundary()
            time.sleep(0.001)

    source = tasks.start("segment", "Segmenting", work)
    tasks.find(source).control.request_cancel()
    tasks.join()
    assert outbox.drain()[-1].reason is Reason.CANCELLED and tasks.find(source) is None


def test_progress_is_thinned_but_its_end_is_always_told(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    told = []
    meter = ProgressMeter("t", told.append)
    for done in range(101):
        now[0] += 0.05
        meter.show(done, 100, "working")
    assert 30 < len(told) < 60 and told[-1].done == 100
    assert told[0].seconds_left is None and told[-2].seconds_left == pytest.approx(0.1, rel=0.5)


def test_another_part_of_the_work_is_always_told():
    told = []
    task = Task("spectrum", "Spectrum", told.append)
    task.begin("Loading the run")
    ProgressMeter(task.id, told.append).show(3, 3, "Cutting scans into slices")  # as a method's context has its own
    task.begin("Preparing the batch")
    task.progress(0, 1, "Reading")
    task.progress(0, 1, "Drawing")
    task.progress(1, 1, "Drawn")
    task.progress(0, 1, "Once more")
    assert [(event.done, event.total, event.message) for event in told] == [
        (0, 0, "Loading the run"), (3, 3, "Cutting scans into slices"), (0, 0, "Preparing the batch"),
        (0, 1, "Reading"), (0, 1, "Drawing"), (1, 1, "Drawn"), (0, 1, "Once more"),
    ]  # fmt: skip
    assert all(event.seconds_left is None for event in told)


def test_few_items_stay_in_this_process():
    assert list(spread(_process, range(3), workers=8, boundary=lambda: None)) == [(n, os.getpid()) for n in range(3)]
    assert {p for _, p in spread(_process, range(9), workers=1, boundary=lambda: None)} == {os.getpid()}


def _process(n):
    return n, os.getpid()


def test_workers_keep_the_order_and_pass_on_what_was_raised():
    results = list(spread(abs, range(-9, 0), workers=2, boundary=lambda: None))
    assert results == list(range(9, 0, -1))
    with pytest.raises(ValueError, match="'x'"):
        list(spread(int, ["1", "2", "3", "4", "x", "6"], workers=2, boundary=lambda: None))


UNGUARDED = """
from sagittal_engine.executors.workers import spread
print("top")
print(list(spread(abs, [-1, -2, -3, -4, -5], workers=2, boundary=lambda: None)))
"""


def test_a_script_without_a_main_guard_is_not_run_again_by_its_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=100)
    assert found.stdout == "top\n[1, 2, 3, 4, 5]\n", found.stderr


def test_cancelling_ends_the_workers_at_once():
    control = Control()
    begun = time.monotonic()
    threading.Timer(1.0, control.request_cancel).start()
    with pytest.raises(Cancelled):
        list(spread(time.sleep, [60.0] * 8, workers=2, boundary=control.boundary))
    assert time.monotonic() - begun < 15


def make_context(study, outbox=None, control=None):
    scans = scans_of(study, [s.scan for s in study.facts().scans], "truth")
    return RunContext(
        "r", scans, "cpu", 0, control=control or Control(), post=(outbox or Outbox()).post, cache=study.cache_folder
    )


def test_scans_come_sorted_read_only_and_with_their_truth(study):
    context = make_context(study)
    assert [s.id for s in context.scans] == sorted(s.scan for s in study.facts().scans)
    scan = context.scans[0]
    image = scan.image()
    assert image.dtype == np.float32 and image.shape == (12, 10, 6) and not image.flags.writeable
    assert scan.image() is image, "kept in memory"
    assert scan.labels()["organ"].dtype == bool
    assert scans_of(study, [scan.id], "painted")[0].labels() == {}


def test_a_cached_file_is_made_once_and_never_half(study):
    context, made = make_context(study), []

    def make(path):
        made.append(path)
        path.write_text("content")

    path = context.cached("tiny/one.txt", make)
    assert context.cached("tiny/one.txt", make) == path and len(made) == 1
    assert made[0] != path and path.is_relative_to(study.cache_folder)

    def fail(path):
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        context.cached("two.txt", fail)
    assert not list(study.cache_folder.rglob("*two*"))
    for wrong in ("../out", "/abs", "a//b", ""):
        with pytest.raises(ValueError, match="cache key"):
            context.cached(wrong, make)


def test_a_step_is_broken_by_a_cancel_only(study):
    control = Control()
    context = make_context(study, control=control)
    context.stepping = True
    control.request_pause()
    control.request_stop()
    context.boundary()
    control.request_cancel()
    with pytest.raises(Cancelled):
        context.boundary()


def test_the_array_cache_keeps_to_its_limit():
    cache, made = ArrayCache(limit=100), []

    def make(key):
        def build():
            made.append(key)
            return np.zeros(40, np.uint8)

        return build

    for key in "aabbcacc":
        cache.get(key, make(key))
    assert made == ["a", "b", "c", "a"]
    cache.get("huge", lambda: np.zeros(1000, np.uint8))
    cache.get("c", make("c"))
    assert made == ["a", "b", "c", "a"]
