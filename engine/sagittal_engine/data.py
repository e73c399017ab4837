"""What a method sees of a study, and what the engine lends it. No torch at import."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from sagittal.events import MessageRaised
from sagittal.facts import ScanFacts
from sagittal.method import ScanData
from sagittal.outbox import Post
from sagittal_engine.control import Control
from sagittal_engine.device import compute_threads
from sagittal_engine.executors.workers import spread
from sagittal_engine.progress import ProgressMeter
from sagittal_engine.store.atomic import replacing

if TYPE_CHECKING:
    import torch

    from sagittal_engine.study import Study

Array = np.ndarray[Any, Any]


class ArrayCache:
    """Keeps recently used arrays in memory, up to `limit` bytes; the one used longest ago goes first."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = psutil.virtual_memory().available // 4 if limit is None else limit
        self._lock = threading.Lock()
        self._arrays: OrderedDict[str, Array] = OrderedDict()
        self._size = 0

    def get(self, key: str, make: Callable[[], Array]) -> Array:
        """The array `key`, made by `make` where it is not held."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        array = make()
        with self._lock:
            if key not in self._arrays and array.nbytes <= self._limit:
                self._arrays[key] = array
                self._size += array.nbytes
            while self._size > self._limit:
                self._size -= self._arrays.popitem(last=False)[1].nbytes
        return array


class StudyScan:
    """A scan of the study as `sagittal.method.ScanData`: RAS+ canonical, float32, lent read-only."""

    def __init__(self, study: Study, facts: ScanFacts, label_set: str, images: ArrayCache) -> None:
        self.id = facts.scan
        self.name = facts.name
        self.subject = facts.subject
        self.spacing = facts.spacing
        self.meta: Mapping[str, str] = dict(facts.meta)
        self.label_set = label_set
        self._study, self._images = study, images

    def image(self) -> Array:
        """Intensities, float32, (X, Y, Z), or (X, Y, Z, C) for colour; finite, C-contiguous and not writable."""
        return self._images.get(self.id, self._read)

    def _read(self) -> Array:
        array = np.ascontiguousarray(self._study.volume(self.id).data, dtype=np.float32)
        # Float32 values cannot overflow a double: their sum is finite where all of them are.
        if not np.isfinite(array.sum(dtype=np.float64)):
            array = np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
        array = array.view()
        array.flags.writeable = False
        return array

    def labels(self) -> Mapping[str, Array]:
        """Truth masks by label name, bool, (X, Y, Z); empty where the scan has no such label set."""
        if all(s.name != self.label_set for s in self._study.scan(self.id).label_sets):
            return {}
        return self._study.masks(self.id, self.label_set)


def scans_of(study: Study, scans: Sequence[str], label_set: str) -> list[StudyScan]:
    """The scans `scans`, sorted by id, sharing one memory of images."""
    images = ArrayCache()
    return [StudyScan(study, study.scan(scan), label_set, images) for scan in sorted(scans)]


class RunContext:
    """What the engine lends a method (`sagittal.method.Context`): scans, device, boundary, progress, cache, workers."""

    def __init__(
        self,
        source: str,
        scans: Sequence[ScanData],
        device: torch.device,
        seed: int,
        *,
        control: Control,
        post: Post,
        cache: Path,
    ) -> None:
        self.scans, self.device, self.seed = scans, device, seed
        self.stepping = False
        """While steps are made only a cancel takes effect here; pause and stop wait for the loop's own boundary."""
        self._source, self._control, self._post, self._cache = source, control, post, cache
        self._runs = cache.parent / "runs"  # a study's folder holds both
        self._meter = ProgressMeter(source, post)

    def boundary(self) -> None:
        """The place where pause and cancel take effect. Raises to unwind."""
        if self.stepping:
            self._control.raise_if_cancelled()
        else:
            self._control.boundary()

    def progress(self, done: int, total: int, message: str) -> None:
        """Tells the user how far a preparation is, and honours `boundary`."""
        self.boundary()
        self._meter.show(done, total, message)

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        """The file `key` of the study's cache; where it is missing, `make(temporary_path)` writes it first.

        `key` is a relative path of plain names; its suffix is kept on the temporary path. Raises ValueError otherwise.
        """
        if not re.fullmatch(r"\w[\w.+=-]*(/\w[\w.+=-]*)*", key):
            raise ValueError(f"A cache key is made of letters, digits and . _ - + = between slashes; got '{key}'.")
        path = self._cache / key
        if not path.exists():
            with replacing(path) as temporary:
                make(temporary)
        return path

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """`function` over `items` on worker processes, results in order; in this process where they are few."""
        return spread(function, items, workers=compute_threads(), boundary=self.boundary)

    def encoder_file(self, start: str) -> Path:
        """The weights of the encoder that `start` names (see `store.encoder.find_encoder`)."""
        from sagittal_engine.store.encoder import find_encoder

        return find_encoder(self._runs, start)

    def message(self, level: str, text: str) -> None:
        """A sentence ("info", "warning" or "error") for the user and the run's log."""
        self._post(MessageRaised(self._source, level, text))
