"""The device a run computes on: choosing it, naming it, its memory, and how many threads it may use."""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import TYPE_CHECKING

import psutil

from sagittal.engine_port import SagittalError

if TYPE_CHECKING:
    import torch

THREADS_VARIABLE = "SAGITTAL_THREADS"
"""Environment variable that fixes how many cores the maths may use."""
NICENESS = 10
"""Of threads that compute: beside a thread of niceness 0 they get a tenth of a core."""
_GIB = 2**30


def resolve(name: str) -> torch.device:
    """The torch device `name` ("auto", "cpu", "cuda" or "cuda:N") stands for here. Imports torch.

    Raises `SagittalError` where the name is unknown or the device is not in this machine.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    kind, _, index = name.partition(":")
    if kind != "cuda" or (index and not index.isdigit()):
        raise SagittalError(f"The device must be auto, cpu, cuda or cuda:N; got '{name}'.")
    if int(index or 0) >= count:
        found = f"only {count} CUDA device{'s' if count > 1 else ''}" if count else "no CUDA device"
        raise SagittalError(f"The device '{name}' was asked for, but this machine has {found}. Choose auto or cpu.")
    return torch.device("cuda", int(index or 0))


def resolve_if_loaded(name: str) -> torch.device | None:
    """As `resolve`, but None as long as torch is not loaded and "auto" or "cpu" cannot fail anyway."""
    if "torch" not in sys.modules and name in ("auto", "cpu"):
        return None
    return resolve(name)


def cores() -> int:
    """Cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def compute_threads() -> int:
    """Threads for the maths: every core on a small machine, one left to the window on a larger one.

    More cores than the physical ones only make the threads of one multiplication wait for each other.
    """
    wished = os.environ.get(THREADS_VARIABLE, "")
    if wished.isdigit() and int(wished) > 0:
        return int(wished)
    usable = min(cores(), psutil.cpu_count(logical=False) or cores())
    return usable if usable <= 2 else usable - 1


def give_way() -> None:
    """Has the calling thread, and those it starts from now on, scheduled behind the window's.

    A step's maths uses every core of a small machine; a window that shares them fairly answers three times later.
    Linux gives each thread a niceness of its own; elsewhere this does nothing. A thread cannot take it back.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def use_threads() -> None:
    """Gives the calling thread's maths `compute_threads` threads."""
    import torch

    torch.set_num_threads(compute_threads())


def memory_used(device: torch.device) -> int:
    """Bytes a run holds: of the CUDA device's memory there, else of this process."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.memory_reserved(device))
    return int(psutil.Process().memory_info().rss)


def release() -> None:
    """Gives memory that ended work left behind back to the GPU; nothing where no GPU was used."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def title(device: torch.device) -> str:
    """The device in words: "CPU, 2 cores" or the GPU's name."""
    if device.type == "cuda":
        import torch

        return str(torch.cuda.get_device_name(device))
    return _processor()


def line() -> str:
    """The device and its memory for the status bar; of a GPU only once torch is loaded."""
    device = resolve_if_loaded("auto")
    if device is not None and device.type == "cuda":
        import torch

        free, total = torch.cuda.mem_get_info(device)
        return f"{title(device)} · {(total - free) / _GIB:.1f} of {total / _GIB:.0f} GB"
    memory = psutil.virtual_memory()
    used = memory.total - memory.available
    return f"{_processor()} · {used / _GIB:.1f} of {memory.total / _GIB:.0f} GB"


def _processor() -> str:
    count = cores()
    return f"CPU, {count} core{'s' if count > 1 else ''}"
