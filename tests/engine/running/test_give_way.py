"""Threads that compute are scheduled behind the window's; the caller's own thread is left as it is."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from sagittal_engine.device import NICENESS, give_way


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each thread a niceness of its own")
def test_a_computing_thread_and_those_it_starts_give_way():
    found: list[int] = []

    def compute() -> None:
        give_way()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        child = threading.Thread(
            target=lambda: found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        )
        child.start()
        child.join()

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=compute)
    thread.start()
    thread.join()
    assert found == [max(NICENESS, before)] * 2
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
