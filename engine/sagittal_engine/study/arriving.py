"""Scans on their way into memory: long DICOM series are lent from their first slice on, and read on in the background.

first() ── middle slice read ──→ lent with an `Arrival` ── last slice read ──→ kept; whole() and the next first()
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from sagittal.engine_port import SagittalError
from sagittal.facts import Arrival
from sagittal_engine import imaging
from sagittal_engine.errors import explain

MANY_FILES = 24
"""Shorter series are read in one go: they take a fraction of a second."""


class _Reading:
    """One scan being read on a thread of its own."""

    def __init__(self, source: imaging.Source, keep: Callable[[imaging.Volume], None]) -> None:
        self.arrival = Arrival()
        self.volume: imaging.Volume | None = None
        self.error: BaseException | None = None
        self.some = threading.Event()
        """Set once there is a slice to show, or an error."""
        self._source, self._keep = source, keep
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sagittal-read")
        self._thread.start()

    def _run(self) -> None:
        try:
            for volume, share in imaging.read_gradually(self._source):
                if self._stop.is_set():
                    raise SagittalError("The study was closed before the scan was read. Open it again.")
                self.volume = volume
                if share >= 1.0:
                    self._keep(volume)  # first, so that whoever sees the whole share finds the whole scan
                self.arrival.share = share
                self.some.set()
        except BaseException as error:  # it reaches whoever waits for the scan
            self.error = error
            self.arrival.problem, _ = explain(error, f"reading {self._source.name}")
        finally:
            self.some.set()

    def wait(self) -> imaging.Volume:
        """The whole volume, once it is there; raises what reading raised."""
        self._thread.join()
        if self.error is not None:
            raise self.error
        assert self.volume is not None
        return self.volume

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


class Arriving:
    """The scans of one study that are being read. Methods may be called from any thread."""

    def __init__(self, keep: Callable[[str, imaging.Volume], None]) -> None:
        """`keep` takes every scan that has become whole."""
        self._keep = keep
        self._lock = threading.Lock()
        self._under_way: dict[str, _Reading] = {}

    def first(self, scan: str, source: imaging.Source) -> tuple[imaging.Volume, Arrival]:
        """The volume with at least its middle slice, and how much of it has come. Raises where that cannot be read."""
        with self._lock:
            reading = self._under_way.get(scan)
            if reading is None:
                reading = self._under_way[scan] = _Reading(source, lambda volume: self._done(scan, volume))
        reading.some.wait()
        if reading.volume is None or reading.error is not None:
            self._forget(scan)
            return reading.wait(), reading.arrival
        return reading.volume, reading.arrival

    def whole(self, scan: str) -> imaging.Volume | None:
        """Waits for a scan that is being read, and raises what reading raised; None where none is."""
        with self._lock:
            reading = self._under_way.get(scan)
        if reading is None:
            return None
        try:
            return reading.wait()
        finally:
            self._forget(scan)

    def stop(self) -> None:
        """Gives up whatever is being read and waits for its threads."""
        with self._lock:
            readings = list(self._under_way.values())
            self._under_way.clear()
        for reading in readings:
            reading.stop()

    def _done(self, scan: str, volume: imaging.Volume) -> None:
        self._keep(scan, volume)
        self._forget(scan)

    def _forget(self, scan: str) -> None:
        with self._lock:
            self._under_way.pop(scan, None)
