"""Worker processes for preparation: spawned, one maths thread each, gone with their parent. No torch."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal_engine.executors import cluster
from sagittal_engine.executors.spawning import ModuleContext

FEW = 4
"""Below this many items starting processes costs more than it saves."""
POLL_SECONDS = 0.2


def _context_for(function: Callable[[Any], Any]) -> SpawnContext:
    """Spawned workers; with the main script where `function` is defined in it."""
    inner = getattr(function, "func", function)
    return SpawnContext() if getattr(inner, "__module__", None) == "__main__" else ModuleContext()


def _start_worker() -> None:
    """Runs first in every worker: one thread for the maths, and an end when the parent ends."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, name="sagittal-follow-parent", daemon=True).start()


def spread(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    workers: int,
    boundary: Callable[[], None],
) -> Iterator[Any]:
    """`function` over `items` on `workers` spawned processes, results in order; `boundary` is called while waiting.

    At most two items per worker are under way, so a long iterable is not held in memory. Few items, or one core,
    are worked off in this process. Where the user named a cluster, more than a few go there. Whatever `function`
    raises is raised here, and no worker outlives the iterator.
    """
    rest = iter(items)
    first = list(itertools.islice(rest, FEW))
    everything = itertools.chain(first, rest)
    where = cluster.address()
    if where and len(first) == FEW:
        yield from cluster.spread_on_cluster(function, everything, where=where, boundary=boundary)
        return
    if workers < 2 or len(first) < FEW:
        for item in everything:
            boundary()
            yield function(item)
        return
    yield from _on_processes(function, everything, workers, boundary)


def _on_processes(
    function: Callable[[Any], Any], items: Iterator[Any], workers: int, boundary: Callable[[], None]
) -> Iterator[Any]:
    pool = ProcessPoolExecutor(workers, mp_context=_context_for(function), initializer=_start_worker)
    under_way: deque[Future[Any]] = deque(pool.submit(function, item) for item in itertools.islice(items, 2 * workers))
    finished = False
    try:
        while under_way:
            future = under_way.popleft()
            while not future.done():
                boundary()
                wait([future], timeout=POLL_SECONDS)
            result = future.result()
            for item in itertools.islice(items, 1):
                under_way.append(pool.submit(function, item))
            yield result
        finished = True
    except BrokenProcessPool as error:
        raise SagittalError(
            "A worker process ended unexpectedly while preparing. The usual causes are too little memory, or a script "
            'that starts training outside `if __name__ == "__main__":`. Close other programs, or mend the script.'
        ) from error
    finally:
        _end(pool, at_once=not finished)


def _end(pool: ProcessPoolExecutor, *, at_once: bool) -> None:
    """Ends the workers; `at_once` without awaiting the items under way (the user must not wait for them)."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    if at_once:
        for process in processes:
            process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)
