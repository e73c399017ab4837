"""Spawned processes that do not run the program's main script again. No torch."""

from __future__ import annotations

import sys
import threading
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType

_starting = threading.Lock()


class _Process(SpawnProcess):
    """See `ModuleContext`."""

    def start(self) -> None:
        with _starting:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                super().start()
            finally:
                sys.modules["__main__"] = main


class ModuleContext(SpawnContext):
    """What `multiprocessing.get_context("spawn")` is, for work that is defined in modules.

    A spawned process imports the script its parent was started from, so that what is defined there can be found. A
    notebook user's script without `if __name__ == "__main__":` would then train in every process. So the script is kept
    out of sight for the moment of starting.
    """

    Process = _Process
