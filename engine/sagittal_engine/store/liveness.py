"""Who runs a run, and whether that program still lives."""

from __future__ import annotations

import functools
import os
import socket
import time

import psutil

HEARTBEAT_SECONDS = 5.0
"""How often a living run says so in its `state.json`."""
STALE_SECONDS = 60.0
"""A heartbeat older than this, of a program that cannot be looked up, counts as dead."""


@functools.cache
def _host() -> str:
    return socket.gethostname()


def _birth(pid: int) -> str:
    """The process's start time, to tell it from a later process (or a later boot) with the same number."""
    try:
        return f"{psutil.Process(pid).create_time():.1f}"
    except psutil.Error:
        return ""


def this_program() -> str:
    """Names this process for `state.json`: host, process number and start time."""
    return _own_name(os.getpid())


@functools.cache
def _own_name(pid: int) -> str:
    return f"{_host()}|{pid}|{_birth(pid)}"


def is_alive(program: str, heartbeat: float) -> bool:
    """Whether `program` (as `this_program` named it) still runs.

    On the machine that wrote it the process itself is looked up; from elsewhere (a study on a network drive) only
    the age of the heartbeat can tell.
    """
    host, _, rest = program.partition("|")
    pid, _, birth = rest.partition("|")
    if host == _host() and pid.isdigit():
        return bool(birth) and _same_moment(_birth(int(pid)), birth)
    return time.time() - heartbeat < STALE_SECONDS


def _same_moment(one: str, other: str) -> bool:
    """Start times within two seconds: the system derives them from a boot time it may correct slightly."""
    return bool(one) and abs(float(one) - float(other)) < 2.0
