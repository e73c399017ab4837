"""Preparation on a Ray cluster, where the user names one. Ray is this package's optional extra "cluster". No torch.

Training itself stays on this machine: a run is one thread beside the record it writes. What a cluster shortens is the
work over many scans before it (superpixels), which is handed out item by item.
"""

from __future__ import annotations

import importlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sagittal.engine_port import SagittalError

VARIABLE = "SAGITTAL_CLUSTER"
"""Environment variable with the address of a Ray cluster, as `ray.init` takes it: "auto", "host:6379", "local"."""
POLL_SECONDS = 0.2


def address() -> str:
    """The cluster that preparation is to use; empty where none is named."""
    return os.environ.get(VARIABLE, "").strip()


def spread_on_cluster(
    function: Callable[[Any], Any], items: Iterable[Any], *, where: str, boundary: Callable[[], None]
) -> Iterator[Any]:
    """`function` over `items` on the processors of the cluster at `where`, results in order.

    At most two items per processor are under way; `boundary` is called while waiting. The machines of the cluster need
    the same Sagittal installed, since a function travels by its name. Whatever `function` raises is raised here.

    Raises `SagittalError` where Ray is not installed, the cluster does not answer, or one of its machines is lost.
    """
    rest = iter(items)
    with _connected(where) as ray:
        call = ray.remote(_call)
        processors = max(1, int(ray.cluster_resources().get("CPU", 1)))
        under_way = deque(call.remote(function, item) for item in itertools.islice(rest, 2 * processors))
        try:
            while under_way:
                while not ray.wait([under_way[0]], timeout=POLL_SECONDS)[0]:
                    boundary()
                result = ray.get(under_way.popleft())
                boundary()
                under_way.extend(call.remote(function, item) for item in itertools.islice(rest, 1))
                yield result
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise SagittalError(
                f"The Ray cluster '{where}' lost work on the way ({type(error).__name__}). Check that its machines "
                f"have this Sagittal and enough memory, or unset {VARIABLE} to prepare on this machine."
            ) from error
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    return function(item)


@contextmanager
def _connected(where: str) -> Iterator[Any]:
    """The module `ray`, connected to the cluster `where`; a connection the program made itself is used and left."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of this program reports to anyone
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise SagittalError(
            f"{VARIABLE} names a Ray cluster, but Ray is not installed. Install it with "
            f"`python -m pip install 'sagittal[cluster]'`, or unset {VARIABLE}."
        ) from error
    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address=where, log_to_driver=False, configure_logging=False)
    except Exception as error:  # Ray names no common type: ConnectionError, ValueError, RuntimeError, its own
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SagittalError(
            f"The Ray cluster '{where}' of {VARIABLE} does not answer: {words} Start it (`ray start --head`), or unset "
            f"{VARIABLE} to prepare on this machine."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
