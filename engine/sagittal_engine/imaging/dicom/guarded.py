"""Compressed frames and segmentations, read by a helper: a process of its own, with little time and little memory.

Codecs are native code. A crafted stream can crash them, keep them busy for ever, or have them ask for all the memory
there is; a library that lays out volumes believes a header. Then the helper ends, and here it is one sentence. A helper
is started when the first such file is met, and kept for the next. There are as many as threads that read at the same
time, one of which stays.

Over the pipe go JSON and bare pixels, nothing that would be unpickled:

    → {"job": "frames", "path": "…", "first": 0, "end": 3}
    ← {"more": true, "shape": [512, 512], "dtype": "<i2"}, and its pixels; once for each frame. The last of an answer is
    ← one with "more": false, with pixels or without. Where something is wrong, that is
    ← {"problem": "One sentence."}, {"errno": 2, "strerror": "…"}
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

import numpy as np

from sagittal_engine.executors.spawning import ModuleContext
from sagittal_engine.imaging.dicom.codecs import unpack
from sagittal_engine.imaging.dicom.instance import Instance, read_instance
from sagittal_engine.imaging.dicom.job import TIMES, Answer, Limits
from sagittal_engine.imaging.volume import Array, ImagingError

SECONDS = 6.0
"""Of a processor, for one frame, and one more for each million of its pixels; a slice of a scan takes hundredths."""
PATIENCE = 10
"""How many times longer it may take by the clock: a busy machine lends a helper few of its seconds."""
MEMORY = 2**29
"""Bytes that a helper may take above what it begins with, and `TIMES` those of a frame."""
BROKEN = (
    "The pixels of {name} cannot be decoded: its decoder broke down on them, or came to no end. The file is damaged; "
    "copy or export it again."
)

_CONTEXT = ModuleContext()
_idle: list[_Helper] = []
_turn = threading.Lock()


def unpack_guarded(instance: Instance, wanted: range) -> Iterator[Array]:
    """As `codecs.unpack`, in a helper. Raises `ImagingError` where that ends on the way."""
    for _, pixels in ask("frames", instance.path, first=wanted.start, end=wanted.stop):
        assert pixels is not None
        yield pixels


def ask(job: str, path: Path, **details: int) -> Iterator[Answer]:
    """What a helper answers, one after the other. Raises `ImagingError` in words; OSError as reading a file does."""
    helper = _take()
    try:
        yield from helper.answers(path, {"job": job, "path": str(path), **details})
    finally:
        _give_back(helper)


def _take() -> _Helper:
    with _turn:
        while _idle:
            helper = _idle.pop()
            if helper.is_free():
                return helper
            helper.end()
    return _Helper()


def _give_back(helper: _Helper) -> None:
    with _turn:
        if not _idle and helper.is_free():
            _idle.append(helper)
            return
    helper.end()


class _Helper:
    """This side of the pipe; one thread uses it at a time."""

    def __init__(self) -> None:
        self._pipe, theirs = _CONTEXT.Pipe()
        # A daemon goes with its parent; one whose parent was killed reads the end of the pipe, or meets its time limit.
        self._process = _CONTEXT.Process(target=_serve, args=(theirs,), name="sagittal-decoder", daemon=True)
        self._process.start()
        theirs.close()
        self._owes = False
        """An answer is not at its end."""

    def is_free(self) -> bool:
        """Whether it can be asked: it lives, and nobody left in the middle of an answer."""
        return not self._owes and self._process.is_alive()

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def answers(self, path: Path, asked: Mapping[str, Any]) -> Iterator[Answer]:
        self._owes = True
        try:
            self._pipe.send_bytes(_line(asked))
        except OSError as error:
            raise ImagingError(BROKEN.format(name=path.name)) from error
        while self._owes:
            yield self._next(path)

    def _next(self, path: Path) -> Answer:
        pixels = None
        try:
            said = json.loads(self._pipe.recv_bytes())
            if "dtype" in said:
                pixels = np.empty(said["shape"], said["dtype"])
                self._pipe.recv_bytes_into(pixels.reshape(-1).view(np.uint8).data)
        except (EOFError, OSError) as error:
            raise ImagingError(BROKEN.format(name=path.name)) from error
        self._owes = said.get("more", False)
        if "problem" in said:
            raise ImagingError(said["problem"])
        if "errno" in said:
            raise OSError(said["errno"], said["strerror"])
        return said, pixels


# What the helper does -----------------------------------------------------------------------------------------------


def _serve(pipe: Connection) -> None:
    """Answers until the other end of the pipe is gone. What codecs print, which may quote a header, goes nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the program, which then ends us
    with Path(os.devnull).open("wb") as nowhere, suppress(EOFError, BrokenPipeError):
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
        while True:
            for message in _answers(json.loads(pipe.recv_bytes()), nowhere):
                pipe.send_bytes(message)


def _answers(asked: Mapping[str, Any], nowhere: IO[bytes]) -> Iterator[Any]:
    try:
        for said, pixels in _job(asked["job"])(asked, partial(_limits, nowhere)):
            if pixels is None:
                yield _line(said)
            else:
                yield _line({**said, "shape": pixels.shape, "dtype": pixels.dtype.str})
                yield np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data
    except ImagingError as error:
        yield _line({"problem": str(error)})
    except OSError as error:
        yield _line({"errno": error.errno, "strerror": error.strerror or str(error)})


def _job(name: str) -> Callable[[Mapping[str, Any], Limits], Iterator[Answer]]:
    if name == "frames":
        return _frames
    from sagittal_engine.imaging.dicom import segments

    return {"outline": segments.outline, "planes": segments.planes}[name]


def _frames(asked: Mapping[str, Any], limits: Limits) -> Iterator[Answer]:
    """Each of the frames `first` to `end` of a file."""
    instance = read_instance(Path(asked["path"]))
    size = instance.rows * instance.columns * instance.samples
    wanted = range(asked["first"], asked["end"])
    watch = limits(TIMES * size * instance.bits_allocated // 8, size / 1e6)
    for index, pixels in zip(wanted, unpack(instance, wanted, watch), strict=True):
        yield {"more": index != wanted[-1]}, pixels


def _limits(nowhere: IO[bytes], memory: int, seconds: float) -> Callable[[], AbstractContextManager[object]]:
    _limit_memory(MEMORY + memory)
    return partial(_watch, SECONDS + seconds, nowhere)


@contextmanager
def _watch(seconds: float, nowhere: IO[bytes]) -> Iterator[None]:
    """Ends this process where the block takes longer, also in the midst of native code that holds the interpreter."""
    faulthandler.dump_traceback_later(seconds * _limit_processor(seconds), exit=True, file=nowhere)
    try:
        yield
    finally:
        _limit_processor(0.0)
        faulthandler.cancel_dump_traceback_later()


def _limit_processor(seconds: float) -> int:
    """Ends this process after so much time of a processor, or not any more for 0.

    Gives how many times as long it may then take by the clock: once, where the system cannot count (Windows).
    """
    if sys.platform == "win32":
        return 1
    signal.setitimer(signal.ITIMER_PROF, seconds)  # what it sends ends a process that has said nothing about it
    return PATIENCE


def _limit_memory(more: int) -> None:
    """Lets this process allocate so many bytes from now on, where the system can say so (Linux)."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = taken + more if most == resource.RLIM_INFINITY else min(taken + more, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode()
