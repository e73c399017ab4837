"""Keeps None, True and False alive under Qt bindings that release them once too often.

From Python 3.12 on these objects are immortal (PEP 683, https://peps.python.org/pep-0683/), and PySide6 6.12.0
counts on that everywhere: on 3.11 each call that returns None through it takes one reference from None, and after
some thousands the interpreter aborts with "deallocating None". Giving each of them more references than a program can
ever take makes 3.11 behave as 3.12 does. Needless without Python 3.11, or without PySide6 6.12.0.
"""

from __future__ import annotations

import ctypes
import sys

IMMORTAL = 1 << 40
"""References given: a window that lost a million a second would last twelve days."""


def keep_alive() -> None:
    """Does what the module's docstring says; once per process, and nothing from Python 3.12 on."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return
    for one in (None, True, False):
        if sys.getrefcount(one) < IMMORTAL // 2:
            # The reference count is the first field of an object in CPython's ordinary builds.
            ctypes.c_ssize_t.from_address(id(one)).value += IMMORTAL
